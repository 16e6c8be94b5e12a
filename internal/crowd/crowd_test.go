package crowd_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"signet/internal/crowd"
	"signet/internal/matrix"
)

// A hundred come at once: so many find a place, the others are told when to come again,
// and in the end nothing is kept of anybody.
func TestSoManyPlaces(t *testing.T) {
	var c crowd.Crowd
	var let atomic.Int32
	var came, done sync.WaitGroup
	leave := make(chan struct{})
	for range 100 {
		came.Add(1)
		done.Go(func() {
			out, err := c.Enter("a", 7)
			came.Done()
			if err != nil {
				if !errors.Is(err, matrix.LimitExceeded{RetryAfter: crowd.RetryAfter}) {
					t.Errorf("turned away with %v", err)
				}
				return
			}
			let.Add(1)
			<-leave
			out()
		})
	}
	came.Wait()
	out, err := c.Enter("b", 1)
	if err != nil {
		t.Fatalf("those at one door keep another out: %v", err)
	}
	out()
	close(leave)
	done.Wait()
	if let.Load() != 7 || c.Keys() != 0 {
		t.Errorf("%d found one of 7 places, and %d keys are kept", let.Load(), c.Keys())
	}
}
