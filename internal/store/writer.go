package store

import (
	"context"
	"database/sql"
	"errors"
)

// writer hands out the connections that transactions run on.
type writer struct {
	db    *sql.DB
	begin string // the statement that begins a serializable transaction

	// SQLite only: the one connection that writes, the statements prepared on it,
	// and the right to use both, which is taken by sending to turn.
	conn  *sql.Conn
	cache *statements
	turn  chan struct{}
}

// newPostgreSQLWriter takes any connection of the pool; rivals are told apart by
// the server.
func newPostgreSQLWriter(db *sql.DB) *writer {
	return &writer{db: db, begin: "BEGIN ISOLATION LEVEL SERIALIZABLE"}
}

// newSQLiteWriter keeps one connection for good: SQLite has one writer at a time
// anyway, and waiting for a turn in Go obeys a context where SQLite's own wait
// does not.
func newSQLiteWriter(ctx context.Context, db *sql.DB) (*writer, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	return &writer{
		db:    db,
		begin: "BEGIN IMMEDIATE",
		conn:  conn,
		cache: newStatements(conn.PrepareContext),
		turn:  make(chan struct{}, 1),
	}, nil
}

// acquire waits for a connection. release gives it back.
func (w *writer) acquire(ctx context.Context) (conn *sql.Conn, release func(), err error) {
	if w.conn == nil {
		conn, err := w.db.Conn(ctx)
		if err != nil {
			return nil, nil, err
		}
		return conn, func() { _ = conn.Close() }, nil
	}
	select {
	case w.turn <- struct{}{}:
		return w.conn, func() { <-w.turn }, nil
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
}

func (w *writer) close() error {
	if w.conn == nil {
		return w.db.Close()
	}
	w.turn <- struct{}{} // the last transaction ends first; no other begins
	return errors.Join(w.cache.close(), w.conn.Close(), w.db.Close())
}
