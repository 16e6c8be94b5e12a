package quota

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"time"
)

const (
	// sweepEvery is how often full buckets are forgotten.
	sweepEvery = time.Hour
	// sweepLate keeps a replica whose clock is ahead from forgetting what is not
	// full yet.
	sweepLate = time.Hour
	// sweptAtATime is how many are looked at in a step. It keeps charges from waiting long
	// behind a sweep.
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

// sweep walks the table in the order of its key, in steps of a transaction each.
func (q *Quota) sweep(ctx context.Context) error {
	before := q.Now().Add(-sweepLate).UnixNano()
	after := []byte{}
	for {
		last, err := selectStep(ctx, q.DB, after, sweptAtATime)
		if errors.Is(err, sql.ErrNoRows) {
			return deleteFull(ctx, q.DB, after, lastTag, before)
		} else if err != nil {
			return err
		}
		if err := deleteFull(ctx, q.DB, after, last, before); err != nil {
			return err
		}
		after = last
	}
}

// lastTag comes after all tags, which are as long.
var lastTag = bytes.Repeat([]byte{0xff}, 32)
