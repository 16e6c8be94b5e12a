package quota

import (
	"context"
	"time"
)

const (
	// sweepEvery is how often full buckets are forgotten.
	sweepEvery = time.Hour
	// sweepLate keeps a replica whose clock is ahead from forgetting what is not
	// full yet.
	sweepLate = time.Hour
	// sweptAtATime keeps charges from waiting long behind a sweep.
	sweptAtATime = 1000
)

// Run forgets full buckets until ctx ends.
func (q *Quota) Run(ctx context.Context) error {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		if err := q.sweep(ctx); err != nil && ctx.Err() == nil {
			q.Log.Error("full budgets are not forgotten", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (q *Quota) sweep(ctx context.Context) error {
	before := q.Now().Add(-sweepLate).UnixNano()
	for {
		deleted, err := deleteFull(ctx, q.DB, before, sweptAtATime)
		if err != nil || deleted < sweptAtATime {
			return err
		}
	}
}
