package log_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"signet/internal/store"
	"signet/internal/store/storetest"
	"signet/keys/log"
)

// Three processes sequence one log while others commit what is to be logged, and a clock
// that leaps takes the lease from each of them in the middle of its work. No position is
// given twice, no entry lost or logged twice, no size signed with two roots.
func TestSequencersRace(t *testing.T) {
	const writers, writes = 4, 25
	storetest.EachLaidOut(t, []string{"log"}, func(t *testing.T, url string) {
		w := newWorld(t, storetest.Open(t, url, nil))
		var batches, superseded atomic.Int64
		ctx, stop := context.WithCancel(t.Context())
		var sequencers, publishers sync.WaitGroup
		var rivals []*log.Log // all of them opened before one begins
		for range 3 {
			l, _ := w.process(url)
			rivals = append(rivals, l)
		}
		for _, l := range rivals {
			sequencers.Go(func() {
				for ctx.Err() == nil {
					n, err := l.Seal(ctx)
					switch {
					case n > 0:
						batches.Add(1)
					case errors.Is(err, log.ErrSuperseded):
						superseded.Add(1)
					case err != nil && ctx.Err() == nil && !errors.Is(err, store.ErrBusy):
						t.Error(err)
					}
				}
			})
		}
		for range writers {
			publishers.Go(func() {
				for range writes {
					w.pend(1)
				}
			})
		}
		publishers.Wait()
		w.awaitNothingPending()
		stop()
		sequencers.Wait()
		w.clock.Advance(time.Minute)
		w.log = w.open()
		w.seal()
		w.check()
		t.Logf("%d batches, %d superseded", batches.Load(), superseded.Load())
	})
}

// process is another process with a connection to the database, a map and a guard of its
// own, and small batches.
func (w *world) process(url string) (*log.Log, log.Guard) {
	w.Helper()
	o := w.options()
	w.ownGuards = true
	db, err := store.Open(w.Context(), url)
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { db.Close() })
	o.Limit = 3
	o.Now = func() time.Time {
		w.clock.Advance(rand.N(w.leaseTime() / 4)) // each look at it
		return w.clock.Now()
	}
	o.DB, o.Guard = db, log.NewFileGuard(w.TempDir()+"/signed", w.origin)
	return w.openWith(o), o.Guard
}

func (w *world) awaitNothingPending() {
	w.Helper()
	for pending := 1; pending > 0 && !w.Failed(); {
		if err := w.db.QueryRow(w.Context(), `SELECT COUNT(*) FROM pending WHERE position = -1`).Scan(&pending); err != nil {
			w.Fatal(err)
		}
	}
}

// Who reads while another signs is not told that the database went back: of the guard and
// the head, which both grow, the one that is behind is asked first.
func TestReadersAreNotAlarmed(t *testing.T) {
	each(t, func(w *world) {
		sequencer, reader := w.log, w.open()
		w.pend(3)
		w.seal()
		w.once("guard asked", func() { // by the reader
			w.pend(1)
			if n, err := sequencer.Seal(t.Context()); n != 2 || err != nil {
				t.Errorf("the sequencer's pass = %d, %v", n, err)
			}
		})
		if c, err := reader.Checkpoint(t.Context()); err != nil || c.N != 5 {
			t.Errorf("Checkpoint = %v, %v; want the one of 5 entries", c.Tree, err)
		}
		if c, err := reader.Checkpoint(t.Context()); err != nil || c.N != 7 {
			t.Errorf("the next Checkpoint = %v, %v; want the one of 7 entries", c.Tree, err)
		}
	})
}

// What is committed is sealed without a Wake, by whichever replica runs; when one ends the
// other goes on at once, without waiting for the lease.
func TestRun(t *testing.T) {
	each(t, func(w *world) {
		start := func(l *log.Log) (stop func()) {
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error)
			go func() { ended <- l.Run(ctx) }()
			return func() {
				cancel()
				if err := <-ended; err != nil {
					t.Error(err)
				}
			}
		}
		second := w.open()
		stopFirst := start(w.log)
		w.pend(1)
		w.await(w.log, 3)
		stopSecond := start(second)
		w.pend(1)
		w.await(second, 5)
		stopFirst()
		w.pend(1)
		second.Wake()
		w.await(second, 7)
		stopSecond()
		w.log = second
		w.check()
	})
}

func (w *world) await(l *log.Log, size int64) {
	w.Helper()
	c, err := l.Await(w.Context(), size)
	if err != nil || c.N < size {
		w.Fatalf("Await(%d) = %v, %v", size, c.Tree, err)
	}
}

// Who waits for what never comes waits as long as they like.
func TestAwaitEnds(t *testing.T) {
	each(t, func(w *world) {
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() {
			_, err := w.log.Await(ctx, 1)
			ended <- err
		}()
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("Await = %v", err)
		}
	})
}

// A sequencer that fails gives the lease to one that may not.
func TestAFailingSequencerResigns(t *testing.T) {
	each(t, func(w *world) {
		w.ownGuards = true
		o := w.options()
		o.Guard = log.NewFileGuard(t.TempDir()+"/missing/signed", w.origin) // cannot be written
		failing, sound := w.openWith(o), w.open()
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { _ = failing.Run(ctx) })
		for s := (log.Status{}); s.Err == nil; {
			var err error
			if s, err = failing.Status(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		running.Go(func() { _ = sound.Run(ctx) })
		w.await(sound, 2)
		stop()
		running.Wait()
	})
}
