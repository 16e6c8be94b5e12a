package invite

import (
	"context"
	"errors"
)

const (
	// keptFor is how long an invitation is remembered after its end: senders see what
	// became of it.
	keptFor = 7 * day
	// methodKept is how long it is remembered how a homeserver listens.
	methodKept = 365 * day
)

// Sweep forgets the private keys of invitations that have expired, and after a week the
// invitations, and how homeservers listen that were not told anything for a year.
func (i *Invites) Sweep(ctx context.Context) error {
	now := i.Now()
	return errors.Join(
		forgetKeys(ctx, i.DB, now),
		deleteEnded(ctx, i.DB, now.Add(-keptFor)),
		deleteMethods(ctx, i.DB, now.Add(-methodKept)),
	)
}
