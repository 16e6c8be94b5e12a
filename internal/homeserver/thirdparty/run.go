package thirdparty

import (
	"context"
	"fmt"
	"time"

	"signet/internal/matrix"
)

// slots is how many servers are asked at a time, each for one claim: one that is slow, or
// dead, holds up its own.
const slots = 16

// Run fulfils claims until ctx ends. What fails in the database goes to report, and is tried
// again.
func (i *Invites) Run(ctx context.Context, report func(error)) error {
	for {
		err := i.Fulfil(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			report(err)
		}
		next := time.NewTimer(i.pause(ctx, err != nil))
		select {
		case <-ctx.Done():
		case <-i.wake:
		case <-next.C:
		}
		next.Stop()
	}
}

// longest is how long Run sleeps at most, and after a failure.
const longest = time.Minute

// pause is how long nothing is due.
func (i *Invites) pause(ctx context.Context, failed bool) time.Duration {
	due, waits, err := selectNextDue(ctx, i.DB)
	if failed || err != nil || !waits {
		return longest
	}
	return min(max(due.Sub(i.Now()), time.Second), longest)
}

// Fulfil fulfils the claims that are due, and those that come meanwhile.
func (i *Invites) Fulfil(ctx context.Context) (failed error) {
	busy, done := map[matrix.ServerName]bool{}, make(chan finished)
	for {
		for failed == nil && len(busy) < slots && ctx.Err() == nil {
			row, found, err := selectDue(ctx, i.DB, busy, i.Now())
			if err != nil {
				failed = fmt.Errorf("reading invitations of addresses: %w", err)
			}
			if err != nil || !found {
				break
			}
			busy[row.destination] = true
			go func() { done <- finished{row.destination, i.attempt(ctx, row)} }()
		}
		if len(busy) == 0 {
			return failed
		}
		select {
		case f := <-done:
			delete(busy, f.destination)
			if f.err != nil {
				failed = fmt.Errorf("writing what became of an invitation of an address: %w", f.err)
			}
		case <-i.wake:
		}
	}
}

// finished is an attempt that has come to its end.
type finished struct {
	destination matrix.ServerName
	err         error
}
