package inturn

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// Who waits has their turn in the order in which they came, whoever goes away meanwhile, and
// of another name at once.
func TestTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var turns Turns
		var came []int
		var all sync.WaitGroup
		give, _ := turns.Take(t.Context(), "room")
		for i := range 9 {
			ctx, cancel := t.Context(), context.CancelFunc(func() {})
			if i%3 == 0 {
				ctx, cancel = context.WithTimeout(ctx, time.Second)
			}
			all.Go(func() {
				defer cancel()
				give, err := turns.Take(ctx, "room")
				if err != nil {
					return
				}
				came = append(came, i)
				time.Sleep(time.Second)
				give()
			})
			synctest.Wait()
		}
		other, err := turns.Take(t.Context(), "another")
		if err != nil {
			t.Fatal(err)
		}
		other()
		time.Sleep(time.Minute)
		give()
		all.Wait()
		if !slices.Equal(came, []int{1, 2, 4, 5, 7, 8}) {
			t.Errorf("they came in the order %v", came)
		}
		if len(turns.waiting) > 0 {
			t.Errorf("what is left: %s", fmt.Sprint(turns.waiting))
		}
	})
}
