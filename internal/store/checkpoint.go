package store

import (
	"context"
	"database/sql"
	"errors"
	"sync/atomic"
)

// SQLite's own checkpoint is made by whoever commits when the log is long, and nobody else
// can commit meanwhile, a tenth of a second for a large database. So one is made beside the
// transactions after so many of them, and SQLite's own, after so many pages, remains for the
// case that many are written at once.
const (
	checkpointCommits = 500
	checkpointPages   = 32_000
)

// checkpointer writes what is in the log to the file of a SQLite database, on a connection
// of its own, so that the log begins again from its start.
type checkpointer struct {
	db      *sql.DB
	sync    func() error  // syncs the file
	turn    chan struct{} // of those who write
	commits atomic.Int64
	wake    chan struct{}
	stop    context.CancelFunc
	done    chan struct{} // closed when it has stopped
}

// newCheckpointer is for the database at path, which is in WAL mode and which sync syncs.
// It takes the turn of those who write by sending.
func newCheckpointer(path string, sync func() error, turn chan struct{}) (*checkpointer, error) {
	db, err := sql.Open("sqlite", sqliteDSN(path, "busy_timeout(5000)", "synchronous(NORMAL)"))
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	ctx, stop := context.WithCancel(context.Background())
	c := &checkpointer{db: db, sync: sync, turn: turn, wake: make(chan struct{}, 1), stop: stop, done: make(chan struct{})}
	go c.run(ctx)
	return c, nil
}

// committed counts a commit.
func (c *checkpointer) committed() {
	if c.commits.Add(1)%checkpointCommits != 0 {
		return
	}
	select {
	case c.wake <- struct{}{}:
	default: // one is waited for already
	}
}

// run makes checkpoints until ctx ends. One that fails loses nothing: the log grows until
// a later one.
func (c *checkpointer) run(ctx context.Context) {
	defer close(c.done)
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.wake:
			_ = c.checkpoint(ctx)
		}
	}
}

// checkpoint writes most while others commit, and then, while nobody can, the little that
// they have committed since: only a log of which all is written begins again. SQLite syncs
// the file at that moment alone, so what was written before is synced before.
func (c *checkpointer) checkpoint(ctx context.Context) error {
	if err := errors.Join(c.write(), c.sync()); err != nil {
		return err
	}
	select {
	case c.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-c.turn }()
	return c.write()
}

// write writes what is in the log as it begins, and can be written past those who read.
func (c *checkpointer) write() error {
	_, err := c.db.ExecContext(context.Background(), "PRAGMA wal_checkpoint(PASSIVE)")
	return err
}

// close waits for a checkpoint under way. Whoever holds the turn may not call it.
func (c *checkpointer) close() error {
	c.stop()
	<-c.done
	return c.db.Close()
}
