package account

import (
	"context"
	"fmt"
	"hash/fnv"
	"time"

	"signet/internal/matrix"
	"signet/internal/store"
)

// slots is how many groups users are in where the end of a token is told: all of a group
// are looked up once more then. Processes on one database agree on it.
const slots = 256

// slotOf is the slot of a user.
func slotOf(user matrix.UserID) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(user)) // never fails
	return int(h.Sum32() % slots)
}

// ending runs a transaction in which tokens of a user may end. They end here when it
// returns, whatever it says has become of the transaction.
func (a *Accounts) ending(ctx context.Context, user matrix.UserID, do func(*store.Tx) error) error {
	defer a.memory.forget(user)
	return a.DB.Tx(ctx, do)
}

// tell has other processes learn that tokens of a user ended, in the transaction that
// deleted them, if there were any.
func tell(ctx context.Context, tx *store.Tx, user matrix.UserID, ended bool, err error) error {
	if err != nil || !ended {
		return err
	}
	return countEnding(ctx, tx, slotOf(user))
}

// lookEach is how often it is looked for what others have ended.
const lookEach = time.Second

// Remember has good access tokens kept in memory until ctx ends, so that Authenticate asks
// the database for few. One that ends by this process ends at once; one that another
// process ends, after 2 seconds at the latest: while it cannot be looked for those, nothing
// that is remembered counts.
func (a *Accounts) Remember(ctx context.Context) error {
	next := time.NewTicker(lookEach)
	defer next.Stop()
	return a.remember(ctx, next.C)
}

func (a *Accounts) remember(ctx context.Context, next <-chan time.Time) error {
	for {
		_ = a.Look(ctx) // where it fails the requests do, which ask then
		select {
		case <-ctx.Done():
			return nil
		case <-next:
		}
	}
}

// Look is what Remember does each second: to learn which tokens others have ended. What it
// has learnt counts for 2 seconds.
func (a *Accounts) Look(ctx context.Context) error {
	at := a.Now()
	counted, err := selectEndings(ctx, a.DB)
	if err != nil {
		return fmt.Errorf("looking for tokens that have ended: %w", err)
	}
	a.memory.learn(counted, at)
	return nil
}

// Doubt is closed when access tokens of a user may have ended, or of somebody else. Who
// asks for it and authenticates then misses no end: either Authenticate says that the token
// has ended, or Doubt is closed when it does. What other processes end is told while
// Remember runs.
func (a *Accounts) Doubt(user matrix.UserID) <-chan struct{} { return a.memory.doubt(user) }
