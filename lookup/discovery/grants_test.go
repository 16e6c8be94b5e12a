package discovery_test

import (
	"testing"
	"time"
)

// What is granted is of use to whoever asks for more than that, too.
func TestAGrantIsForLargeBooksToo(t *testing.T) {
	each(t, func(w *world) {
		w.want(w.a, by(alice), w.ids(0, 500), 300)
		w.epoch++
		w.want(w.b, by(alice), w.ids(0, 500), 300)
		w.want(w.b, by(alice), w.ids(0, 500), 300)
		w.clock.Advance(5 * 24 * time.Hour)
		w.want(w.b, by(alice), w.ids(0, 500), 350)
	})
}

// With each new pepper an account may ask for as many anew as it may at once, however many it
// came to with the one before.
func TestGrantsDoNotGrow(t *testing.T) {
	each(t, func(w *world) {
		w.want(w.a, by(alice), w.ids(0, 400), 300)
		for range 3 {
			w.epoch++
			w.clock.Advance(30 * 24 * time.Hour)
			w.want(w.a, by(alice), w.ids(0, 2000), 600)
		}
	})
}

// Where an operator lets an account ask for more, or for fewer, as many are granted with a new
// pepper.
func TestWhatAnOperatorHasSetIsGranted(t *testing.T) {
	for _, limit := range []int{600, 50} {
		each(t, func(w *world) {
			w.limits = map[string]int{"discovery.account": limit}
			w.a = w.replica()
			w.want(w.a, by(alice), w.ids(0, 1000), limit)
			for range 3 {
				w.epoch++
				w.clock.Advance(30 * 24 * time.Hour) // in which all of the budget comes back
				w.want(w.a, by(alice), w.ids(0, 2000), 2*limit)
			}
		})
	}
}
