package contact

import (
	"context"
	"errors"
	"fmt"
	"time"

	"signet/internal/idclient"
	"signet/internal/matrix"
	"signet/internal/store"
	"signet/internal/threepid"
)

// Contact is an address of an account.
type Contact struct {
	Address   threepid.Address
	Validated time.Time // when it was shown to be theirs
	Added     time.Time
}

// Add gives an account an address that was proven for Register or Add. It is in the
// transaction that spends the proof; a user who has the address keeps it, and one who wished so
// when they signed up is to be found by it. Errors are ErrInUse
// when somebody else has it, ErrEnded, and ErrSession for another purpose or another user's
// proof.
func (c *Contacts) Add(ctx context.Context, tx *store.Tx, user matrix.UserID, p Proof) error {
	if forOwner(p.purpose) || p.purpose == idclient.Add && p.user != "" && p.user != user {
		return ErrSession
	}
	active, err := c.Active(ctx, tx, user)
	if err != nil {
		return fmt.Errorf("adding an address: %w", err)
	}
	if !active {
		return ErrEnded
	}
	sealed := c.box.Seal([]byte(plain(p.address)), p.index)
	theirs, err := putAddress(ctx, tx, user, p, sealed, c.Now())
	if err != nil {
		return fmt.Errorf("adding an address: %w", err)
	}
	if !theirs {
		return ErrInUse
	}
	if p.bind {
		return c.seek(ctx, tx, user, p)
	}
	return nil
}

// Of is the addresses of a user, the oldest first.
func (c *Contacts) Of(ctx context.Context, user matrix.UserID) ([]Contact, error) {
	all, err := selectAddresses(ctx, c.DB, c.box, user)
	if err != nil {
		return nil, fmt.Errorf("reading the addresses of an account: %w", err)
	}
	return all, nil
}

// Owner is who has an address. The error is ErrUnknown when nobody here has.
func (c *Contacts) Owner(ctx context.Context, a threepid.Address) (matrix.UserID, error) {
	owner, err := c.owner(ctx, c.DB, a)
	if err == nil && owner == "" {
		return "", ErrUnknown
	}
	return owner, err
}

// owner is empty where nobody has the address.
func (c *Contacts) owner(ctx context.Context, q store.Queryer, a threepid.Address) (matrix.UserID, error) {
	owner, err := selectOwner(ctx, q, c.index(a))
	if err != nil {
		return "", fmt.Errorf("reading who has an address: %w", err)
	}
	return owner, nil
}

// Sweep deletes sessions that have ended, and CAPTCHAs that count no more.
func (c *Contacts) Sweep(ctx context.Context) error {
	if err := errors.Join(deleteSessionsBefore(ctx, c.DB, c.Now()), deleteFindingsBefore(ctx, c.DB, c.Now()), deletePassesBefore(ctx, c.DB, c.Now())); err != nil {
		return fmt.Errorf("sweeping sessions: %w", err)
	}
	return nil
}
