package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"signet/internal/outbox"
	"signet/internal/store"
	"signet/internal/store/storetest"
)

// hold keeps all jobs from being recorded until during has returned.
func (w *world) hold(during func(tx *store.Tx)) {
	w.Helper()
	err := w.db.Tx(w.Context(), func(tx *store.Tx) error {
		if _, err := tx.Exec(w.Context(), "UPDATE outbox_jobs SET failure = 'held'"); err != nil {
			return err
		}
		during(tx)
		return nil
	})
	if err != nil {
		w.Fatal(err)
	}
}

// A requester does not wait for the record of its message. It and everybody else in this
// process know that it is done; the others hear it once it is recorded.
func TestWhatIsDoneIsKnownAtOnceAndRecordedSoon(t *testing.T) {
	each(t, func(w *world) {
		o := w.replica(func(context.Context, outbox.Job) error { return nil })
		other := w.replica(nil)
		ticket, again := w.put(o, "k", true), w.put(o, "k", true)
		patience, cancel := context.WithTimeout(w.Context(), 5*time.Minute)
		defer cancel()
		w.hold(func(tx *store.Tx) {
			for _, t := range []outbox.Ticket{ticket, again} {
				if err := o.Attempt(patience, t); err != nil {
					w.Errorf("Attempt = %v", err)
				}
			}
			if err := o.Wait(patience, "mail", "k"); err != nil {
				w.Errorf("Wait = %v", err)
			}
			if failed, err := o.Failed(w.Context(), tx, "mail", "k"); failed || err != nil {
				w.Errorf("Failed = %t, %v", failed, err)
			}
			if withdrawn, err := o.Withdraw(w.Context(), tx, ticket.ID); withdrawn || err != nil {
				w.Errorf("Withdraw = %t, %v", withdrawn, err)
			}
			if withdrawn, _, err := o.WithdrawKey(w.Context(), tx, "mail", "k"); withdrawn || err != nil {
				w.Errorf("WithdrawKey = %t, %v", withdrawn, err)
			}
			if state, _ := w.state(ticket); state != "pending" {
				w.Errorf("state = %q though nobody can write, want pending", state)
			}
		})
		if err := other.Wait(w.Context(), "mail", "k"); err != nil {
			w.Errorf("the other replica's Wait = %v", err)
		}
		if state, payload := w.state(ticket); state != "done" || len(payload) != 0 {
			w.Errorf("state = %q with %d octets of payload, want done and none", state, len(payload))
		}
	})
}

// However many jobs end while one commit takes its time, they are recorded by a few
// statements, and every one of them.
func TestWhatIsDoneTogetherIsRecordedTogether(t *testing.T) {
	each(t, func(w *world) {
		for _, jobs := range []int{1, 2, 3, 5, 600} {
			statements := w.recordTogether(jobs)
			if most := 2 + jobs/256; statements > most {
				w.Errorf("%d jobs were recorded by %d statements, want %d at most", jobs, statements, most)
			}
		}
	})
}

// recordTogether tells how many statements recorded so many jobs. The clock moves on each
// time that it is read, so each statement has a time of its own.
func (w *world) recordTogether(jobs int) (statements int) {
	w.Helper()
	o := w.replicaOf(func() time.Time { w.clock.Advance(time.Millisecond); return w.clock.Now() }, slog.DiscardHandler)
	tickets := make([]outbox.Ticket, jobs)
	err := w.db.Tx(w.Context(), func(tx *store.Tx) (err error) {
		for i := range tickets {
			work := outbox.Work{Kind: "mail", Key: fmt.Sprint(jobs, " ", i), Expires: w.clock.Now().Add(time.Hour), Held: true}
			if tickets[i], err = o.Put(w.Context(), tx, work); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		w.Fatal(err)
	}
	patience, cancel := context.WithTimeout(w.Context(), 5*time.Minute)
	defer cancel()
	w.hold(func(*store.Tx) {
		for _, t := range tickets {
			if err := o.Attempt(patience, t); err != nil {
				w.Error(err)
			}
		}
	})
	w.drain(o)
	var recorded int
	err = w.db.QueryRow(w.Context(), "SELECT COUNT(*), COUNT(DISTINCT ended_ms) FROM outbox_jobs WHERE state = 'done'").Scan(&recorded, &statements)
	if err != nil || recorded != jobs {
		w.Errorf("%d jobs of %d are recorded, %v", recorded, jobs, err)
	}
	if _, err := w.db.Exec(w.Context(), "DELETE FROM outbox_jobs"); err != nil {
		w.Fatal(err)
	}
	return statements
}

// What cannot be recorded is said and not done: its message goes out twice rather than
// never.
func TestWhatCannotBeRecordedIsAttemptedAgain(t *testing.T) {
	each(t, func(w *world) {
		log := make(complaints, 100)
		var attempts atomic.Int32
		o := w.replicaOf(w.clock.Now, slog.NewTextHandler(log, nil))
		count := func(context.Context, outbox.Job) error { attempts.Add(1); return nil }
		o.Handle(outbox.Kind{Name: "mail", Slots: 4, Attempt: count})
		ticket := w.put(o, "k", true)
		storetest.FailCommits(w.T, w.db, "outbox_jobs")
		if err := o.Attempt(w.Context(), ticket); err != nil {
			w.Error(err)
		}
		if line := <-log; !strings.Contains(line, "not recorded") || !strings.Contains(line, ticket.ID) {
			w.Errorf("the log says %s", line)
		}
		w.drain(o)
		if state, _ := w.state(ticket); state != "pending" {
			w.Errorf("state = %q, want pending", state)
		}
		gone, leave := context.WithCancel(w.Context())
		leave()
		if err := o.Wait(gone, "mail", "k"); !errors.Is(err, outbox.ErrPending) {
			w.Errorf("Wait = %v, want %v", err, outbox.ErrPending)
		}
		w.repair()
		w.clock.Advance(61 * time.Second)
		w.run(o)
		if err := o.Wait(w.Context(), "mail", "k"); err != nil || attempts.Load() != 2 {
			w.Errorf("Wait = %v after %d attempts, want 2", err, attempts.Load())
		}
	})
}

// repair ends storetest.FailCommits.
func (w *world) repair() {
	w.Helper()
	drop := "DROP TRIGGER full_disk_trigger"
	if w.db.Engine() == store.PostgreSQL {
		drop += " ON outbox_jobs"
	}
	if _, err := w.db.Exec(w.Context(), drop); err != nil {
		w.Fatal(err)
	}
}
