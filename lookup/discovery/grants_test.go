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
