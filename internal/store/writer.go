package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"signet/internal/together"
)

// errClosed is the error of a transaction that comes after Close.
var errClosed = errors.New("the database is closed")

// writer hands out the connections that transactions run on.
type writer struct {
	db    *sql.DB
	begin string // the statement that begins a serializable transaction

	// SQLite only: the one connection that writes, the statements prepared on it,
	// and the right to use both, which is taken by sending to turn.
	conn   *sql.Conn
	cache  *statements
	turn   chan struct{}
	closed chan struct{} // closed by who has taken the last turn
	// SQLite only: what brings commits to the disk, by these files.
	flusher      *together.Errand // syncs the log
	checkpointer *checkpointer
	files        []*os.File
	waiting      atomic.Bool // until a sync that flushSoon has asked for
}

// newPostgreSQLWriter takes any connection of the pool; rivals are told apart by
// the server.
func newPostgreSQLWriter(db *sql.DB) *writer {
	return &writer{db: db, begin: "BEGIN ISOLATION LEVEL SERIALIZABLE"}
}

// newSQLiteWriter keeps one connection for good: SQLite has one writer at a time
// anyway, and waiting for a turn in Go obeys a context where SQLite's own wait
// does not.
func newSQLiteWriter(ctx context.Context, db *sql.DB, path string) (*writer, error) {
	w := &writer{db: db, begin: "BEGIN IMMEDIATE", turn: make(chan struct{}, 1), closed: make(chan struct{})}
	// Where another process is about to turn the file to WAL, SQLite waits for nobody.
	if err := again(ctx, func() error { return w.connect(ctx) }); err != nil {
		return nil, err
	}
	if err := w.openFiles(ctx, path); err != nil {
		return nil, errors.Join(err, w.conn.Close(), w.closeFiles())
	}
	return w, nil
}

// openFiles opens the database and its log to sync them.
func (w *writer) openFiles(ctx context.Context, path string) error {
	if err := again(ctx, func() error { return w.startLog(ctx) }); err != nil {
		return err
	}
	for _, name := range []string{path, path + "-wal"} {
		f, err := os.Open(name)
		if err != nil {
			return fmt.Errorf("opening a file to sync it: %w", err)
		}
		w.files = append(w.files, f)
	}
	// A commit gives its turn on before it is durable and waits for a sync that begins after
	// it. What was committed last is read by others before: a power cut in these
	// milliseconds loses it, but none whose commit has returned.
	w.flusher = together.New(lasting(w.files[1].Sync))
	var err error
	w.checkpointer, err = newCheckpointer(path, w.files[0].Sync, w.turn)
	return err
}

// lasting is sync until it fails, and that failure from then on. After a failed sync the
// system holds what it could not write for written, so that the next one would succeed.
func lasting(sync func() error) func() error {
	var failed error
	return func() error {
		if failed == nil {
			failed = sync()
		}
		return failed
	}
}

// closeFiles comes after every connection is closed: with any descriptor of the database
// goes the lock of all connections that this process has to it (fcntl(2)).
func (w *writer) closeFiles() (err error) {
	for _, f := range w.files {
		err = errors.Join(err, f.Close())
	}
	return err
}

// startLog makes SQLite make its log, which it does with the first transaction.
func (w *writer) startLog(ctx context.Context) error {
	for _, statement := range []string{w.begin, "COMMIT"} {
		if _, err := w.conn.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

// flush returns when what was committed is durable; after an error nobody knows whether it
// is. PostgreSQL sees to that by itself.
func (w *writer) flush() error {
	if w.flusher == nil {
		return nil
	}
	w.checkpointer.committed()
	if err := w.flusher.Do(); err != nil {
		return fmt.Errorf("making a commit durable: %w", err)
	}
	return nil
}

// soon is how long after a TxSoon the log is synced, for all that were committed meanwhile.
const soon = 100 * time.Millisecond

// flushSoon has what was committed made durable, and waits for nothing. A failure lasts, so
// that the next who waits is told.
func (w *writer) flushSoon() {
	w.checkpointer.committed()
	if w.waiting.CompareAndSwap(false, true) {
		time.AfterFunc(soon, func() {
			w.waiting.Store(false)
			_ = w.flusher.Do()
		})
	}
}

// connect makes the connection that writes.
func (w *writer) connect(ctx context.Context) error {
	conn, err := w.db.Conn(ctx)
	if err != nil {
		return err
	}
	w.conn, w.cache = conn, newStatements(conn.PrepareContext)
	return nil
}

// acquire waits for a connection. release gives it back.
func (w *writer) acquire(ctx context.Context) (conn *sql.Conn, release func(), err error) {
	if w.turn == nil {
		conn, err := w.db.Conn(ctx)
		if err != nil {
			return nil, nil, err
		}
		return conn, func() { _ = conn.Close() }, nil
	}
	select {
	case w.turn <- struct{}{}:
	case <-w.closed:
		return nil, nil, errClosed
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
	release = func() { <-w.turn }
	if err := w.reconnect(ctx); err != nil {
		release()
		return nil, nil, err
	}
	return w.conn, release, nil
}

// reconnect makes the connection anew if the last transaction had to throw it away.
func (w *writer) reconnect(ctx context.Context) error {
	if w.lost() {
		return w.connect(ctx)
	}
	return nil
}

func (w *writer) lost() bool {
	return errors.Is(w.conn.Raw(func(any) error { return nil }), sql.ErrConnDone)
}

func (w *writer) close() error {
	if w.turn == nil {
		return w.db.Close()
	}
	err := w.checkpointer.close()
	select {
	case w.turn <- struct{}{}: // the last transaction ends first; no other begins
		close(w.closed)
	case <-w.closed:
		return err
	}
	if !w.lost() { // or else its statements went with the connection
		err = errors.Join(err, w.cache.close(), w.conn.Close())
	}
	return errors.Join(err, w.db.Close(), w.closeFiles())
}
