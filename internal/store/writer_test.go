package store

import (
	"database/sql/driver"
	"errors"
	"path/filepath"
	"testing"
)

// After a sync that failed nobody is told that a commit is durable.
func TestAFailedSyncLasts(t *testing.T) {
	broken := errors.New("no space")
	err := error(nil)
	sync := lasting(func() error { return err })
	for _, step := range []struct{ now, want error }{{nil, nil}, {broken, broken}, {nil, broken}} {
		err = step.now
		if got := sync(); !errors.Is(got, step.want) || step.want == nil && got != nil {
			t.Errorf("sync = %v, want %v", got, step.want)
		}
	}
}

// SQLite's one writing connection is thrown away: the next transaction makes it anew,
// and closing does not touch what went with it.
func TestALostWriterIsMadeAnew(t *testing.T) {
	lose := func(db *DB) {
		_ = db.writer.conn.Raw(func(any) error { return driver.ErrBadConn })
	}
	db, err := Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "test.db"))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := db.Exec(t.Context(), "CREATE TABLE IF NOT EXISTS x (n BIGINT NOT NULL)"); err != nil {
			t.Fatal(err)
		}
		lose(db)
		if err := db.Ping(t.Context()); err != nil {
			t.Errorf("Ping = %v", err)
		}
	}
	lose(db)
	if err := db.Close(); err != nil {
		t.Errorf("Close = %v", err)
	}
}
