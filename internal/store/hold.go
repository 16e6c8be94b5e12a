package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"hash/fnv"
)

// ErrHeld says that another process holds what only one may.
var ErrHeld = errors.New("another process holds it")

// Hold takes a right of that name that one process has at a time, among those that use the
// same database, or fails with ErrHeld. The right ends with release and with the process,
// however that ends. On PostgreSQL it ends too when the connection breaks that it hangs on,
// so what must never be done twice is checked in the statements that do it.
func (db *DB) Hold(ctx context.Context, name string) (release func(), err error) {
	if db.engine == PostgreSQL {
		return db.holdSession(ctx, name)
	}
	held, err := db.holdFile(ctx, db.path+"."+name)
	if isConflict(err) {
		err = ErrHeld
	}
	return held, err
}

// holdFile locks a file beside the database, by SQLite's own lock, which ends with the
// process. It does not wait.
func (db *DB) holdFile(ctx context.Context, path string) (release func(), err error) {
	if err := createPrivately(path); err != nil {
		return nil, err
	}
	beside, err := sql.Open("sqlite", sqliteDSN(path, "busy_timeout(0)"))
	if err != nil {
		return nil, err
	}
	beside.SetMaxOpenConns(1)
	if _, err := beside.ExecContext(ctx, "BEGIN EXCLUSIVE"); err != nil {
		return nil, errors.Join(err, beside.Close())
	}
	return func() { _ = beside.Close() }, nil
}

// holdSession takes an advisory lock that hangs on one connection.
func (db *DB) holdSession(ctx context.Context, name string) (release func(), err error) {
	id, err := db.lockID(ctx, name)
	if err != nil {
		return nil, err
	}
	conn, err := db.pool.Conn(ctx)
	if err != nil {
		return nil, err
	}
	var held bool
	err = conn.QueryRowContext(ctx, "SELECT pg_try_advisory_lock($1)", id).Scan(&held)
	if err == nil && !held {
		err = ErrHeld
	}
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return func() {
		_, _ = conn.ExecContext(context.WithoutCancel(ctx), "SELECT pg_advisory_unlock($1)", id)
		_ = conn.Close()
	}, nil
}

// lockID names a lock that only the processes on this schema share.
func (db *DB) lockID(ctx context.Context, name string) (int64, error) {
	var schema string
	if err := db.QueryRow(ctx, "SELECT current_schema()").Scan(&schema); err != nil {
		return 0, err
	}
	id := fnv.New32a()
	fmt.Fprintf(id, "signet %s %s", name, schema)
	return int64(id.Sum32()), nil
}
