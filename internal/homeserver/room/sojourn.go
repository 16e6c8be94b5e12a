package room

import (
	"context"

	"signet/internal/homeserver/event"
	"signet/internal/homeserver/stream"
	"signet/internal/matrix"
)

// Sojourn is the last time that a user was in a room without leaving it.
type Sojourn struct {
	Joined stream.Pos // where it begins, 0 if the user was never in the room
	Left   stream.Pos // where it ends, 0 if it does not
}

// Sojourn is a user's last time in a room up to a position.
func (rs *Rooms) Sojourn(ctx context.Context, user matrix.UserID, r *Room, at stream.Pos) (last Sojourn, err error) {
	h, err := rs.history(ctx, r, memberType, string(user))
	if err != nil {
		return Sojourn{}, err
	}
	before := ""
	for _, v := range h {
		if v.pos > at {
			break
		}
		switch {
		case v.says == Join && before != Join:
			last = Sojourn{Joined: v.pos}
		case v.says != Join && before == Join:
			last.Left = v.pos
		}
		before = v.says
	}
	return last, nil
}

// PlaceAt is who holds a place in a room's state after a position. Who may read it, the
// caller has seen to. The error is ErrUnknownEvent.
func (rs *Rooms) PlaceAt(ctx context.Context, r *Room, typ, key string, at stream.Pos) (*Stored, error) {
	return rs.stateEventAt(ctx, r, event.Key{Type: typ, StateKey: key}, at)
}
