package discovery_test

import (
	"fmt"
	"testing"

	"signet/internal/store"
)

// A table of much more than a step is walked to its end in transactions of their own, so nobody
// waits for all of it: where one fails, what was forgotten before stays so, and the next sweep
// goes on. Young books between old ones stay.
func TestASweepIsDoneInSteps(t *testing.T) {
	each(t, func(w *world) {
		w.books(2600)
		undo := w.keeps(tag(1805))
		if err := w.a.Sweep(w.Context(), 9); err == nil {
			w.Error("a sweep that fails half-way says nothing")
		}
		if left := w.left(); left < 800 || left > 1600 {
			w.Errorf("%d books are left, want those behind the steps before the one that failed", left)
		}
		undo()
		for range 2 {
			if err := w.a.Sweep(w.Context(), 9); err != nil {
				w.Fatal(err)
			}
			if left := w.left(); left != 26 {
				w.Errorf("%d books are left, want the 26 of this epoch and the last", left)
			}
		}
	})
}

func tag(n int) []byte { return fmt.Appendf(nil, "%032d", n) }

// books stores so many, of which every two hundredth is of epoch 8, and the one after that of
// 9; all others are older.
func (w *world) books(n int) {
	w.Helper()
	err := w.db.Tx(w.Context(), func(tx *store.Tx) error {
		for i := range n {
			epoch := 3 + i%5
			if at := i % 200; at < 2 {
				epoch = 8 + at
			}
			if _, err := tx.Exec(w.Context(), `INSERT INTO discovery_memory (asker_tag, epoch, version, asked, units, ahead, granted)
				VALUES ($1, $2, 1, $1, 1, 0, 0)`, tag(i), epoch); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) left() (n int) {
	w.Helper()
	if err := w.db.QueryRow(w.Context(), `SELECT COUNT(*) FROM discovery_memory`).Scan(&n); err != nil {
		w.Fatal(err)
	}
	return n
}

// keeps makes the database refuse to delete the book of a tag, until undo.
func (w *world) keeps(tag []byte) (undo func()) {
	w.Helper()
	statements := []string{fmt.Sprintf(`CREATE TRIGGER keeps BEFORE DELETE ON discovery_memory WHEN OLD.asker_tag = x'%x'
		BEGIN SELECT RAISE(ABORT, 'it is kept'); END`, tag), `DROP TRIGGER keeps`}
	if w.db.Engine() == store.PostgreSQL {
		statements = []string{
			`CREATE FUNCTION keeps() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''it is kept''; END'`,
			fmt.Sprintf(`CREATE TRIGGER keeps BEFORE DELETE ON discovery_memory FOR EACH ROW WHEN (OLD.asker_tag = '\x%x')
				EXECUTE FUNCTION keeps()`, tag),
			`DROP TRIGGER keeps ON discovery_memory`,
		}
	}
	last := len(statements) - 1
	for _, s := range statements[:last] {
		w.exec(s)
	}
	return func() { w.exec(statements[last]) }
}

func (w *world) exec(statement string) {
	w.Helper()
	if _, err := w.db.Exec(w.Context(), statement); err != nil {
		w.Fatalf("%s: %v", statement, err)
	}
}
