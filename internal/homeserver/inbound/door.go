package inbound

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"signet/internal/homeserver/acl"
	"signet/internal/homeserver/event"
	"signet/internal/homeserver/room"
	"signet/internal/matrix"
)

// lists are ACLs that were compiled, by room. It is forgotten whole when it is full.
type lists struct {
	mu     sync.Mutex // guards byRoom
	byRoom map[string]compiled
}

// compiled is the ACLs of an event, which changes when it is redacted.
type compiled struct {
	of   *event.Event
	list *acl.List
}

// maxLists is how many lists are kept.
const maxLists = 1000

func (l *lists) of(e *event.Event) *acl.List {
	l.mu.Lock()
	defer l.mu.Unlock()
	if c := l.byRoom[e.RoomID()]; c.of != nil && c.of.ID() == e.ID() && c.of.Redacted() == e.Redacted() {
		return c.list
	}
	if l.byRoom == nil || len(l.byRoom) >= maxLists {
		l.byRoom = map[string]compiled{}
	}
	c := compiled{of: e, list: acl.Parse(event.Value(e.Content()))}
	l.byRoom[e.RoomID()] = c
	return c.list
}

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
	case !in.lists.of(e.Event).Allows(origin):
		return ErrDenied
	}
	return nil
}
