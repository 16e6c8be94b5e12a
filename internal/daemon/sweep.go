package daemon

import (
	"context"
	"math/rand/v2"
	"time"
)

const (
	// sweepEvery is how often what is over is forgotten. It counts for nothing from the
	// moment it is over: sweeping only keeps the database small.
	sweepEvery = time.Hour
	// The first time is later than this, and at most twice: when a server starts, everybody
	// comes back at once. Replicas do not sweep together either.
	sweepLate = 5 * time.Minute
)

// Sweep forgets what is over, such as expired sessions, or does what has come due.
type Sweep struct {
	What string // is forgotten, or done
	Do   func(context.Context) error
}

// sweep does the sweeps one after another, now and then, until ctx ends. One that fails
// is tried again the next time.
func (p Process) sweep(ctx context.Context) error {
	next := time.NewTimer(sweepLate + rand.N(sweepLate))
	defer next.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-next.C:
		}
		for _, s := range p.Sweeps {
			if err := s.Do(ctx); err != nil && ctx.Err() == nil {
				p.Log.Error("a sweep has failed, and is done again the next time", "what", s.What, "error", err)
			}
		}
		next.Reset(sweepEvery)
	}
}
