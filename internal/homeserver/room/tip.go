package room

import (
	"context"
	"math"
	"sync/atomic"

	"signet/internal/homeserver/authz"
	"signet/internal/homeserver/event"
	"signet/internal/homeserver/stream"
)

// tip is a room as it will be when all that is queued is stored. It belongs to who holds
// the room's lock.
type tip struct {
	extremities []*Stored // nothing follows them
	state       map[event.Key]*place
	group       *group     // the state; nil if it was resolved and has none yet
	floor       stream.Pos // the lowest number of a row, 0 before there is one below 0
	levels      *authz.PowerLevels
	levelsOf    *event.Event   // what levels were read from
	last        *stream.Ticket // of what was queued last
	present     present
}

// place is who holds a place in a state. The event of a membership is read when somebody
// asks for it.
type place struct {
	id         string
	membership string
	stored     atomic.Pointer[Stored]
	pos        stream.Pos // settled when the event is stored; of the committer before that
}

func newPlace(s *Stored) *place {
	p := &place{id: s.ID(), pos: s.row()}
	if s.Type() == memberType {
		p.membership = membershipOf(s.Event)
	}
	p.stored.Store(s)
	return p
}

// own is the place as one that may be changed, and whose event is read again: what others
// have of it may be older than its redaction. One whose event waits to be stored is told
// its position, so that it stays what it is.
func (p *place) own() *place {
	if p.pos == 0 {
		return p
	}
	return &place{id: p.id, pos: p.pos, membership: p.membership}
}

// row is the number of the event's row, 0 of nobody.
func (p *place) row() stream.Pos {
	if p == nil {
		return 0
	}
	return p.pos
}

// member is the membership that the place gives, to nobody too.
func (p *place) member() string {
	if p == nil {
		return Leave
	}
	return p.membership
}

// Event is who holds a place in the state, for authz: what it needs has been read before.
func (t *tip) Event(typ, key string) *event.Event {
	p := t.state[event.Key{Type: typ, StateKey: key}]
	if p == nil {
		return nil
	}
	if s := p.stored.Load(); s != nil {
		return s.Event
	}
	return nil
}

// PowerLevels are those of the state, nil if they cannot be read.
func (t *tip) PowerLevels() *authz.PowerLevels {
	of := t.Event(levelsType, "")
	if t.levels == nil || t.levelsOf != of {
		create := t.Event(createType, "")
		if create == nil {
			return nil
		}
		levels, err := authz.Levels(create.Version(), t)
		if err != nil {
			return nil
		}
		t.levels, t.levelsOf = levels, of
	}
	return t.levels
}

func (t *tip) membership(user string) string {
	if p := t.state[event.Key{Type: memberType, StateKey: user}]; p != nil {
		return p.membership
	}
	return ""
}

// depth is that of the event that follows the tip: not even the largest there is ends a
// room.
func (t *tip) depth() int64 {
	depth := int64(0)
	for _, e := range t.extremities {
		depth = max(depth, min(e.Depth(), math.MaxInt64-1))
	}
	return depth + 1
}

// follow puts an event at the tip.
func (t *tip) follow(s *Stored) {
	t.extremities = []*Stored{s}
	t.group = s.group
	if s.changes {
		t.state[s.key()] = s.in
		if s.Type() == createType || s.Type() == levelsType {
			t.levels = nil
		}
	}
}

// read reads the events of places in the state that have not been read.
func (rs *Rooms) read(ctx context.Context, r *Room, places ...*place) error {
	for _, p := range places {
		if p == nil || p.stored.Load() != nil {
			continue
		}
		s, err := rs.storedAt(ctx, r, p.pos)
		if err != nil {
			return err
		}
		p.stored.Store(s)
	}
	return nil
}
