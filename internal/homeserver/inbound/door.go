package inbound

import (
	"context"
	"errors"
	"fmt"

	"signet/internal/homeserver/event"
	"signet/internal/homeserver/room"
	"signet/internal/matrix"
)

// Allows tells whether a room's server ACLs let a server take part, and this server is in the
// room. The error is room.ErrUnknownRoom.
func (in *Inbound) Allows(ctx context.Context, server matrix.ServerName, roomID string) (bool, error) {
	r, err := in.Rooms.Room(roomID)
	if err != nil {
		return false, err
	}
	err = in.admit(ctx, server, r)
	if errors.Is(err, ErrDenied) || errors.Is(err, ErrNotHere) {
		return false, nil
	}
	return err == nil, err
}

// admit tells whether a server may send events into a room that this server is in. Errors:
// ErrNotHere, ErrDenied.
func (in *Inbound) admit(ctx context.Context, origin matrix.ServerName, r *room.Room) error {
	if !in.Rooms.Resident(r.ID()) {
		return ErrNotHere
	}
	e, err := in.Rooms.Current(ctx, r, event.Key{Type: "m.room.server_acl"})
	switch {
	case errors.Is(err, room.ErrUnknownEvent):
		return nil
	case err != nil:
		return fmt.Errorf("reading server ACLs: %w", err)
	case !in.lists.Of(e.Event).Allows(origin):
		return ErrDenied
	}
	return nil
}
