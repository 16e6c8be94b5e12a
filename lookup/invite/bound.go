package invite

import (
	"context"
	"fmt"
	"slices"

	"github.com/go-json-experiment/json"

	"signet/internal/matrix"
	"signet/internal/outbox"
	"signet/internal/store"
	"signet/internal/threepid"
)

// maxNotice is how many invitations one notice tells of, so that a homeserver takes it.
const maxNotice = 50

// Bound accepts the living invitations of an address for the user that it is bound to, and
// has the user's homeserver told, within the transaction that binds: if and only if that
// commits. What was claimed with its key for somebody else is not theirs. It is called for
// each bind, also one that is repeated: what was accepted is not accepted again.
func (i *Invites) Bound(ctx context.Context, tx *store.Tx, a threepid.Address, user matrix.UserID) error {
	_, err := i.Accept(ctx, tx, a, user)
	return err
}

// Accept is Bound, and tells how many invitations it has accepted.
func (i *Invites) Accept(ctx context.Context, tx *store.Tx, a threepid.Address, user matrix.UserID) (accepted int, err error) {
	living, err := i.selectLiving(ctx, tx, a, i.userTag(user))
	if err != nil {
		return 0, fmt.Errorf("reading the invitations of an address: %w", err)
	}
	for part := range slices.Chunk(living, maxNotice) {
		if err := i.accept(ctx, tx, part, a, user); err != nil {
			return 0, fmt.Errorf("accepting invitations: %w", err)
		}
	}
	return len(living), nil
}

// Waiting is how many invitations Accept would accept now.
func (i *Invites) Waiting(ctx context.Context, a threepid.Address, user matrix.UserID) (n int, err error) {
	if n, err = i.countLiving(ctx, i.DB, a, i.userTag(user)); err != nil {
		return 0, fmt.Errorf("counting the invitations of an address: %w", err)
	}
	return n, nil
}

// accept ends invitations for a user and puts their notice into the outbox.
func (i *Invites) accept(ctx context.Context, tx *store.Tx, part []*invitation, a threepid.Address, user matrix.UserID) error {
	now := i.Now()
	n := notice{Batch: store.NewID(now), User: user, Medium: string(a.Medium()), Address: a.String()}
	for _, v := range part {
		n.Invites = append(n.Invites, told{ID: v.id, Token: v.Token, Room: v.Room, Sender: v.Sender, ServerKey: v.ServerKey})
		if err := i.withdraw(ctx, tx, v); err != nil {
			return err
		}
		if err := finish(ctx, tx, v, Accepted, i.userTag(user), n.Batch, now); err != nil {
			return err
		}
	}
	payload, err := json.Marshal(n)
	if err != nil {
		return err
	}
	_, err = i.Outbox.Put(ctx, tx, outbox.Work{Kind: onbindKind, Key: n.Batch, Payload: payload, Expires: now.Add(onbindLife)})
	return err
}
