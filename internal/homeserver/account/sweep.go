package account

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// sweepEvery is how often expired rows are deleted. They count for nothing from
// the moment they expire; sweeping only keeps the database small.
const sweepEvery = 10 * time.Minute

// Run sweeps at once and then every ten minutes until ctx ends.
func (a *Accounts) Run(ctx context.Context) error {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		if err := a.Sweep(ctx); err != nil && ctx.Err() == nil {
			a.Log.Error("expired sessions and tokens cannot be swept", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Sweep deletes expired sessions and OpenID tokens, and failed logins that are
// forgotten.
func (a *Accounts) Sweep(ctx context.Context) error {
	now := a.Now()
	err := errors.Join(
		deleteExpiredUIA(ctx, a.DB, now),
		deleteExpiredOpenID(ctx, a.DB, now),
		deleteAttemptsBefore(ctx, a.DB, now.Add(-forgetAfter)))
	if err != nil {
		return fmt.Errorf("sweeping the accounts: %w", err)
	}
	return nil
}
