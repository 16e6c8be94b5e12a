package thirdparty

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"

	"signet/internal/fedclient"
	"signet/internal/homeserver/authz"
	"signet/internal/homeserver/event"
	"signet/internal/homeserver/room"
	"signet/internal/matrix"
)

// Exchange invites the user of a claim, which another server makes, into a room that this
// server is in (server-server API, /exchange_third_party_invite). For who is invited or in the
// room already nothing is done. Errors: room.ErrUnknownRoom, an authz.Refusal, ErrRevoked,
// ErrValidity, ErrDeclined, ErrAway, and those of inbound.Invite.
func (i *Invites) Exchange(ctx context.Context, c Claim) error {
	if !i.Rooms.Resident(c.Room) {
		return room.ErrUnknownRoom
	}
	err := i.here(ctx, c)
	_, is := errors.AsType[fedclient.Refusal](err)
	switch {
	case fedclient.Final(err):
		return fmt.Errorf("%w: %w", ErrDeclined, err)
	case is, errors.Is(err, fedclient.ErrUnreachable), errors.Is(err, fedclient.ErrBadAnswer), errors.Is(err, fedclient.ErrTooLarge):
		return fmt.Errorf("%w: %w", ErrAway, err)
	}
	return err
}

// here is Exchange in a room of this server.
func (i *Invites) here(ctx context.Context, c Claim) error {
	p, err := i.prove(ctx, c)
	if err != nil || p.settled {
		return err
	}
	if err := i.valid(ctx, p.by); err != nil {
		return err
	}
	m := room.Membership{Room: c.Room, Sender: matrix.UserID(p.invite.Sender()), Target: c.Signed.User}
	if m.Content, err = content(p.invite, c.Signed); err != nil {
		return err
	}
	err = i.Inviter.Invite(ctx, m)
	if errors.Is(err, authz.ErrInviteTarget) { // who came in meanwhile
		return nil
	}
	return err
}

// content is what the invitation says beside that it is one. The name is that of the event
// in the room, which tells no address.
func content(invite *event.Event, signed Signed) ([]byte, error) {
	name, _ := invite.Field("display_name").Text()
	b, err := json.Marshal(map[string]any{"third_party_invite": map[string]any{"display_name": name, "signed": signed.JSON()}})
	if err != nil {
		return nil, fmt.Errorf("writing an invitation: %w", err)
	}
	return b, nil
}

// proof is why a claim is believed.
type proof struct {
	invite  *event.Event
	by      []publicKey
	settled bool // the user is invited already, or in the room
}

// prove checks a claim against its room, by all that the room says. Errors: room's, and the
// authz.Refusal of the event that would become of it.
func (i *Invites) prove(ctx context.Context, c Claim) (p proof, err error) {
	r, err := i.Rooms.Room(c.Room)
	if err != nil {
		return p, err
	}
	invite, err := i.Rooms.Current(ctx, r, event.Key{Type: room.ThirdPartyInvite, StateKey: c.Signed.Token})
	switch {
	case errors.Is(err, room.ErrUnknownEvent):
		return p, authz.ErrInviteToken
	case err != nil:
		return p, fmt.Errorf("reading an invitation: %w", err)
	case invite.Sender() != c.Sender.String():
		return p, authz.ErrInviteSender
	}
	p.invite = invite.Event
	if p.by = c.Signed.by(keysOf(invite.Event)); len(p.by) == 0 {
		return p, authz.ErrInviteUnsigned
	}
	membership, err := i.Rooms.MembershipNow(ctx, r, c.Signed.User)
	if membership == room.Ban {
		return p, authz.ErrBanned
	}
	p.settled = membership == room.Invite || membership == room.Join
	return p, err
}
