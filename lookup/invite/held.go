package invite

import (
	"context"
	"fmt"
	"time"

	"signet/internal/store"
	"signet/internal/threepid"
)

// Holding is all that is held about an address here, for its owner.
type Holding struct {
	Invitations []Invitation // without their tokens, which are for the room
	Refused     time.Time    // since when its inbox gets no invitations; zero: it gets them
}

// Held tells what is held about an address.
func (i *Invites) Held(ctx context.Context, a threepid.Address) (Holding, error) {
	rows, err := i.selectOfAddress(ctx, i.DB, a)
	if err != nil {
		return Holding{}, fmt.Errorf("reading what is held about an address: %w", err)
	}
	var h Holding
	for _, v := range rows {
		seen := v.seen(i.Now())
		seen.Token = ""
		h.Invitations = append(h.Invitations, seen)
	}
	if h.Refused, err = selectRefusal(ctx, i.DB, i.inboxTag(a)); err != nil {
		return Holding{}, fmt.Errorf("reading a refusal: %w", err)
	}
	return h, nil
}

// Erase forgets every invitation of an address, with the messages and notices that have
// not left. A refusal stays: it is a keyed tag that tells nobody who it is of, and without
// it invitations would come again. AllowAddress lifts it.
func (i *Invites) Erase(ctx context.Context, tx *store.Tx, a threepid.Address) error {
	rows, err := i.selectOfAddress(ctx, tx, a)
	if err != nil {
		return fmt.Errorf("erasing invitations: %w", err)
	}
	for _, v := range rows {
		if err := i.withdraw(ctx, tx, v); err != nil {
			return err
		}
	}
	batches, err := selectBatches(ctx, tx, i.addressTag(a))
	if err != nil {
		return fmt.Errorf("erasing invitations: %w", err)
	}
	for _, batch := range batches {
		if _, _, err := i.Outbox.WithdrawKey(ctx, tx, onbindKind, batch); err != nil {
			return err
		}
	}
	if err := deleteOfAddress(ctx, tx, i.addressTag(a)); err != nil {
		return fmt.Errorf("erasing invitations: %w", err)
	}
	return nil
}
