package store

import "context"

// Alone runs fn, which makes one statement that writes, and commits that statement by
// itself. On PostgreSQL it is not serializable: where rivals write the same rows it waits
// for one after the other, and goes on with what they left there, instead of failing. So
// it is for what is true of each row alone, such as adding to it within bounds, and for
// rows that are always taken in the same order. Like a Tx it may run fn again, is not
// interrupted half-way and has done nothing if it fails; it must not be called within a
// Tx, which SQLite's only writer would be waited for in.
func (db *DB) Alone(ctx context.Context, fn func(Queryer) error) error {
	if db.engine == SQLite { // whose transactions wait for each other anyway
		return db.Tx(ctx, func(tx *Tx) error { return fn(tx) })
	}
	return again(ctx, func() error { return db.alone(ctx, fn) })
}

// alone is one try on PostgreSQL, which commits each statement that no BEGIN precedes.
func (db *DB) alone(ctx context.Context, fn func(Queryer) error) error {
	conn, release, err := db.writer.acquire(ctx)
	if err != nil {
		return err
	}
	defer release()
	work, giveUp := context.WithTimeout(context.WithoutCancel(ctx), txTimeout)
	defer giveUp()
	return fn(&Tx{runner: runner{on: conn, count: db.reader.count}, engine: db.engine, conn: conn, caller: ctx, work: work, giveUp: giveUp})
}
