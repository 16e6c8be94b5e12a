package invite

import (
	"context"
	"fmt"
	"time"

	"signet/internal/matrix"
	"signet/internal/store"
	"signet/internal/threepid"
)

// Invitation is what a sender sees of their own.
type Invitation struct {
	ID          string
	Address     threepid.Address
	DisplayName string
	Sender      matrix.UserID
	Room        matrix.RoomID
	RoomName    string
	Token       string
	State       State
	Messages    int // that were sent, or will be
	Sent        time.Time
	Created     time.Time
	Expires     time.Time
}

func (v *invitation) seen(now time.Time) Invitation {
	return Invitation{
		ID: v.id, Address: v.address, DisplayName: v.address.Redacted(), Sender: v.Sender, Room: v.Room, RoomName: v.RoomName, Token: v.Token,
		State: v.now(now), Messages: v.messages, Sent: v.sent, Created: v.created, Expires: v.expires,
	}
}

// List lists the invitations of a sender, the newest first, until a week after their end.
// Whether a message arrived is not told: it would tell which addresses there are.
func (i *Invites) List(ctx context.Context, sender matrix.UserID) ([]Invitation, error) {
	rows, err := i.selectOfSender(ctx, i.DB, sender)
	if err != nil {
		return nil, fmt.Errorf("listing invitations: %w", err)
	}
	list := make([]Invitation, len(rows))
	for n, v := range rows {
		list[n] = v.seen(i.Now())
	}
	return list, nil
}

// Resend sends a pending invitation of the sender's once more, with the same link.
// Errors: ErrNone, ErrOver, ErrOften; matrix.LimitExceeded when it is too soon, or for a
// budget used up; and those of Store for a number.
func (i *Invites) Resend(ctx context.Context, sender matrix.UserID, id string) error {
	v, err := i.own(ctx, i.DB, sender, id)
	if err == nil {
		err = v.mayResend(i.Now())
	}
	if err != nil {
		return err
	}
	v.messages++
	return i.send(ctx, v, func(ctx context.Context, tx *store.Tx) error {
		now := i.Now()
		before, err := i.own(ctx, tx, sender, id)
		if err == nil {
			err = before.mayResend(now)
		}
		if err != nil {
			return err
		}
		return updateSent(ctx, tx, id, v.messages, now)
	})
}

func (v *invitation) mayResend(now time.Time) error {
	switch {
	case !v.waits(now):
		return ErrOver
	case v.messages >= maxMessages:
		return ErrOften
	}
	if wait := v.sent.Add(resendAfter[v.messages-1]).Sub(now); wait > 0 {
		return matrix.LimitExceeded{RetryAfter: wait}
	}
	return nil
}

// Revoke ends an invitation of the sender's: its key is dead, its token signs nothing and
// a message that has not left stays here. Ending it again is no error. Errors: ErrNone,
// ErrOver where it was accepted.
func (i *Invites) Revoke(ctx context.Context, sender matrix.UserID, id string) error {
	return i.DB.Tx(ctx, func(tx *store.Tx) error {
		v, err := i.own(ctx, tx, sender, id)
		if err != nil {
			return err
		}
		switch v.state {
		case Accepted:
			return ErrOver
		case Revoked:
			return nil
		}
		if err := i.withdraw(ctx, tx, v); err != nil {
			return err
		}
		return finish(ctx, tx, v, Revoked, nil, "", i.Now())
	})
}

// own reads an invitation of the sender's. That of somebody else is none: ErrNone.
func (i *Invites) own(ctx context.Context, q store.Queryer, sender matrix.UserID, id string) (*invitation, error) {
	v, err := i.selectInvitation(ctx, q, id)
	if err != nil {
		return nil, err
	}
	if v.Sender != sender {
		return nil, ErrNone
	}
	return v, nil
}
