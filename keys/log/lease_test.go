package log_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"signet/keys/log"
)

// A second replica stands by, serves and follows; it takes over when the first has not been
// heard of for the time of a lease.
func TestALeaseExpires(t *testing.T) {
	each(t, func(w *world) {
		w.pend(3)
		w.seal()
		first := w.log
		w.log = w.open() // the second, with a map of its own
		w.pend(2)
		if n := w.seal(); n != 0 {
			t.Errorf("a replica that stands by appended %d entries", n)
		}
		if w.ledger.size != 5 {
			t.Errorf("its map has followed to %d entries of 5", w.ledger.size)
		}
		if got, want := w.checkpoint().N, int64(5); got != want {
			t.Errorf("it serves a checkpoint of %d entries, want %d", got, want)
		}
		w.clock.Advance(15*time.Second - time.Millisecond)
		if n := w.seal(); n != 0 {
			t.Errorf("it appended %d entries within the lease", n)
		}
		w.clock.Advance(time.Millisecond)
		if n := w.seal(); n != 3 {
			t.Errorf("it appended %d entries when the lease had ended, want 3", n)
		}
		if s, err := first.Status(t.Context()); err != nil || s.Leads {
			t.Errorf("the first one's status is %+v, %v", s, err)
		}
		w.pend(1)
		if n, err := first.Seal(t.Context()); n != 0 || err != nil {
			t.Errorf("the first one's pass = %d, %v", n, err)
		}
		w.seal()
		w.check()
	})
}

// Who answers by the map of a replica that stands by need not wait for its next pass.
func TestAReplicaFollowsWhenItIsAsked(t *testing.T) {
	each(t, func(w *world) {
		first, second := w.log, w.open()
		standing := w.ledger
		for range 3 {
			w.pend(2)
			if _, err := first.Seal(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := second.Follow(t.Context()); err != nil {
				t.Fatal(err)
			}
			c, err := second.Checkpoint(t.Context())
			if err != nil || standing.size != c.N {
				t.Errorf("the map has followed to %d entries of %d, %v", standing.size, c.N, err)
			}
		}
		w.db.Exec(t.Context(), `UPDATE log_heads SET size = 1`)
		if err := second.Follow(t.Context()); !errors.Is(err, log.ErrRolledBack) {
			t.Errorf("Follow = %v in a database that went back, want ErrRolledBack", err)
		}
	})
}

// Whoever ends in order leaves the lease to the next, which need not wait until it would have ended.
func TestAnEndingSequencerResigns(t *testing.T) {
	each(t, func(w *world) {
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- w.log.Run(ctx) }()
		w.pend(1)
		w.await(w.log, 3)
		stop()
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
		w.log = w.open()
		w.pend(1)
		if n := w.seal(); n != 2 {
			t.Errorf("the next process appended %d entries at once, want 2", n)
		}
		w.check()
	})
}

// A lease is renewed before it ends.
func TestALeaseIsKept(t *testing.T) {
	each(t, func(w *world) {
		second := w.open()
		for i := range 20 {
			w.pend(1)
			if n := w.seal(); n == 0 {
				t.Fatalf("pass %d of the first appended nothing", i)
			}
			w.clock.Advance(7 * time.Second)
			w.pend(1)
			if n, err := second.Seal(t.Context()); n != 0 || err != nil {
				t.Fatalf("pass %d of the second = %d, %v", i, n, err)
			}
		}
		w.seal()
		w.check()
	})
}

// A lease taken by a clock that was years ahead keeps nobody from sequencing.
func TestALeaseOfAWrongClock(t *testing.T) {
	each(t, func(w *world) {
		w.clock.Advance(20 * 365 * 24 * time.Hour)
		w.once("next", func() { panic(errCrash) })
		func() {
			defer func() { recover() }()
			w.log.Seal(t.Context())
		}()
		w.clock.Advance(-20 * 365 * 24 * time.Hour)
		w.log = w.open()
		if n := w.seal(); n != 2 {
			t.Errorf("a pass appended %d entries, want 2", n)
		}
	})
}

// A sequencer whose lease another took during its pass appends nothing.
func TestASlowSequencerLosesItsLease(t *testing.T) {
	each(t, func(w *world) {
		w.pend(3)
		w.seal()
		slow, slowMap := w.log, w.ledger
		rival := w.open()
		w.pend(3)
		w.once("seal", func() { // of the slow one, between reading the head and appending
			w.clock.Advance(time.Minute)
			if n, err := rival.Seal(t.Context()); n != 4 || err != nil {
				t.Errorf("the rival's pass = %d, %v", n, err)
			}
		})
		if n, err := slow.Seal(t.Context()); n != 0 || !errors.Is(err, log.ErrSuperseded) {
			t.Errorf("the slow one's pass = %d, %v; want %v", n, err, log.ErrSuperseded)
		}
		if slowMap.size != 5 {
			t.Errorf("its map took in %d entries", slowMap.size)
		}
		w.check()
		if n, err := slow.Seal(t.Context()); n != 0 || err != nil {
			t.Errorf("the slow one's next pass = %d, %v", n, err)
		}
		if slowMap.size != w.checkpoint().N {
			t.Errorf("its map has followed to %d entries of %d", slowMap.size, w.checkpoint().N)
		}
	})
}

// A lease that another took is not enough to append, even if that one has appended nothing.
func TestATakenLeaseAppendsNothing(t *testing.T) {
	each(t, func(w *world) {
		w.seal()
		slow, rival := w.log, w.open()
		w.once("seal", func() {
			w.clock.Advance(time.Minute)
			w.log = rival
			w.crash("next")
		})
		w.pend(1)
		if n, err := slow.Seal(t.Context()); n != 0 || !errors.Is(err, log.ErrSuperseded) {
			t.Errorf("Seal = %d, %v; want %v", n, err, log.ErrSuperseded)
		}
		w.seal()
		w.check()
	})
}

// A lease that merely ended, and that nobody took, is not enough to append either.
func TestAnEndedLeaseAppendsNothing(t *testing.T) {
	each(t, func(w *world) {
		w.seal()
		w.pend(1)
		w.once("seal", func() { w.clock.Advance(15 * time.Second) })
		if n, err := w.log.Seal(t.Context()); n != 0 || !errors.Is(err, log.ErrSuperseded) {
			t.Errorf("Seal = %d, %v; want %v", n, err, log.ErrSuperseded)
		}
		w.seal()
		w.check()
	})
}

// What an operator is told of a log: how far it is, of when its checkpoint is, and how long each
// batch took that was put into it.
func TestALogSaysHowItFares(t *testing.T) {
	each(t, func(w *world) {
		var batches []int64
		o := w.options()
		o.Sealed = func(entries int64, took time.Duration) {
			batches = append(batches, entries)
			if took <= 0 {
				t.Errorf("a batch took %v", took)
			}
		}
		l := w.openWith(o)
		if s, err := l.Status(t.Context()); err != nil || s.Published != 0 || !s.Signed.IsZero() {
			t.Errorf("before the first checkpoint: %+v, %v", s, err)
		}
		for _, waiting := range []int{2, 0, 1} { // and nothing is told of a pass that does nothing
			w.pend(waiting)
			if _, err := l.Seal(t.Context()); err != nil {
				t.Fatal(err)
			}
			w.clock.Advance(time.Second)
		}
		s, err := l.Status(t.Context())
		if err != nil || s.Size != 6 || s.Published != 6 || !s.Leads || !s.Signed.Equal(s.Epoch) || w.clock.Now().Sub(s.Signed) != time.Second {
			t.Errorf("Status = %+v, %v", s, err)
		}
		if !slices.Equal(batches, []int64{4, 2}) {
			t.Errorf("batches of %v were told", batches)
		}
	})
}
