package log_test

import (
	"context"
	"errors"
	"testing"

	"signet/internal/store"
	"signet/internal/store/storetest"
)

// A process is killed at each step of a pass, one after the other in one log. Whoever comes
// next loses nothing of what was pending, appends nothing twice, and signs what was
// committed as it would have been signed.
func TestAProcessIsKilledAtEachStep(t *testing.T) {
	each(t, func(w *world) {
		w.pend(2)
		w.seal()
		for round := range 4 {
			for _, step := range []string{
				"next",   // before anything is read
				"seal",   // the batch is being made
				"logged", // all is written, nothing committed
				"adopt",  // committed, not known to be
				"epoch after adopt",
				"guard",   // found worth signing
				"guarded", // the guard knows
				"sign",
				"guard asked after sign", // the note is stored, and not shown
			} {
				w.pend(1 + 100*(round/2))
				w.crash(step)
				w.pend(round % 2) // or else the next process finds nothing but what was left
				w.clock.Advance(w.leaseTime())
				w.log = w.open()
				w.seal()
				w.check()
			}
		}
	})
}

// A database that fails at each statement that writes: as if nothing had been tried.
func TestADatabaseFailsAtEachStep(t *testing.T) {
	each(t, func(w *world) {
		w.pend(2)
		w.seal()
		for _, step := range []string{"next", "seal", "logged", "adopt", "guard", "guarded", "sign"} {
			w.pend(3)
			ctx, cancel := context.WithCancel(t.Context())
			w.once(step, cancel)
			if _, err := w.log.Seal(ctx); !errors.Is(err, context.Canceled) {
				t.Errorf("Seal = %v although the database went away at %q", err, step)
			}
			w.pend(1)
			w.seal() // of the same process
			w.check()
		}
	})
}

// On a full disk a commit fails when all its statements have succeeded.
func TestACommitFails(t *testing.T) {
	each(t, func(w *world) {
		w.pend(2)
		w.seal()
		w.pend(3)
		before := storetest.Dump(t, w.db, "log_heads", "log_tiles", "log_checkpoints", "pending")
		storetest.FailCommits(t, w.db, "log_heads")
		if n, err := w.log.Seal(t.Context()); err == nil || n != 0 {
			t.Errorf("Seal = %d, %v on a full disk", n, err)
		}
		if after := storetest.Dump(t, w.db, "log_heads", "log_tiles", "log_checkpoints", "pending"); after != before {
			t.Error("a commit failed and something changed")
		}
		drop := `DROP TRIGGER full_disk_trigger ON log_heads`
		if w.db.Engine() == store.SQLite {
			drop = `DROP TRIGGER full_disk_trigger`
		}
		if _, err := w.db.Exec(t.Context(), drop); err != nil {
			t.Fatal(err)
		}
		w.seal()
		w.check()
	})
}
