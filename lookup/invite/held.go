package invite

import (
	"context"
	"errors"
	"fmt"

	"signet/internal/locale"
	"signet/internal/matrix"
	"signet/internal/store"
	"signet/internal/threepid"
)

// Held is what is stored here about an address or a user, as a document for whom it is
// about. Times are milliseconds since 1970.
type Held struct {
	Invitations []HeldInvitation `json:"invitations"`
	Refused     int64            `json:"refused_since_ts,omitzero"` // since when the inbox gets none
}

// HeldInvitation is an invitation without its token, which is for the room.
type HeldInvitation struct {
	Medium     threepid.Medium `json:"medium"`
	Address    string          `json:"address"`
	Language   locale.Language `json:"language"`
	Sender     matrix.UserID   `json:"sender"`
	SenderName string          `json:"sender_name,omitzero"`
	Room       matrix.RoomID   `json:"room_id"`
	Name       string          `json:"room_name,omitzero"`
	Space      bool            `json:"space,omitzero"`
	State      State           `json:"state"`
	Messages   int             `json:"messages"`
	Sent       int64           `json:"sent_ts"` // the last message
	Created    int64           `json:"created_ts"`
	Expires    int64           `json:"expires_ts"`
	Ended      int64           `json:"ended_ts,omitzero"` // when it was claimed, accepted or revoked
}

func (i *Invites) heldOf(rows []*invitation) Held {
	h := Held{Invitations: []HeldInvitation{}}
	for _, v := range rows {
		h.Invitations = append(h.Invitations, HeldInvitation{
			Medium: v.address.Medium(), Address: v.address.String(), Language: v.Language,
			Sender: v.Sender, SenderName: v.SenderName, Room: v.Room, Name: v.RoomName, Space: v.Space,
			State: v.now(i.Now()), Messages: v.messages, Sent: v.sent.UnixMilli(),
			Created: v.created.UnixMilli(), Expires: v.expires.UnixMilli(), Ended: store.Millis(v.ended),
		})
	}
	return h
}

// Held is a Held of an address.
func (i *Invites) Held(ctx context.Context, a threepid.Address) (any, error) {
	rows, err := i.selectOfAddress(ctx, i.DB, a)
	if err != nil {
		return nil, fmt.Errorf("reading what is held about an address: %w", err)
	}
	refused, err := selectRefusal(ctx, i.DB, i.inboxTag(a))
	if err != nil {
		return nil, fmt.Errorf("reading a refusal: %w", err)
	}
	h := i.heldOf(rows)
	h.Refused = store.Millis(refused)
	return h, nil
}

// HeldBy is a Held of the invitations that a user has sent, or accepted.
func (i *Invites) HeldBy(ctx context.Context, user matrix.UserID) (any, error) {
	rows, err := i.selectOfUser(ctx, i.DB, user)
	if err != nil {
		return nil, fmt.Errorf("reading what is held about a user: %w", err)
	}
	return i.heldOf(rows), nil
}

// EraseUser forgets the invitations that a user has sent, with the messages that have not
// left, and those that the user has accepted, with the notices. One that the user sent and
// another accepted is theirs, and is forgotten in its time.
func (i *Invites) EraseUser(ctx context.Context, tx *store.Tx, user matrix.UserID) error {
	tag := i.userTag(user)
	rows, err := i.selectOfUser(ctx, tx, user)
	if err == nil {
		err = i.withdrawAll(ctx, tx, rows, "claimed_by", tag)
	}
	if err == nil {
		err = errors.Join(deleteOfClaimer(ctx, tx, tag), deleteOfSender(ctx, tx, tag))
	}
	if err != nil {
		return fmt.Errorf("erasing a user's invitations: %w", err)
	}
	return nil
}

// Erase forgets every invitation of an address, with the messages and notices that have
// not left. A refusal stays: it is a keyed tag that tells nobody who it is of, and without
// it invitations would come again. Allow lifts it.
func (i *Invites) Erase(ctx context.Context, tx *store.Tx, a threepid.Address) error {
	tag := i.addressTag(a)
	rows, err := i.selectOfAddress(ctx, tx, a)
	if err == nil {
		err = i.withdrawAll(ctx, tx, rows, "address_index", tag)
	}
	if err == nil {
		err = deleteOfAddress(ctx, tx, tag)
	}
	if err != nil {
		return fmt.Errorf("erasing invitations: %w", err)
	}
	return nil
}

// withdrawAll takes the messages of invitations out of the outbox, and the notices of those
// that have a tag in a column.
func (i *Invites) withdrawAll(ctx context.Context, tx *store.Tx, rows []*invitation, column string, tag []byte) error {
	for _, v := range rows {
		if err := i.withdraw(ctx, tx, v); err != nil {
			return err
		}
	}
	batches, err := selectBatches(ctx, tx, column, tag)
	if err != nil {
		return err
	}
	for _, batch := range batches {
		if _, _, err := i.Outbox.WithdrawKey(ctx, tx, onbindKind, batch); err != nil {
			return err
		}
	}
	return nil
}
