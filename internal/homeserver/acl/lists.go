package acl

import (
	"sync"

	"signet/internal/homeserver/event"
)

// Lists are those that were compiled, by room. It is forgotten whole when it is full. The
// zero value has none; it is safe for concurrent use.
type Lists struct {
	mu     sync.Mutex // guards byRoom
	byRoom map[string]compiled
}

// compiled is the ACLs of an event, which changes when it is redacted.
type compiled struct {
	of   *event.Event
	list *List
}

// maxLists is how many lists are kept.
const maxLists = 1000

// Of is what an m.room.server_acl says.
func (l *Lists) Of(e *event.Event) *List {
	l.mu.Lock()
	defer l.mu.Unlock()
	if c := l.byRoom[e.RoomID()]; c.of != nil && c.of.ID() == e.ID() && c.of.Redacted() == e.Redacted() {
		return c.list
	}
	if l.byRoom == nil || len(l.byRoom) >= maxLists {
		l.byRoom = map[string]compiled{}
	}
	c := compiled{of: e, list: Parse(event.Value(e.Content()))}
	l.byRoom[e.RoomID()] = c
	return c.list
}
