package resident

import (
	"context"
	"errors"

	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/homeserver/event"
)

// Shown is the state by which a room may be known to somebody who is invited to it.
type Shown struct {
	Room    string
	Version event.Version
	State   []jsontext.Value
}

// ErrShown says that the state which comes with an invitation does not show its room.
var ErrShown = errors.New("invite_room_state is not of events of the room, with its m.room.create")

// maxShown is how many events an invitation brings along.
const maxShown = 100

// CheckShown checks what comes with an invitation (server-server API, /invite). Before room
// version 12 servers send no whole events; since then m.room.create, whose hash the room's
// id is, must be among them. The error is ErrShown.
func (s *Resident) CheckShown(ctx context.Context, shown Shown) error {
	if len(shown.State) > maxShown {
		return ErrShown
	}
	if !shown.Version.RoomIDFromCreate() {
		return nil
	}
	created := false
	for _, raw := range shown.State {
		e, err := shown.Version.Parse(raw)
		if err != nil || e.Redacted() || e.RoomID() != shown.Room || s.verify(ctx, e) != nil {
			return ErrShown
		}
		created = created || e.Is("m.room.create", "")
	}
	if !created {
		return ErrShown
	}
	return nil
}
