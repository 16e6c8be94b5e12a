package account

import (
	"context"
	"fmt"
	"time"

	"signet/internal/matrix"
	"signet/internal/store"
)

// How guessing is slowed down. The delay is short enough that a stranger's guesses
// keep the owner out for a minute, and long enough to try only some 1,500 passwords
// a day.
const (
	freeAttempts = 10          // failures for one name that cost nothing
	firstDelay   = time.Second // after them, doubled with each further one
	longestDelay = time.Minute
	forgetAfter  = time.Hour // without an attempt
)

// attempts is what is remembered of the failed logins for one name.
type attempts struct {
	failures int
	open     time.Time // when the next attempt is let through
	changed  time.Time
}

// charged is the record after one more attempt at now, or how long to wait first.
// Attempts that are refused change nothing, so nobody can prolong the wait.
func (a attempts) charged(now time.Time) (attempts, error) {
	if wait := a.open.Sub(now); wait > 0 {
		return a, matrix.LimitExceeded{RetryAfter: wait}
	}
	if now.Sub(a.changed) >= forgetAfter {
		a.failures = 0
	}
	a.failures++
	a.open, a.changed = now.Add(delayAfter(a.failures)), now
	return a, nil
}

func delayAfter(failures int) time.Duration {
	if failures < freeAttempts {
		return 0
	}
	return min(firstDelay<<min(failures-freeAttempts, 6), longestDelay)
}

// chargeAttempt counts an attempt as failed before it is made, so that many at the
// same time are counted one by one; a login that succeeds wipes the record. Names
// are counted whether or not they exist, or the count would tell.
func (a *Accounts) chargeAttempt(ctx context.Context, name []byte) error {
	return a.DB.Tx(ctx, func(tx *store.Tx) error {
		record, err := selectAttempts(ctx, tx, name)
		if err != nil {
			return fmt.Errorf("reading failed logins: %w", err)
		}
		if record, err = record.charged(a.Now()); err != nil {
			return err
		}
		if err := putAttempts(ctx, tx, name, record); err != nil {
			return fmt.Errorf("counting a login: %w", err)
		}
		return nil
	})
}
