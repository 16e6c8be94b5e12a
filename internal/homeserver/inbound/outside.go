package inbound

import (
	"context"
	"errors"
	"slices"

	"signet/internal/homeserver/event"
	"signet/internal/homeserver/room"
	"signet/internal/matrix"
)

// Rooms that nobody here is in are known by who was invited to them. All that is taken in of
// such a room is the end of that.

// mayComeOutside tells whether an event ends the invitation, or the knock, of a user here,
// which it must cite. The error is ErrNotHere.
func (in *Inbound) mayComeOutside(a arrival) error {
	key, isState := a.event.StateKey()
	user := matrix.UserID(key)
	if !isState || a.event.Type() != "m.room.member" || event.ServerOf(key) != in.ServerName {
		return ErrNotHere
	}
	membership, _ := a.event.Field("membership").Text()
	stay := in.Rooms.Standing(user, a.roomID)
	if membership != room.Leave && membership != room.Ban || stay.Membership != room.Invite && stay.Membership != room.Knock {
		return ErrNotHere
	}
	return nil
}

func (in *Inbound) handleOutside(ctx context.Context, a arrival) error {
	user, _ := a.event.StateKey()
	own, err := in.Rooms.Membership(ctx, matrix.UserID(user), a.roomID)
	if err != nil {
		return err
	}
	if !slices.Contains(a.event.AuthEvents(), own.ID()) {
		return ErrNotHere
	}
	if isInvite, _ := own.Field("membership").Text(); isInvite == room.Invite && a.event.Sender() != own.Sender() {
		return ErrNotHere // nothing here tells whether others may take it back
	}
	err = in.Rooms.PutOutside(ctx, room.Outside{RoomID: a.roomID, Version: a.event.Version(), Event: a.event})
	if errors.Is(err, room.ErrResident) {
		return nil // came in meanwhile
	}
	return err
}
