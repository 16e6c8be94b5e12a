package keeper_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"signet/internal/store"
	"signet/keys/log"
	"signet/keys/logkeys"
)

// Three replicas sequence one log, and a clock that leaps takes the lease from each of them,
// while the operator rotates, retires and revokes, and rotates the keys for values. No size has two
// notes, each note is signed by the keys that its newest CONFIG names, each value stands behind a
// CONFIG that names its key, and the log still leads from its first key to the last.
func TestSequencersRaceWhileKeysChange(t *testing.T) {
	const rounds = 12
	each(t, func(w *world) {
		w.seal(w.replica)
		_, a := w.current()
		replicas := []*replica{w.replica, w.open(0), w.open(0)}
		stop := make(chan struct{})
		var mu sync.Mutex // guards w.sizes
		var sequencers sync.WaitGroup
		for _, r := range replicas {
			sequencers.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
					}
					w.clock.Advance(7 * time.Second)
					if _, err := r.log.Seal(t.Context()); err != nil && !errors.Is(err, log.ErrSuperseded) && !errors.Is(err, store.ErrBusy) {
						t.Error(err)
						return
					}
					c, err := r.log.Checkpoint(t.Context())
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					if before, seen := w.sizes[c.N]; seen && before != string(c.Note) {
						t.Errorf("two notes of %d entries", c.N)
					}
					w.sizes[c.N] = string(c.Note)
					mu.Unlock()
				}
			})
		}
		for i := range rounds {
			old, _ := w.rotate()
			w.sign()
			w.rotateValues()
			w.sign()
			var err error
			switch i % 3 {
			case 0:
				_, err = w.ring.Retire(t.Context(), old.ID)
			case 1:
				_, err = w.ring.Revoke(t.Context(), old.ID, "stolen")
			}
			w.must(err)
			w.awaitNamed(replicas[i%3])
		}
		close(stop)
		sequencers.Wait()
		w.clock.Advance(time.Minute)
		w.replica = w.open(0)
		w.seal(w.replica)
		if n := len(w.newest().VKeys); n > logkeys.MaxKeys {
			t.Errorf("%d keys sign", n)
		}
		w.holds(w.auditor(a))
	})
}

// awaitNamed waits until the log names the current key.
func (w *world) awaitNamed(r *replica) {
	w.Helper()
	_, vkey := w.current()
	for !w.Failed() {
		w.must(r.log.Follow(w.Context()))
		all := r.state.Configs()
		if all[len(all)-1].VKeys[0] == vkey {
			return
		}
		time.Sleep(time.Millisecond)
	}
}
