package store_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"signet/internal/store"
	"signet/internal/store/storetest"
)

// Sixty rivals add one to a row, each by one statement: all wait for their turn, and
// none runs again.
func TestWhoIsAloneWaitsForItsTurn(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, db *store.DB) {
		counterTable(t, db)
		var rivals sync.WaitGroup
		var runs atomic.Int64
		for range 60 {
			rivals.Go(func() {
				err := db.Alone(t.Context(), func(q store.Queryer) error {
					runs.Add(1)
					_, err := q.Exec(t.Context(), "UPDATE counter SET n = n + 1 WHERE name = $1", "a")
					return err
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		rivals.Wait()
		if n := count(t, db); n != 60 || runs.Load() != 60 {
			t.Errorf("60 rivals ran %d times and counted to %d", runs.Load(), n)
		}
	})
}

// A statement and a transaction that wait for each other in a circle both come to their end.
func TestWhoIsAloneOutlivesADeadlock(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, db *store.DB) {
		if db.Engine() == store.SQLite {
			return // whose writers take turns
		}
		counterTable(t, db)
		exec(t, db, "INSERT INTO counter (name, n) VALUES ($1, $2)", "b", 0)
		const both = `INSERT INTO counter (name, n) VALUES ('a', 1), ('b', 1) ON CONFLICT (name) DO UPDATE SET n = counter.n + 1`
		var runs, tries int
		ended := make(chan error, 1)
		err := db.Tx(t.Context(), func(tx *store.Tx) error {
			var pid int
			if err := tx.QueryRow(t.Context(), "UPDATE counter SET n = n + 1 WHERE name = $1 RETURNING pg_backend_pid()", "b").Scan(&pid); err != nil {
				return err
			}
			if runs++; runs == 1 {
				go func() {
					ended <- db.Alone(t.Context(), func(q store.Queryer) error {
						tries++
						_, err := q.Exec(t.Context(), both)
						return err
					})
				}()
				storetest.AwaitBlocked(t, db, pid)
			}
			_, err := tx.Exec(t.Context(), "UPDATE counter SET n = n + 1 WHERE name = $1", "a")
			return err
		})
		if err := errors.Join(err, <-ended); err != nil || runs+tries < 3 { // after the deadlock the transaction may meet what the other committed
			t.Errorf("%v after %d and %d tries, want one that the deadlock ended", err, runs, tries)
		}
		if n := count(t, db); n != 2 {
			t.Errorf("counted to %d, want 2", n)
		}
	})
}

// A statement of a caller who left is not begun, and one that has begun ends.
func TestAStatementAloneOfACallerWhoLeft(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, db *store.DB) {
		counterTable(t, db)
		ctx, leave := context.WithCancel(t.Context())
		add := func(q store.Queryer) error {
			_, err := q.Exec(ctx, "UPDATE counter SET n = n + 1 WHERE name = $1", "a")
			return err
		}
		if err := db.Alone(ctx, add); err != nil {
			t.Error(err)
		}
		leave()
		if err := db.Alone(ctx, add); !errors.Is(err, context.Canceled) || count(t, db) != 1 {
			t.Errorf("Alone = %v, and counted to %d, want it cancelled at 1", err, count(t, db))
		}
	})
}

// Sixty rivals write two rows each in one transaction that is durable soon: all wait for
// their turn, none runs again, and what one of them undoes is undone whole.
func TestWhoIsDurableSoonWaitsForItsTurn(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, db *store.DB) {
		counterTable(t, db)
		exec(t, db, "INSERT INTO counter (name, n) VALUES ($1, $2)", "b", 0)
		undo := errors.New("undo")
		var rivals sync.WaitGroup
		var runs atomic.Int64
		for i := range 60 {
			rivals.Go(func() {
				err := db.TxSoon(t.Context(), func(tx *store.Tx) error {
					runs.Add(1)
					for _, name := range []string{"a", "b"} {
						if _, err := tx.Exec(t.Context(), "UPDATE counter SET n = n + 1 WHERE name = $1", name); err != nil {
							return err
						}
					}
					if i%2 == 1 {
						return undo
					}
					return nil
				})
				if i%2 == 0 && err != nil || i%2 == 1 && !errors.Is(err, undo) {
					t.Error(err)
				}
			})
		}
		rivals.Wait()
		if n := count(t, db); n != 30 || runs.Load() != 60 {
			t.Errorf("60 rivals ran %d times and counted to %d, want 30", runs.Load(), n)
		}
	})
}
