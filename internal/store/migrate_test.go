package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"signet/internal/store"
	"signet/internal/store/storetest"
)

// The release before works on the schema of the next, so that replicas can be
// replaced one by one; an older one refuses to.
func TestSchemaOfANewerReleaseIsRefused(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, db *store.DB) {
		files := fstest.MapFS{}
		for n := range 3 {
			files[fmt.Sprintf("owner/%04d_step.sql", n+1)] = &fstest.MapFile{Data: fmt.Appendf(nil, "-- +goose Up\nCREATE TABLE step%d (n BIGINT NOT NULL);", n)}
		}
		if err := db.Migrate(t.Context(), files, "owner"); err != nil {
			t.Fatal(err)
		}
		delete(files, "owner/0003_step.sql")
		if err := db.Migrate(t.Context(), files, "owner"); err != nil {
			t.Errorf("one step behind: Migrate = %v", err)
		}
		delete(files, "owner/0002_step.sql")
		if err := db.Migrate(t.Context(), files, "owner"); !errors.Is(err, store.ErrSchemaTooNew) {
			t.Errorf("Migrate = %v, want %v", err, store.ErrSchemaTooNew)
		}
	})
}

// A migration whose second statement fails leaves nothing of its first.
func TestBrokenMigrationLeavesNothing(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, db *store.DB) {
		broken := fstest.MapFS{"owner/0001_step.sql": {Data: []byte("-- +goose Up\nCREATE TABLE half (n BIGINT NOT NULL);\nCREATE TABLE half (n BIGINT NOT NULL);")}}
		if err := db.Migrate(t.Context(), broken, "owner"); err == nil {
			t.Fatal("the broken migration passed")
		}
		var n int
		if err := db.QueryRow(t.Context(), "SELECT n FROM half").Scan(&n); err == nil || errors.Is(err, sql.ErrNoRows) {
			t.Error("the first half of the migration is there")
		}
	})
}

func TestProcessesMigrateAtTheSameTime(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		schema := fstest.MapFS{
			"counter/0001_rows.sql": {Data: []byte("-- +goose Up\nCREATE TABLE counter (name TEXT NOT NULL PRIMARY KEY, n BIGINT NOT NULL);\nINSERT INTO counter (name, n) VALUES ('a', 0);")},
			"counter/0002_more.sql": {Data: []byte("-- +goose Up\nUPDATE counter SET n = n + 1;")},
		}
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				db, err := store.Open(t.Context(), url)
				if err != nil {
					t.Error(err)
					return
				}
				defer db.Close()
				if err := db.Migrate(t.Context(), schema, "counter"); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		db, err := store.Open(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if got := count(t, db); got != 1 {
			t.Errorf("the second migration ran %d times, want once", got)
		}
	})
}

// A migration that waits for another process obeys its context.
func TestWaitingToMigrateObeysTheContext(t *testing.T) {
	url := storetest.SQLite(t)
	db := storetest.Open(t, url, nil)
	other, err := sql.Open("sqlite", strings.TrimPrefix(url, "sqlite:")+".migrating")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	other.SetMaxOpenConns(1)
	if _, err := other.Exec("BEGIN EXCLUSIVE"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := db.Migrate(ctx, fstest.MapFS{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Migrate = %v, want %v", err, context.DeadlineExceeded)
	}
}
