package store

import (
	"os"
	"path/filepath"
	"testing"
)

// openToCheckpoint opens a database with a table, whose checkpoints say when they have
// written and synced what they can while others commit.
func openToCheckpoint(t *testing.T) (db *DB, beside chan struct{}) {
	t.Helper()
	db, err := Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "test.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("Close = %v", err)
		}
	})
	c := db.writer.checkpointer
	sync := c.sync
	beside = make(chan struct{}, 1)
	c.sync = func() error {
		err := sync()
		beside <- struct{}{}
		return err
	}
	commit(t, db, "CREATE TABLE x (n BIGINT NOT NULL)")
	return db, beside
}

func commit(t *testing.T, db *DB, statement string) {
	t.Helper()
	if _, err := db.Exec(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}

func fileSize(t *testing.T, db *DB) int64 {
	t.Helper()
	info, err := os.Stat(db.path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// framesLogged is how many pages the log holds.
func framesLogged(t *testing.T, db *DB) (n int) {
	t.Helper()
	var busy, written int
	if err := db.writer.checkpointer.db.QueryRowContext(t.Context(), "PRAGMA wal_checkpoint(PASSIVE)").Scan(&busy, &n, &written); err != nil {
		t.Fatal(err)
	}
	return n
}

// While a transaction is open, a checkpoint writes what was committed before; it ends when
// it has written what that one commits, and the log begins again.
func TestACheckpointIsMadeBesideTransactions(t *testing.T) {
	db, beside := openToCheckpoint(t)
	for range 100 {
		commit(t, db, "INSERT INTO x (n) VALUES (1)")
	}
	before, ended := fileSize(t, db), make(chan error, 1)
	err := db.Tx(t.Context(), func(tx *Tx) error {
		go func() { ended <- db.writer.checkpointer.checkpoint(t.Context()) }()
		<-beside
		if after := fileSize(t, db); after <= before {
			t.Errorf("the file had %d bytes and has %d, want what was committed in it", before, after)
		}
		if len(ended) > 0 {
			t.Error("the checkpoint ended without the turn")
		}
		_, err := tx.Exec(t.Context(), "INSERT INTO x (n) VALUES (2)")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Fatalf("checkpoint = %v", err)
	}
	commit(t, db, "INSERT INTO x (n) VALUES (3)")
	if n := framesLogged(t, db); n != 1 {
		t.Errorf("the log holds %d pages, want that of the last commit", n)
	}
}

// Nobody has to ask for checkpoints: enough commits do, and not fewer.
func TestCommitsMakeCheckpoints(t *testing.T) {
	db, beside := openToCheckpoint(t)
	for range checkpointCommits - 2 { // the table was one
		commit(t, db, "INSERT INTO x (n) VALUES (1)")
	}
	if len(beside) > 0 {
		t.Error("a checkpoint came early")
	}
	commit(t, db, "INSERT INTO x (n) VALUES (1)")
	<-beside
}

// A checkpoint that waits for its turn does not keep the database from being closed.
func TestClosingEndsACheckpoint(t *testing.T) {
	db, beside := openToCheckpoint(t)
	db.writer.turn <- struct{}{}
	db.writer.checkpointer.wake <- struct{}{}
	<-beside
	closed := make(chan error, 1)
	go func() { closed <- db.writer.checkpointer.close() }()
	if err := <-closed; err != nil {
		t.Errorf("close = %v", err)
	}
	<-db.writer.turn
}
