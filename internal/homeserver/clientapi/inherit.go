package clientapi

import (
	"context"
	"errors"

	"signet/internal/homeserver/room"
	"signet/internal/matrix"
)

// Who comes to a room that replaces another finds there what they have set for that one
// (client-server API, "Room Upgrades"). It is there before the request is answered.

const tombstoneType = "m.room.tombstone"

// joiningHeir is join, after which a user has what they are to have.
func (a *API) joiningHeir(join func(context.Context, room.Membership) error) func(context.Context, room.Membership) error {
	return func(ctx context.Context, m room.Membership) error {
		_, err := a.Rooms.Joined(m.Sender, m.Room)
		isNew := err != nil
		if err := join(ctx, m); err != nil || !isNew {
			return err
		}
		old, err := a.Rooms.Predecessor(ctx, m.Room)
		if err != nil || old == "" {
			return err
		}
		return a.Data.Inherit(ctx, m.Sender, matrix.RoomID(old), matrix.RoomID(m.Room))
	}
}

// replaced is for those who are in the new room already when the old one says that it is
// replaced.
func (a *API) replaced(ctx context.Context, old string) error {
	heir, err := a.Rooms.Replacement(ctx, old)
	if err != nil || heir == "" {
		return err
	}
	var errs []error
	for _, user := range a.Rooms.LocalMembers(matrix.RoomID(heir)) {
		errs = append(errs, a.Data.Inherit(ctx, user, matrix.RoomID(old), matrix.RoomID(heir)))
	}
	return errors.Join(errs...)
}
