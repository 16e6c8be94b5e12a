package log

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"signet/internal/store"
)

// createHead makes the head of an empty tree, unless the log has one.
func createHead(ctx context.Context, q store.Queryer, log, origin string, empty tlog.Hash) error {
	_, err := q.Exec(ctx, `INSERT INTO log_heads (log, origin, size, root_hash, time_ms) VALUES ($1, $2, 0, $3, 0)
		ON CONFLICT (log) DO NOTHING`, log, origin, empty[:])
	return err
}

func selectHead(ctx context.Context, q store.Queryer, log string) (h head, err error) {
	var root []byte
	err = q.QueryRow(ctx, `SELECT origin, size, root_hash, time_ms FROM log_heads WHERE log = $1`, log).Scan(&h.origin, &h.N, &root, &h.ms)
	if err != nil {
		return head{}, err
	}
	h.Hash, err = hashOf(root)
	return h, err
}

// updateHead moves the head from one tree to the next, if it is still there and the holder
// has the lease.
func updateHead(ctx context.Context, tx *store.Tx, log string, from, to head, holder string, now time.Time) (moved bool, err error) {
	return store.Changed(tx.Exec(ctx, `UPDATE log_heads SET size = $2, root_hash = $3, time_ms = $4
		WHERE log = $1 AND size = $5 AND root_hash = $6
		AND EXISTS (SELECT 1 FROM log_leases WHERE log = $1 AND holder = $7 AND until_ms > $8)`,
		log, to.N, to.Hash[:], to.ms, from.N, from.Hash[:], holder, now.UnixMilli()))
}

// putTile makes a row, or makes one wider.
func putTile(ctx context.Context, tx *store.Tx, log string, t tile) (widened bool, err error) {
	return store.Changed(tx.Exec(ctx, `INSERT INTO log_tiles (log, level, n, width, data) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (log, level, n) DO UPDATE SET width = $4, data = $5 WHERE log_tiles.width < $4`,
		log, t.level, t.n, t.width, t.data))
}

func selectTile(ctx context.Context, q store.Queryer, log string, level int, n int64) (t tile, err error) {
	t = tile{level: level, n: n}
	err = q.QueryRow(ctx, `SELECT width, data FROM log_tiles WHERE log = $1 AND level = $2 AND n = $3`, log, level, n).Scan(&t.width, &t.data)
	return t, err
}

// selectBundles reads the bundles of numbers from first to last.
func selectBundles(ctx context.Context, q store.Queryer, log string, first, last int64) (bundles []tile, err error) {
	rows, err := q.Query(ctx, `SELECT n, width, data FROM log_tiles WHERE log = $1 AND level = $2 AND n >= $3 AND n <= $4 ORDER BY n`,
		log, bundleLevel, first, last)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		t := tile{level: bundleLevel}
		if err := rows.Scan(&t.n, &t.width, &t.data); err != nil {
			return nil, err
		}
		bundles = append(bundles, t)
	}
	return bundles, rows.Err()
}

// selectCheckpoint reads the newest one; sql.ErrNoRows if there is none.
func selectCheckpoint(ctx context.Context, q store.Queryer, log string) (c Checkpoint, err error) {
	var root []byte
	err = q.QueryRow(ctx, `SELECT size, root_hash, note FROM log_checkpoints WHERE log = $1 ORDER BY size DESC LIMIT 1`, log).Scan(&c.N, &root, &c.Note)
	if err != nil {
		return Checkpoint{}, err
	}
	c.Hash, err = hashOf(root)
	return c, err
}

// insertCheckpoint stores a note of the head, if that is still the head and has no note.
func insertCheckpoint(ctx context.Context, tx *store.Tx, log string, c Checkpoint) error {
	_, err := tx.Exec(ctx, `INSERT INTO log_checkpoints (log, size, root_hash, note)
		SELECT log, size, root_hash, $4 FROM log_heads WHERE log = $1 AND size = $2 AND root_hash = $3
		ON CONFLICT (log, size) DO NOTHING`, log, c.N, c.Hash[:], c.Note)
	return err
}

// deleteCheckpoints forgets those before the newest.
func deleteCheckpoints(ctx context.Context, tx *store.Tx, log string) error {
	_, err := tx.Exec(ctx, `DELETE FROM log_checkpoints WHERE log = $1 AND size < (SELECT MAX(size) FROM log_checkpoints WHERE log = $1)`, log)
	return err
}

// selectLease reads who holds the lease, nobody if it was never taken.
func selectLease(ctx context.Context, q store.Queryer, log string) (held lease, err error) {
	var until int64
	err = q.QueryRow(ctx, `SELECT holder, until_ms FROM log_leases WHERE log = $1`, log).Scan(&held.holder, &until)
	if errors.Is(err, sql.ErrNoRows) {
		return lease{}, nil
	}
	held.until = store.Time(until)
	return held, err
}

// takeLease takes or renews a lease, unless somebody else holds it at that time. One that
// ends after the limit was taken by a wrong clock.
func takeLease(ctx context.Context, q store.Queryer, log string, wanted lease, now, limit time.Time) (taken bool, err error) {
	return store.Changed(q.Exec(ctx, `INSERT INTO log_leases (log, holder, until_ms) VALUES ($1, $2, $3)
		ON CONFLICT (log) DO UPDATE SET holder = $2, until_ms = $3
		WHERE log_leases.holder = $2 OR log_leases.until_ms <= $4 OR log_leases.until_ms > $5`,
		log, wanted.holder, wanted.until.UnixMilli(), now.UnixMilli(), limit.UnixMilli()))
}

func endLease(ctx context.Context, q store.Queryer, log, holder string) error {
	_, err := q.Exec(ctx, `UPDATE log_leases SET until_ms = 0 WHERE log = $1 AND holder = $2`, log, holder)
	return err
}
