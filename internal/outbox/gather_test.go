package outbox_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"signet/internal/outbox"
)

// Where most slots are stuck with slow receivers, the others' work goes on through the one
// that is left, though a look would rather have several.
func TestOneFreeSlotIsEnough(t *testing.T) {
	each(t, func(w *world) {
		stuck, free := make(chan struct{}), make(chan struct{})
		const others = 12
		slow := map[string]bool{}
		var done atomic.Int32
		o := w.replica(func(_ context.Context, job outbox.Job) error {
			if slow[job.ID] {
				<-stuck
				return nil
			}
			if done.Add(1) == others {
				close(free)
			}
			return nil
		})
		for i := range 3 { // of four slots
			slow[w.put(o, fmt.Sprint("slow", i), false).ID] = true
		}
		for i := range others {
			w.put(o, fmt.Sprint("quick", i), false)
		}
		w.run(o)
		<-free
		close(stuck)
	})
}
