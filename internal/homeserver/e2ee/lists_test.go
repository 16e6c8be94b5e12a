package e2ee_test

import (
	"slices"
	"testing"

	"signet/internal/homeserver/e2ee"
	"signet/internal/matrix"
)

func TestWhoIsToldOfChanges(t *testing.T) {
	each(t, func(w *world) {
		start := w.stream.Visible()
		w.ready(alice, "PHONE", 1)
		afterAlice := w.stream.Visible()
		w.ready(stranger, "PHONE", 1)
		w.ready(bob, "LAPTOP", 1)
		w.changed("from the start", bob, start, alice, bob)
		w.changed("after Alice", bob, afterAlice, bob)
		w.changed("after all", bob, w.stream.Visible())
		w.changed("of a stranger", stranger, start, stranger)
		w.run() // another process, later
		w.changed("after a restart", bob, start, alice, bob)
	})
}

// Whoever comes into the room may have changed meanwhile; whoever has left all rooms need
// not be followed.
func TestWhoComesAndGoes(t *testing.T) {
	each(t, func(w *world) {
		since := w.stream.Visible()
		w.land.met = []matrix.UserID{carol, stranger}  // who has left again
		w.land.parted = []matrix.UserID{bob, stranger} // Bob is in another room still
		got := w.lists(alice, since)
		if !slices.Equal(got.Changed, []matrix.UserID{carol}) || !slices.Equal(got.Left, []matrix.UserID{stranger}) {
			w.Errorf("lists = %+v, want Carol changed and the stranger left", got)
		}
	})
}

// What was never listed is asked of nobody; one-time keys change no list.
func TestOneTimeKeysAreNoChange(t *testing.T) {
	each(t, func(w *world) {
		p := w.ready(alice, "PHONE", 1)
		since := w.stream.Visible()
		w.upload(p, e2ee.Upload{OneTime: p.OneTimes(1, 1), Fallback: p.Fallback("F")})
		w.claim(alice, "PHONE")
		w.changed("one-time keys", bob, since)
	})
}

func TestARenamedDevice(t *testing.T) {
	each(t, func(w *world) {
		p := w.ready(alice, "PHONE", 0)
		w.phone(alice, "BARE")
		since := w.stream.Visible()
		for _, id := range []e2ee.DeviceID{"BARE", "MISSING"} {
			w.unchanged(string(id), func() {
				if err := w.DeviceRenamed(w.Context(), e2ee.Device{User: alice, ID: id}); err != nil {
					w.Error(err)
				}
			})
		}
		w.changed("a device without keys", bob, since)
		if err := w.DeviceRenamed(w.Context(), device(p)); err != nil {
			w.Error(err)
		}
		w.changed("a renamed device", bob, since, alice)
	})
}

// Those who wait are woken when they have something to ask for.
func TestWhoIsWoken(t *testing.T) {
	each(t, func(w *world) {
		waits := map[matrix.UserID]func() bool{}
		for _, user := range []matrix.UserID{alice, bob, stranger} {
			waiter := w.stream.Notifier().Wait(user)
			defer waiter.Stop()
			waits[user] = func() bool {
				select {
				case <-waiter.Woken():
					return true
				default:
					return false
				}
			}
		}
		w.ready(alice, "PHONE", 0)
		for user, woken := range waits {
			if woken() != (user != stranger) {
				w.Errorf("%s is woken: %v", user, woken())
			}
		}
	})
}
