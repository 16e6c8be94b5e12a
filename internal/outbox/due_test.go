package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"signet/internal/outbox"
)

// Whoever has what is due attempted finds it recorded, more jobs than there are slots, and
// what is not due untouched.
func TestWhatIsDueIsAttempted(t *testing.T) {
	each(t, func(w *world) {
		var attempts atomic.Int64
		o := w.replica(func(_ context.Context, j outbox.Job) error {
			if attempts.Add(1) == 1 {
				return errors.New("try again")
			}
			return nil
		})
		for n := range 20 {
			w.put(o, fmt.Sprint(n), false)
		}
		o.AttemptDue(w.Context())
		o.AttemptDue(w.Context()) // nothing is
		var done int
		if err := w.db.QueryRow(w.Context(), "SELECT COUNT(*) FROM outbox_jobs WHERE state = 'done'").Scan(&done); err != nil {
			w.Fatal(err)
		}
		if attempts.Load() != 20 || done != 19 {
			w.Errorf("%d attempts, %d are done; want 20 and 19", attempts.Load(), done)
		}
		w.clock.Advance(time.Minute)
		o.AttemptDue(w.Context())
		if attempts.Load() != 21 {
			w.Errorf("%d attempts after the failed one was due again, want 21", attempts.Load())
		}
	})
}
