package stream_test

import (
	"fmt"
	"sync"
	"testing"

	"signet/internal/matrix"
)

func TestOnlyThoseConcernedAreWoken(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		n := w.stream.Notifier()
		two, of, another := n.Wait(alice), n.Wait(alice), n.Wait(bob)
		defer two.Stop()
		defer of.Stop()
		defer another.Stop()
		w.write(alice, "hello")
		<-two.Woken()
		<-of.Woken()
		select {
		case <-another.Woken():
			t.Error("bob was woken for what alice may see")
		default:
		}
		if got := n.Waiting(); got != 3 {
			t.Errorf("%d wait, want 3", got)
		}
		n.Wait(bob).Stop()
		if got := n.Waiting(); got != 3 {
			t.Errorf("after one has left %d wait, want 3", got)
		}
	})
}

// Whoever takes the bell before looking misses nothing, however the two race.
func TestNoWakeUpIsLost(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		const notes = 300
		var reader sync.WaitGroup
		reader.Go(func() {
			for seen := w.stream.Visible(); ; {
				waiter := w.stream.Notifier().Wait(alice)
				visible := w.stream.Visible()
				if visible == seen {
					<-waiter.Woken()
				}
				waiter.Stop()
				seen = max(seen, visible)
				w.diary.mu.Lock()
				n := len(w.diary.published)
				w.diary.mu.Unlock()
				if n == notes {
					return
				}
			}
		})
		for i := range notes {
			w.write(alice, fmt.Sprint(i))
		}
		reader.Wait() // for ever, if one is lost
	})
}

// A thousand people who came and went leave nothing behind.
func TestTheNotifierForgets(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		n := w.stream.Notifier()
		for i := range 1000 {
			n.Wait(matrix.UserID(fmt.Sprintf("@%d:example.org", i))).Stop()
		}
		for range 3 {
			waiter := n.Wait(alice)
			w.write(alice, "hello")
			<-waiter.Woken()
			waiter.Stop()
		}
		if waiting := n.Remembered(); waiting != 0 {
			t.Errorf("%d users are remembered for whom nobody waits", waiting)
		}
	})
}
