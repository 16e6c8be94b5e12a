package quota_test

import (
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"signet/internal/quota"
)

// use is a request, and the time in which it used up what it had asked for.
type use struct {
	began, ended time.Time
	n            int
	kept         bool
}

// While the clock runs, eight workers on three replicas ask for two exact budgets at
// once, and let some go again. Over any time t a budget lets through at most
// Limit × (1 + t/Per), and what was under way at its beginning and came to nothing.
func TestTheLawOfExactBudgets(t *testing.T) {
	each(t, func(w *world) {
		replicas := []*quota.Quota{w.a, w.b, w.replica(w.db)}
		var mu sync.Mutex
		var uses []use
		var workers sync.WaitGroup
		for i := range 8 {
			random := rand.New(rand.NewPCG(uint64(i), 6))
			workers.Go(func() {
				for range 40 {
					w.clock.Advance(time.Duration(random.Int64N(int64(40 * time.Second))))
					u := use{began: w.clock.Now(), n: 1 + random.IntN(3)}
					r := w.reserve(replicas[random.IntN(3)], quota.Charge{Budget: "email.deployment", N: u.n}, one("email.account", alice[:random.IntN(4)]))
					err := w.inTx(r, nil)
					if u.kept = err == nil && random.IntN(4) > 0; u.kept {
						r.Keep()
					}
					r.Release()
					if err != nil && !errors.As(err, new(quota.Exhausted)) {
						w.Error(err)
					}
					u.ended = w.clock.Now()
					mu.Lock()
					uses = append(uses, u)
					mu.Unlock()
				}
			})
		}
		workers.Wait()
		w.checkLaw(uses, 20, time.Hour)
	})
}

func (w *world) checkLaw(uses []use, limit float64, per time.Duration) {
	w.Helper()
	most := 0
	for _, first := range uses {
		for _, last := range uses {
			n, underWay := 0, 0
			for _, u := range uses {
				switch {
				case u.kept && !u.began.Before(first.began) && !u.ended.After(last.ended):
					n += u.n
				case !u.kept && u.began.Before(first.began) && u.ended.After(first.began):
					underWay += u.n
				}
			}
			t := last.ended.Sub(first.began)
			if law := limit*(1+float64(t)/float64(per)) + float64(underWay); n > 0 && float64(n) > law {
				w.Fatalf("%d within %s, want %.1f at most", n, t, law)
			}
			most = max(most, n)
		}
	}
	if most <= int(limit) {
		w.Errorf("%d were kept in all, which tells nothing", most)
	}
}
