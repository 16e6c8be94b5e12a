package room

import (
	"context"
	"fmt"
	"slices"

	"signet/internal/homeserver/event"
	"signet/internal/matrix"
)

// Crowd follows who is in which room. It is called once a change is stored and shown, one
// call at a time, and must not wait.
type Crowd interface {
	// Moved says that a user, of whatever server, may be in other rooms than before, or under
	// another name.
	Moved(user matrix.UserID)
	// Opened says that others may join a room than before.
	Opened(room matrix.RoomID)
}

// Member is a user in a room, as its state names them; a name or avatar that they have not is
// empty.
type Member struct {
	Room        matrix.RoomID
	User        matrix.UserID
	DisplayName string
	AvatarURL   string
}

// crowded tells of what an operation has changed.
func (w writer) crowded(op *operation) {
	if w.Crowd == nil {
		return
	}
	for _, s := range op.events {
		for _, t := range s.turns() {
			w.tellCrowd(op.room, t.key)
		}
	}
	if r := op.redacts; r != nil && r.to.isState() {
		w.tellCrowd(op.room, r.to.key())
	}
}

func (w writer) tellCrowd(r *Room, key event.Key) {
	switch {
	case key.Type == memberType:
		w.Crowd.Moved(matrix.UserID(key.StateKey))
	case key == event.Key{Type: joinRulesType}:
		w.Crowd.Opened(matrix.RoomID(r.id))
	}
}

// askedTogether is of how many users or rooms the database is asked at once.
const askedTogether = 500

// EachMember does something for every room that the users are in, of whatever server; of all
// users if there are none.
func (rs *Rooms) EachMember(ctx context.Context, users []matrix.UserID, do func(Member)) error {
	return together(users, func(some []matrix.UserID) error {
		if err := eachMember(ctx, rs.DB, some, do); err != nil {
			return fmt.Errorf("reading who is in which room: %w", err)
		}
		return nil
	})
}

// EachJoinRule does something for every room of some, or of all if there are none, with
// whether anybody may join it.
func (rs *Rooms) EachJoinRule(ctx context.Context, rooms []matrix.RoomID, do func(room matrix.RoomID, public bool)) error {
	return together(rooms, func(some []matrix.RoomID) error {
		if err := eachJoinRule(ctx, rs.DB, some, do); err != nil {
			return fmt.Errorf("reading who may join which room: %w", err)
		}
		return nil
	})
}

// together asks for some at a time, or once for all of them where none are named.
func together[T any](names []T, ask func([]T) error) error {
	if len(names) == 0 {
		return ask(nil)
	}
	for some := range slices.Chunk(names, askedTogether) {
		if err := ask(some); err != nil {
			return err
		}
	}
	return nil
}
