package outbox_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"signet/internal/outbox"
	"signet/internal/store"
)

// ended stores so many jobs that ended so long ago.
func (w *world) ended(state string, ago time.Duration, jobs int) {
	w.Helper()
	ms := w.clock.Now().Add(-ago).UnixMilli()
	err := w.db.Tx(w.Context(), func(tx *store.Tx) error {
		for i := range jobs {
			id := fmt.Sprintf("%s %v %d", state, ago, i)
			if _, err := tx.Exec(w.Context(), `INSERT INTO outbox_jobs
				(id, kind, idempotency_key, payload, state, attempts, due_ms, expires_ms, created_ms, ended_ms)
				VALUES ($1, 'mail', $1, $2, $3, 1, 0, 0, 0, $4)`, id, []byte{}, state, ms); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		w.Fatal(err)
	}
}

// left lists the states of the jobs that there are, with how many of each.
func (w *world) left() string {
	w.Helper()
	rows, err := w.db.Query(w.Context(), "SELECT state, COUNT(*) FROM outbox_jobs GROUP BY state")
	if err != nil {
		w.Fatal(err)
	}
	defer rows.Close()
	var found []string
	for rows.Next() {
		var state string
		var n int
		if err := rows.Scan(&state, &n); err != nil {
			w.Fatal(err)
		}
		found = append(found, fmt.Sprint(n, " ", state))
	}
	slices.Sort(found)
	return strings.Join(found, ", ")
}

func TestEndedJobsAreForgottenInTheirTime(t *testing.T) {
	each(t, func(w *world) {
		o := w.replica(func(context.Context, outbox.Job) error { return nil })
		w.ended("done", 25*time.Hour, 1999)
		w.ended("withdrawn", 26*time.Hour, 501)
		w.ended("dead", 8*24*time.Hour, 1)
		w.ended("done", 23*time.Hour, 2)
		w.ended("withdrawn", 23*time.Hour, 3)
		w.ended("dead", 6*24*time.Hour, 4)
		w.put(o, "k", false)
		if err := o.Sweep(w.Context()); err != nil {
			w.Fatal(err)
		}
		if got, want := w.left(), "1 pending, 2 done, 3 withdrawn, 4 dead"; got != want {
			w.Errorf("left are %s; want %s", got, want)
		}
	})
}

// A sweep is many short transactions, so that nobody waits for all of it: one that
// stumbles has kept what it did before.
func TestASweepIsDoneInSteps(t *testing.T) {
	each(t, func(w *world) {
		o := w.replica(func(context.Context, outbox.Job) error { return nil })
		w.ended("done", 26*time.Hour, 2000)
		w.ended("withdrawn", 25*time.Hour, 10)
		w.refuseToDelete("withdrawn")
		if err := o.Sweep(w.Context()); err == nil {
			w.Error("nothing was in the way")
		}
		if got, want := w.left(), "10 withdrawn"; got != want {
			w.Errorf("left are %s; want %s", got, want)
		}
	})
}

// refuseToDelete makes every statement fail that deletes a job in the state.
func (w *world) refuseToDelete(state string) {
	w.Helper()
	statements := []string{`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''refused''; END'`,
		`CREATE TRIGGER refusal BEFORE DELETE ON outbox_jobs FOR EACH ROW WHEN (OLD.state = '` + state + `') EXECUTE FUNCTION refuse()`}
	if w.db.Engine() == store.SQLite {
		statements = []string{`CREATE TRIGGER refusal BEFORE DELETE ON outbox_jobs WHEN OLD.state = '` + state + `' BEGIN SELECT RAISE(ABORT, 'refused'); END`}
	}
	for _, s := range statements {
		if _, err := w.db.Exec(w.Context(), s); err != nil {
			w.Fatal(err)
		}
	}
}
