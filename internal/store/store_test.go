package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"signet/internal/store"
	"signet/internal/store/storetest"
)

func counterTable(t *testing.T, db *store.DB) {
	t.Helper()
	schema := fstest.MapFS{"counter/0001_rows.sql": {Data: []byte("-- +goose Up\nCREATE TABLE counter (name TEXT NOT NULL PRIMARY KEY, n BIGINT NOT NULL);")}}
	if err := db.Migrate(context.Background(), schema, "counter"); err != nil {
		t.Fatal(err)
	}
	exec(t, db, "INSERT INTO counter (name, n) VALUES ($1, $2)", "a", 0)
}

func exec(t *testing.T, q store.Queryer, query string, args ...any) {
	t.Helper()
	if _, err := q.Exec(context.Background(), query, args...); err != nil {
		t.Fatal(err)
	}
}

func count(t *testing.T, q store.Queryer) (n int) {
	t.Helper()
	if err := q.QueryRow(context.Background(), "SELECT n FROM counter WHERE name = $1", "a").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func add(ctx context.Context, db *store.DB) error {
	return db.Tx(ctx, func(tx *store.Tx) error {
		var n int
		if err := tx.QueryRow(ctx, "SELECT n FROM counter WHERE name = $1", "a").Scan(&n); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, "UPDATE counter SET n = $2 WHERE name = $1", "a", n+1)
		return err
	})
}

// Forty rivals read a number and write it back plus one; none is lost.
func TestReadThenWriteKeepsEveryWrite(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, db *store.DB) {
		counterTable(t, db)
		const rivals = 40
		var wg sync.WaitGroup
		errs := make(chan error, rivals)
		for range rivals {
			wg.Go(func() { errs <- add(t.Context(), db) })
		}
		wg.Wait()
		close(errs)
		for err := range errs {
			if err != nil {
				t.Error(err)
			}
		}
		if got := count(t, db); got != rivals {
			t.Errorf("counter = %d, want %d", got, rivals)
		}
	})
}

func TestTxUndoesEverythingOnError(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, db *store.DB) {
		counterTable(t, db)
		boom := errors.New("boom")
		for _, run := range []func(context.Context, func(*store.Tx) error) error{db.Tx, db.TxSoon} {
			err := run(t.Context(), func(tx *store.Tx) error {
				exec(t, tx, "UPDATE counter SET n = 7 WHERE name = $1", "a")
				return boom
			})
			if !errors.Is(err, boom) {
				t.Errorf("Tx = %v, want %v", err, boom)
			}
		}
		if got := count(t, db); got != 0 {
			t.Errorf("counter = %d after a failed transaction, want 0", got)
		}
	})
}

// What was committed without waiting for the disk is there for everybody, and after the
// database was closed and opened again.
func TestWhatIsCommittedSoonIsSeenAtOnce(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		db, err := store.Open(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		counterTable(t, db)
		for n := 1; n <= 50; n++ {
			if err := db.TxSoon(t.Context(), func(tx *store.Tx) error {
				_, err := tx.Exec(t.Context(), "UPDATE counter SET n = n + 1 WHERE name = $1", "a")
				return err
			}); err != nil {
				t.Fatal(err)
			}
			if got := count(t, db); got != n {
				t.Fatalf("counted to %d, want %d", got, n)
			}
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		if got := count(t, storetest.Open(t, url, nil)); got != 50 {
			t.Errorf("counted to %d after it was opened again, want 50", got)
		}
	})
}

// Closing again does nothing, and a transaction that comes too late is told so.
func TestCloseIsForGood(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, db *store.DB) {
		for range 2 {
			if err := db.Close(); err != nil {
				t.Errorf("Close = %v", err)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
		defer cancel()
		if err := db.Tx(ctx, func(*store.Tx) error { return nil }); err == nil || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Tx = %v, want that it is closed", err)
		}
	})
}

// A panic must not leave the transaction open: on SQLite it would hold the only
// writing connection for ever.
func TestTxUndoesEverythingOnPanic(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, db *store.DB) {
		counterTable(t, db)
		func() {
			defer func() { recover() }()
			_ = db.Tx(t.Context(), func(tx *store.Tx) error {
				exec(t, tx, "UPDATE counter SET n = 7 WHERE name = $1", "a")
				panic("boom")
			})
		}()
		if err := add(t.Context(), db); err != nil {
			t.Fatal(err)
		}
		if got := count(t, db); got != 1 {
			t.Errorf("counter = %d, want 1", got)
		}
	})
}

// A caller who goes away in the middle leaves nothing behind, and the connection
// serves the next one.
func TestTxOfACallerWhoLeft(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, db *store.DB) {
		counterTable(t, db)
		ctx, leave := context.WithCancel(t.Context())
		err := db.Tx(ctx, func(tx *store.Tx) error {
			exec(t, tx, "UPDATE counter SET n = 7 WHERE name = $1", "a")
			leave()
			return nil
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("Tx = %v, want %v", err, context.Canceled)
		}
		if got := count(t, db); got != 0 {
			t.Errorf("counter = %d, want 0", got)
		}
		if err := add(t.Context(), db); err != nil {
			t.Error(err)
		}
	})
}

// A transaction is ended by who began it, and by nobody else for whom it works.
func TestTxOutlivesWhoElseLeaves(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, db *store.DB) {
		counterTable(t, db)
		gone, leave := context.WithCancel(t.Context())
		leave()
		err := db.Tx(t.Context(), func(tx *store.Tx) error {
			rows, err := tx.Query(gone, "SELECT n FROM counter")
			if err != nil {
				return err
			}
			if err := rows.Close(); err != nil {
				return err
			}
			_, err = tx.Exec(gone, "UPDATE counter SET n = 7 WHERE name = $1", "a")
			return err
		})
		if err != nil || count(t, db) != 7 {
			t.Errorf("Tx = %v, and counter = %d, want 7", err, count(t, db))
		}
	})
}

// On PostgreSQL a failed statement spoils the transaction; on SQLite it does not.
// ON CONFLICT DO NOTHING is right on both, and Changed tells the two cases apart.
func TestChangedTellsWhetherARowWasThere(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, db *store.DB) {
		counterTable(t, db)
		for _, c := range []struct {
			name string
			want bool
		}{{"a", false}, {"b", true}, {"b", false}} {
			got, err := store.Changed(db.Exec(t.Context(), "INSERT INTO counter (name, n) VALUES ($1, 0) ON CONFLICT DO NOTHING", c.name))
			if err != nil || got != c.want {
				t.Errorf("inserting %q changed = %v, %v; want %v", c.name, got, err, c.want)
			}
		}
	})
}

// modernc.org/sqlite binds $n by its number, as PostgreSQL does; other drivers of
// SQLite bind by order. All SQL of the project rests on this.
func TestParametersBindByNumber(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, db *store.DB) {
		var first, second, again string
		err := db.QueryRow(t.Context(), "SELECT CAST($2 AS TEXT), CAST($1 AS TEXT), CAST($2 AS TEXT)", "one", "two").Scan(&first, &second, &again)
		if err != nil || first+second+again != "twoonetwo" {
			t.Errorf("got %q %q %q, %v; want two one two", first, second, again, err)
		}
	})
}

func TestReadsOutsideATransactionCannotWrite(t *testing.T) {
	db := storetest.Open(t, storetest.SQLite(t), nil)
	counterTable(t, db)
	rows, err := db.Query(t.Context(), "UPDATE counter SET n = 7 RETURNING n")
	if err == nil {
		for rows.Next() {
		}
		err = errors.Join(rows.Err(), rows.Close())
	}
	if err == nil {
		t.Error("a reading connection took an UPDATE")
	}
	if got := count(t, db); got != 0 {
		t.Errorf("counter = %d, want 0", got)
	}
}

// Each statement counts once, wherever it runs, and however its transaction ends.
func TestStatementsAreCounted(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, db *store.DB) {
		counterTable(t, db)
		before := db.Statements()
		count(t, db)
		exec(t, db, "UPDATE counter SET n = 1 WHERE name = $1", "a")
		undo := errors.New("undo")
		err := db.Tx(t.Context(), func(tx *store.Tx) error { count(t, tx); return undo })
		if n := db.Statements() - before; n != 3 || !errors.Is(err, undo) {
			t.Errorf("%d statements were counted, %v, want 3", n, err)
		}
	})
}

func TestAWriteIsSeenByTheNextRead(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, db *store.DB) {
		counterTable(t, db)
		for want := 1; want <= 100; want++ {
			if err := add(t.Context(), db); err != nil {
				t.Fatal(err)
			}
			if got := count(t, db); got != want {
				t.Fatalf("read %d after writing %d", got, want)
			}
		}
	})
}

// A transaction in which a statement failed commits nothing on PostgreSQL, and says
// so even if its function swallowed the error.
func TestASwallowedErrorIsNoCommit(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, db *store.DB) {
		counterTable(t, db)
		err := db.Tx(t.Context(), func(tx *store.Tx) error {
			exec(t, tx, "UPDATE counter SET n = 7 WHERE name = $1", "a")
			_, _ = tx.Exec(t.Context(), "SELECT nonsense FROM counter")
			return nil
		})
		if got := count(t, db); (err == nil) != (got == 7) {
			t.Errorf("Tx = %v, and counter = %d", err, got)
		}
	})
}

// Rows that a failing function left open hold nobody up.
func TestRowsLeftOpen(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, db *store.DB) {
		counterTable(t, db)
		boom := errors.New("boom")
		var rows *sql.Rows
		err := db.Tx(t.Context(), func(tx *store.Tx) (err error) {
			if rows, err = tx.Query(t.Context(), "SELECT name FROM counter"); err != nil {
				return err
			}
			rows.Next()
			return boom
		})
		if !errors.Is(err, boom) {
			t.Errorf("Tx = %v, want %v", err, boom)
		}
		rows.Close()
		if err := add(t.Context(), db); err != nil {
			t.Error(err)
		}
	})
}

// A key that is taken for good is told after a second look, not after sixteen.
func TestAKeyTakenForGood(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, db *store.DB) {
		counterTable(t, db)
		tries := 0
		err := db.Tx(t.Context(), func(tx *store.Tx) error {
			tries++
			_, err := tx.Exec(t.Context(), "INSERT INTO counter (name, n) VALUES ($1, 0)", "a")
			return err
		})
		if err == nil || tries > 2 {
			t.Errorf("Tx = %v after %d tries", err, tries)
		}
	})
}

// Conflicts say nothing about a key: the first one that is taken is looked at again,
// however many conflicts came before it.
func TestAKeyTakenAfterConflicts(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, db *store.DB) {
		counterTable(t, db)
		rivals := []error{conflict, conflict, taken, conflict}
		err := db.Tx(t.Context(), func(tx *store.Tx) error {
			if len(rivals) > 0 {
				var met error
				met, rivals = rivals[0], rivals[1:]
				return met
			}
			_, err := tx.Exec(t.Context(), "UPDATE counter SET n = n + 1")
			return err
		})
		if got := count(t, db); err != nil || got != 1 {
			t.Errorf("Tx = %v, and counter = %d; want 1", err, got)
		}
	})
}

// Who meets rivals again and again is told to come back, with the cause; who asks for a
// key that is taken is not.
func TestWhoMeetsTooManyRivalsIsTold(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, db *store.DB) {
		counterTable(t, db)
		for _, c := range []struct {
			met  error
			busy bool
		}{{conflict, true}, {taken, false}} {
			err := db.Tx(t.Context(), func(tx *store.Tx) error {
				exec(t, tx, "UPDATE counter SET n = 7")
				return fmt.Errorf("counting: %w", c.met)
			})
			if !errors.Is(err, c.met) || errors.Is(err, store.ErrBusy) != c.busy {
				t.Errorf("Tx = %v; is it %v? want %t", err, store.ErrBusy, c.busy)
			}
		}
		if got := count(t, db); got != 0 {
			t.Errorf("counter = %d, want 0", got)
		}
	})
}

// What PostgreSQL says of a transaction that met a rival.
var (
	conflict = &pgconn.PgError{Code: "40001", Message: "could not serialize access"}
	taken    = &pgconn.PgError{Code: "23505", Message: "duplicate key"}
)

func TestACommitThatFails(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, db *store.DB) {
		counterTable(t, db)
		storetest.FailCommits(t, db, "counter")
		if err := add(t.Context(), db); err == nil {
			t.Error("Tx says that it committed")
		}
		if got := count(t, db); got != 0 {
			t.Errorf("counter = %d, want 0", got)
		}
		exec(t, db, "INSERT INTO counter (name, n) VALUES ($1, 0)", "b")
	})
}

// More probes at the same moment than there are connections wait for one another, not
// for ever.
func TestManyPingsAtOnce(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, db *store.DB) {
		var wg sync.WaitGroup
		for range 60 {
			wg.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
				defer cancel()
				if err := db.Ping(ctx); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	})
}

func TestOpenRefusesWhatItCannotRead(t *testing.T) {
	for _, url := range []string{"", "mysql://x", "/tmp/file.db", "postgres://user:hunter2@:bad:port/db"} {
		_, err := store.Open(t.Context(), url)
		if err == nil {
			t.Errorf("Open(%q) succeeded", url)
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("Open(%q) tells the password: %v", url, err)
		}
	}
}

func TestSQLiteFileIsPrivate(t *testing.T) {
	url := storetest.SQLite(t)
	storetest.Open(t, url, nil)
	info, err := os.Stat(strings.TrimPrefix(url, "sqlite:"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode = %v, %v; want 0600", info.Mode().Perm(), err)
	}
}
