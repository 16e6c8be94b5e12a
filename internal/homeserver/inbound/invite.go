package inbound

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/homeserver/authz"
	"signet/internal/homeserver/event"
	"signet/internal/homeserver/remote"
	"signet/internal/homeserver/room"
	"signet/internal/matrix"
)

// Invited is an invitation that another server brings for a user of this one (server-server
// API, "Inviting to a room").
type Invited struct {
	RoomID  string
	EventID string
	Version string
	Event   jsontext.Value
	State   []jsontext.Value // by which the room may be known
}

// ErrInvite is an invitation that is none, or not for a user of this server.
var ErrInvite = errors.New("the event does not invite a user of this server")

// Bounds of what an invitation brings along.
const (
	maxShown      = 100
	maxShownBytes = 256 << 10
)

// ReceiveInvite takes an invitation in and returns the event with this server's signature
// too. Into a room that somebody here is in, it comes by the room. Errors: event.ErrVersion,
// those of event.Parse, ErrInvite, ErrSignature, ErrDenied.
func (in *Inbound) ReceiveInvite(ctx context.Context, origin matrix.ServerName, i Invited) (signed jsontext.Value, err error) {
	v, err := event.ParseVersion(i.Version)
	if err != nil {
		return nil, err
	}
	e, err := v.Parse(i.Event)
	if err != nil {
		return nil, err
	}
	if !in.isInvite(i, e) || event.ServerOf(e.Sender()) != origin && !in.stems(ctx, i, e) {
		return nil, ErrInvite
	}
	if err := in.verify(ctx, e); err != nil {
		return nil, err
	}
	signer, err := in.Signer(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading the signing key: %w", err)
	}
	if e, err = e.Sign(signer); err != nil {
		return nil, err
	}
	return e.JSON(), in.putInvite(ctx, origin, i, e)
}

func (in *Inbound) isInvite(i Invited, e *event.Event) bool {
	target, isState := e.StateKey()
	membership, _ := e.Field("membership").Text()
	_, err := matrix.ParseUserID(target)
	return err == nil && isState && e.Type() == "m.room.member" && membership == room.Invite && !e.Redacted() &&
		e.RoomID() == i.RoomID && e.ID() == i.EventID && event.ServerOf(target) == in.ServerName
}

// stems tells whether an invitation in the name of another server's user stems from one to a
// third-party identifier, which any server of the room may make of it (server-server API,
// "Validating hashes and signatures"). Who is not in the room knows that by the first one alone,
// as its sender's server has signed it: so that nobody invites in anybody's name.
func (in *Inbound) stems(ctx context.Context, i Invited, e *event.Event) bool {
	for _, raw := range i.State[:min(len(i.State), maxShown)] {
		invite, err := e.Version().Parse(raw)
		if err == nil && invite.Type() == room.ThirdPartyInvite && invite.RoomID() == e.RoomID() && authz.StemsFrom(e, invite) == nil {
			return in.verify(ctx, invite) == nil
		}
	}
	return false
}

// Bidden is for room.Options: an invitation that this server has signed has come by ReceiveInvite,
// past what stands before that. Of any other it is asked how many there may be.
func (in *Inbound) Bidden(ctx context.Context, invitation *event.Event) (refusal, err error) {
	if in.Invited == nil {
		return nil, nil
	}
	signer, err := in.Signer(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading the signing key: %w", err)
	}
	if signed, err := invitation.Sign(signer); err == nil && bytes.Equal(signed.JSON(), invitation.JSON()) {
		return nil, nil // signing again makes the same signature (RFC 8032)
	}
	target, _ := invitation.StateKey()
	err = in.Invited(ctx, matrix.UserID(invitation.Sender()), matrix.UserID(target))
	if exceeded, is := errors.AsType[matrix.LimitExceeded](err); is {
		return exceeded, nil
	}
	return nil, err
}

func (in *Inbound) putInvite(ctx context.Context, origin matrix.ServerName, i Invited, e *event.Event) error {
	if in.Rooms.Resident(i.RoomID) {
		r, err := in.Rooms.Room(i.RoomID)
		if err != nil {
			return err
		}
		return in.admit(ctx, origin, r)
	}
	err := in.Rooms.PutOutside(ctx, room.Outside{RoomID: i.RoomID, Version: e.Version(), Event: e, State: shown(i.State)})
	if errors.Is(err, room.ErrResident) {
		return nil
	}
	return err
}

// shown is what of stripped state is kept. What there is too much of is not.
func shown(state []jsontext.Value) (kept []jsontext.Value) {
	size := 0
	for _, s := range state[:min(len(state), maxShown)] {
		canonical, err := event.Canonical(s, false)
		if size += len(canonical); err != nil || size > maxShownBytes {
			continue
		}
		kept = append(kept, canonical)
	}
	return kept
}

// Invite invites a user. The server of one of another server signs the invitation, then it
// is sent into the room. Errors: those of room.Invite, of remote.Client and ErrForeign.
func (in *Inbound) Invite(ctx context.Context, m room.Membership) error {
	server := event.ServerOf(string(m.Target))
	if server == in.ServerName || !in.Rooms.Resident(m.Room) {
		return in.Rooms.Invite(ctx, m)
	}
	give, err := in.invites.Take(ctx, invited(m.Room, m.Target))
	if err != nil {
		return err
	}
	defer give()
	p, err := in.Rooms.ProposeInvite(ctx, m)
	if err != nil {
		return err
	}
	i := remote.Invitation{Room: matrix.RoomID(m.Room), EventID: p.Event.ID(), RoomVersion: p.Event.Version().String(), Event: p.Event.JSON()}
	for _, s := range p.State {
		i.State = append(i.State, s.JSON())
	}
	raw, err := in.Remote.Invite(ctx, server, i)
	if err != nil {
		return err
	}
	signed, err := p.Event.Version().Parse(raw)
	if err != nil || signed.ID() != p.Event.ID() || signed.Redacted() {
		return ErrForeign
	}
	if err := in.verify(ctx, signed); err != nil {
		return err
	}
	return in.sendOwn(ctx, m.Room, signed)
}

func invited(roomID string, user matrix.UserID) string { return roomID + " " + user.String() }

// settleLife is how long somebody who comes waits for their invitation.
const settleLife = 5 * time.Second

// Settle waits a little while an invitation of a user is under way: their server, which has
// signed it, may send them here before the room has it.
func (in *Inbound) Settle(ctx context.Context, roomID string, user matrix.UserID) {
	ctx, cancel := context.WithTimeout(ctx, settleLife)
	defer cancel()
	if give, err := in.invites.Take(ctx, invited(roomID, user)); err == nil {
		give()
	}
}

// sendOwn sends an event of ours into its room, which others had to sign before.
func (in *Inbound) sendOwn(ctx context.Context, roomID string, e *event.Event) error {
	v, err := in.Rooms.Accept(ctx, roomID, room.Arrival{Event: e, Relay: true})
	if err != nil {
		return err
	}
	return v.Why
}

// Accept takes an event in that another server has handed over, such as a join, and passes
// it on. The error is also why it is not accepted.
func (in *Inbound) Accept(ctx context.Context, roomID string, e *event.Event) error {
	r, err := in.Rooms.Room(roomID)
	if err != nil {
		return err
	}
	give, err := in.turns.Take(ctx, roomID)
	if err != nil {
		return err
	}
	defer give()
	v, err := in.Rooms.Accept(ctx, r.ID(), room.Arrival{Event: e, Relay: true})
	if _, lacks := errors.AsType[room.MissingEvents](err); lacks {
		if err = in.fill(ctx, event.ServerOf(e.Sender()), r, e); err == nil {
			v, err = in.Rooms.Accept(ctx, r.ID(), room.Arrival{Event: e, Relay: true})
		}
	}
	if err != nil {
		return err
	}
	return v.Why
}
