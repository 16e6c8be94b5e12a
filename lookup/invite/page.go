package invite

import (
	"context"
	"crypto/hmac"
	"errors"
	"fmt"

	"signet/internal/matrix"
	"signet/internal/threepid"
	"signet/internal/wording"
)

// Shown is an invitation as its page shows it to whoever has the message. What strangers
// wrote is short, passes for nobody's id, and is for the page to escape.
type Shown struct {
	Address    threepid.Address
	Sender     matrix.UserID
	SenderName string
	RoomName   string
	Space      bool
	State      State
	Never      string // the token of the "never again" link
}

// Show reads the invitation of a message's link and changes nothing. proof is made of the
// private key, which the page keeps to itself: unpadded URL-safe base64 of the SHA-256 of
// the key as the link has it. The error is ErrNoLink.
func (i *Invites) Show(ctx context.Context, token, proof string) (Shown, error) {
	v, err := i.selectByToken(ctx, i.DB, token)
	if errors.Is(err, ErrToken) || err == nil && !hmac.Equal(v.linkMAC, i.linkMAC(token, proof)) {
		return Shown{}, ErrNoLink
	}
	if err != nil {
		return Shown{}, fmt.Errorf("reading an invitation: %w", err)
	}
	return Shown{
		Address: v.address, Sender: v.Sender, SenderName: wording.NoID(v.SenderName), RoomName: v.RoomName, Space: v.Space,
		State: v.now(i.Now()), Never: i.NeverToken(v.address),
	}, nil
}
