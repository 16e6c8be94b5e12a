package unread

import (
	"sync"

	"signet/internal/homeserver/push"
	"signet/internal/homeserver/room"
)

const (
	// keptEvents is how many events are kept as rules see them: a message is evaluated
	// for everybody in its room within moments.
	keptEvents = 256
	// maxKept is how many octets an event has at most that is kept.
	maxKept = 4 << 10
)

// events are those seen last, as rules see them. The zero value has none.
type events struct {
	mu     sync.Mutex // guards all of it
	parsed map[*room.Stored]*push.Event
	ring   [keptEvents]*room.Stored
	next   int
}

// of is an event as rules see it. A redaction makes another Stored of one.
func (c *events) of(s *room.Stored) (*push.Event, error) {
	c.mu.Lock()
	e := c.parsed[s]
	c.mu.Unlock()
	if e != nil {
		return e, nil
	}
	e, err := parts(s).Event()
	if err == nil && len(s.JSON()) <= maxKept {
		c.keep(s, e)
	}
	return e, err
}

func parts(s *room.Stored) push.Parts {
	p := push.Parts{ID: s.ID(), Room: s.RoomID(), Sender: s.Sender(), Type: s.Type(), OriginServerTS: s.OriginServerTS(), Content: s.Content()}
	if key, isState := s.StateKey(); isState {
		p.StateKey = &key
	}
	return p
}

func (c *events) keep(s *room.Stored, e *push.Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.parsed == nil {
		c.parsed = map[*room.Stored]*push.Event{}
	}
	if c.parsed[s] != nil {
		return
	}
	delete(c.parsed, c.ring[c.next])
	c.ring[c.next], c.parsed[s] = s, e
	c.next = (c.next + 1) % keptEvents
}
