package captcha

import (
	"context"
	"time"
)

const (
	// expiredKept is how long an expired challenge is still told from one that never
	// was. It also keeps a replica whose clock is ahead from forgetting a living one.
	expiredKept = time.Hour
	// sweptAtATime keeps others from waiting long behind a sweep.
	sweptAtATime = 1000
)

// Sweep forgets expired challenges.
func (c *Captcha) Sweep(ctx context.Context) error {
	before := c.Now().Add(-expiredKept)
	for {
		deleted, err := deleteExpired(ctx, c.DB, before, sweptAtATime)
		if err != nil || deleted < sweptAtATime {
			return err
		}
	}
}
