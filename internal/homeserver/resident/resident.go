package resident

import (
	"context"
	"errors"
	"fmt"

	"signet/internal/homeserver/acl"
	"signet/internal/homeserver/event"
	"signet/internal/homeserver/room"
	"signet/internal/matrix"
)

// Options is what a Resident stands on.
type Options struct {
	Rooms      *room.Rooms
	ServerName matrix.ServerName
	Signer     func(context.Context) (event.Signer, error) // our key of now
	Keys       Keys
	Graph      Graph
	// MaxChain is how many events an answer may name that allow others; 0 is 200,000.
	MaxChain int
}

// Resident answers for the rooms of this server. It is safe for concurrent use.
type Resident struct {
	Options
	lists acl.Lists
}

// New makes a Resident.
func New(o Options) *Resident {
	if o.MaxChain == 0 {
		o.MaxChain = maxChain
	}
	return &Resident{Options: o}
}

// maxChain is Options.MaxChain where nobody says otherwise.
const maxChain = 200_000

// Why another server does not get what it asks for, beside room's errors.
var (
	ErrDenied    = errors.New("the room's server ACLs do not allow your server")
	ErrNotInRoom = errors.New("your server is not in the room")
	ErrTooMany   = errors.New("more events are named than one request may name")
	ErrTooLarge  = errors.New("the room is too large to be answered at once")
)

// guest is another server at a room of ours.
type guest struct {
	room   *room.Room
	server matrix.ServerName
	room.Presence
}

// door finds a room for a server that its ACLs allow. Errors: room.ErrUnknownRoom,
// ErrDenied.
func (s *Resident) door(ctx context.Context, server matrix.ServerName, roomID string) (g guest, err error) {
	r, err := s.Rooms.Room(roomID)
	if err != nil {
		return g, err
	}
	return s.enter(ctx, server, r)
}

func (s *Resident) enter(ctx context.Context, server matrix.ServerName, r *room.Room) (g guest, err error) {
	list, err := s.list(ctx, r)
	switch {
	case err != nil:
		return g, err
	case !list.Allows(server):
		return g, ErrDenied
	}
	g = guest{room: r, server: server}
	g.Presence, err = s.Rooms.PresenceOf(ctx, r, server)
	return g, err
}

// member is door for a server that is in the room. Errors: those of door, ErrNotInRoom.
func (s *Resident) member(ctx context.Context, server matrix.ServerName, roomID string) (guest, error) {
	g, err := s.door(ctx, server, roomID)
	if err == nil && !g.Joined {
		err = ErrNotInRoom
	}
	return g, err
}

var aclKey = event.Key{Type: "m.room.server_acl"}

// list is the ACLs of a room, nil where it has none.
func (s *Resident) list(ctx context.Context, r *room.Room) (*acl.List, error) {
	e, err := s.Rooms.Current(ctx, r, aclKey)
	switch {
	case errors.Is(err, room.ErrUnknownEvent):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("reading server ACLs: %w", err)
	}
	return s.lists.Of(e.Event), nil
}
