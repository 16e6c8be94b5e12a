package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

const (
	// maxTries bounds how often a transaction runs again after a conflict.
	maxTries = 16
	// maxTaken bounds how often it may meet a key that is taken. A second look settles
	// that, unless the statement is wrong.
	maxTaken = 2
	// txTimeout bounds one try, so that a database server that hangs is not waited for.
	txTimeout = 30 * time.Second
)

// ErrBusy says that a transaction met rivals each time it ran and was given up. Nothing
// is wrong with it: it may be asked for again a little later.
var ErrBusy = errors.New("the database is busy")

// errUndone is the error of a transaction in which a statement had failed and that
// was to be committed all the same.
var errUndone = errors.New("a statement failed, so the transaction was undone instead of committed")

// ErrUnsettled says that the connection broke while a transaction was being committed:
// only the database knows whether it was.
var ErrUnsettled = errors.New("nobody knows whether the transaction was committed")

// Tx is a transaction: what it reads stays true until it commits, and its writes
// happen together or not at all.
type Tx struct {
	runner
	engine Engine
	conn   *sql.Conn
	// caller is the context of who began the transaction. Others whose statements run in
	// it, as in the batches of a stream, may have left long ago: they take nobody along.
	caller context.Context
	// work outlives caller. A statement interrupted half-way costs PostgreSQL its
	// connection and ends SQLite's transaction early, so a caller who goes away is
	// noticed between statements, never within one.
	work   context.Context
	giveUp context.CancelFunc // ends work
}

// Tx runs fn in a serializable transaction and commits it if fn returns nil. On a
// conflict with another transaction fn runs again from the start, so it must set
// what it returns afresh and send nothing out of the house; what it set counts only
// if Tx returns nil. ErrBusy wraps the last of too many conflicts.
func (db *DB) Tx(ctx context.Context, fn func(*Tx) error) error {
	return again(ctx, func() error {
		if err := db.try(ctx, db.writer.begin, fn); err != nil {
			return err
		}
		return db.writer.flush()
	})
}

// beginSoon begins a TxSoon on PostgreSQL, whose log writer makes it durable.
const beginSoon = "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL synchronous_commit = off"

// TxSoon is a Tx that returns when it is committed, but a moment before it is durable: on
// SQLite a tenth of a second. Others see it and kill -9 of this process loses nothing of it;
// a power cut may. It is for what a person need not be able to rely on, such as how often
// they asked. On PostgreSQL it is not serializable, as Alone is not: where rivals write the
// same rows it waits for one after the other instead of failing, so each statement must be
// right by itself, whatever the one before it has read.
func (db *DB) TxSoon(ctx context.Context, fn func(*Tx) error) error {
	begin := db.writer.begin
	if db.engine == PostgreSQL {
		begin = beginSoon
	}
	err := again(ctx, func() error { return db.try(ctx, begin, fn) })
	if err == nil && db.engine == SQLite {
		db.writer.flushSoon()
	}
	return err
}

// again tries until it succeeds, fails for good or has met too many conflicts.
func again(ctx context.Context, try func() error) error {
	conflicts, taken := 0, 0
	for {
		err := try()
		switch {
		case isConflict(err):
			conflicts++
		case isTaken(err):
			taken++
		default:
			return err
		}
		if taken == maxTaken {
			return err
		}
		if conflicts == maxTries {
			return fmt.Errorf("%w: giving up after %d conflicts: %w", ErrBusy, conflicts, err)
		}
		if err := pause(ctx, conflicts+taken); err != nil {
			return err
		}
	}
}

// try runs fn once, in a transaction that the statement begins.
func (db *DB) try(ctx context.Context, begin string, fn func(*Tx) error) error {
	conn, release, err := db.writer.acquire(ctx)
	if err != nil {
		return err
	}
	defer release()
	work, giveUp := context.WithTimeout(context.WithoutCancel(ctx), txTimeout)
	defer giveUp()
	tx := &Tx{runner: runner{on: conn, cache: db.writer.cache, count: db.reader.count}, engine: db.engine, conn: conn, caller: ctx, work: work, giveUp: giveUp}
	if _, err := tx.exec(work, begin, nil); err != nil {
		return err
	}
	return tx.finish(ctx, fn)
}

// finish runs fn and ends the transaction, whatever happens in fn.
func (tx *Tx) finish(ctx context.Context, fn func(*Tx) error) error {
	committed := false
	defer func() {
		if !committed {
			tx.rollback()
		}
	}()
	if err := fn(tx); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	err := tx.commit()
	committed = err == nil
	return err
}

// commit is an error if nothing was committed, or ErrUnsettled. PostgreSQL answers the COMMIT of a
// transaction in which a statement failed with success and the word ROLLBACK, which
// only its own driver passes on.
func (tx *Tx) commit() error {
	if tx.engine == SQLite {
		_, err := tx.exec(tx.work, "COMMIT", nil)
		return err
	}
	return tx.conn.Raw(func(c any) error {
		tag, err := c.(*stdlib.Conn).Conn().Exec(tx.work, "COMMIT")
		if _, answered := errors.AsType[*pgconn.PgError](err); err != nil && !answered {
			return fmt.Errorf("%w: %w", ErrUnsettled, err)
		}
		if err == nil && tag.String() != "COMMIT" {
			return errUndone
		}
		return err
	})
}

// rollback undoes the transaction. A connection that cannot roll back is thrown
// away, so that nobody else continues this transaction by accident.
func (tx *Tx) rollback() {
	tx.giveUp() // closes rows that fn left open, which would hold the connection
	ctx, cancel := context.WithTimeout(context.WithoutCancel(tx.work), txTimeout)
	defer cancel()
	_, err := tx.conn.ExecContext(ctx, "ROLLBACK")
	var lite *sqlite.Error
	if err == nil || errors.As(err, &lite) { // SQLite: the failed statement has ended it already
		return
	}
	_ = tx.conn.Raw(func(any) error { return driver.ErrBadConn })
}

// pause waits a random time that grows with each try, so that rivals part.
func pause(ctx context.Context, try int) error {
	ceiling := time.Duration(4<<min(try, 6)) * time.Millisecond
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(rand.N(ceiling)):
		return nil
	}
}

// isConflict tells whether a transaction failed only because another ran at the
// same time: serialization failure and deadlock on PostgreSQL, BUSY on SQLite.
func isConflict(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code == "40001" || pg.Code == "40P01"
	}
	var lite *sqlite.Error
	return errors.As(err, &lite) && lite.Code()&0xff == sqlite3.SQLITE_BUSY
}

// isTaken tells whether PostgreSQL refused a key that is taken. A rival's row is not
// in the snapshot of a transaction that began before it, so the one who looked first
// meets it only here; run again, the transaction sees it.
func isTaken(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "23505"
}

// Query reads rows. They must be closed before the next statement.
func (tx *Tx) Query(_ context.Context, query string, args ...any) (*sql.Rows, error) {
	if err := tx.caller.Err(); err != nil {
		return nil, err
	}
	tx.count.Add(1)
	return tx.query(tx.work, query, args)
}

// QueryRow reads one row.
func (tx *Tx) QueryRow(_ context.Context, query string, args ...any) *sql.Row {
	tx.count.Add(1)
	return tx.queryRow(tx.work, query, args)
}

// Exec runs one statement.
func (tx *Tx) Exec(_ context.Context, query string, args ...any) (sql.Result, error) {
	if err := tx.caller.Err(); err != nil {
		return nil, err
	}
	tx.count.Add(1)
	return tx.exec(tx.work, query, args)
}
