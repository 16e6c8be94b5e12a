package captcha

import (
	"context"
	"time"
)

const (
	// sweepEvery is how often expired challenges are forgotten.
	sweepEvery = time.Hour
	// expiredKept is how long an expired challenge is still told from one that never
	// was. It also keeps a replica whose clock is ahead from forgetting a living one.
	expiredKept = time.Hour
	// sweptAtATime keeps others from waiting long behind a sweep.
	sweptAtATime = 1000
)

// Run forgets expired challenges until ctx ends.
func (c *Captcha) Run(ctx context.Context) error {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		if err := c.sweep(ctx); err != nil && ctx.Err() == nil {
			c.Log.Error("expired CAPTCHAs are not forgotten", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (c *Captcha) sweep(ctx context.Context) error {
	before := c.Now().Add(-expiredKept)
	for {
		deleted, err := deleteExpired(ctx, c.DB, before, sweptAtATime)
		if err != nil || deleted < sweptAtATime {
			return err
		}
	}
}
