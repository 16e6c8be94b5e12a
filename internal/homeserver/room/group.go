package room

import (
	"signet/internal/homeserver/event"
	"signet/internal/homeserver/stream"
)

// maxChain is how many groups may stand between a state and one that is stored whole.
const maxChain = 100

// group is a state of a room, as it is stored: the one before it with one place taken
// anew. Only state events make groups; what they are numbered by is their positions, so
// the state before a state event is that of its group's prev, and the state before any
// other is the state after it.
type group struct {
	id    stream.Pos // settled when the group is stored
	chain int        // groups since one that is stored whole
	prev  *group     // until the group is stored
	delta []placed   // what it has that prev has not, or the whole state at chain 0; until it is stored
}

// placed is an event that holds a place in a state.
type placed struct {
	key event.Key
	in  *place
}

// next is the group of a state event that takes a place in a state.
func (g *group) next(s *Stored, state map[event.Key]*place, in *place) *group {
	n := &group{prev: g}
	if g != nil && g.chain+1 < maxChain {
		n.chain = g.chain + 1
		n.delta = []placed{{s.key(), in}}
		return n
	}
	n.delta = make([]placed, 0, len(state)+1)
	for key, p := range state {
		if key != s.key() {
			n.delta = append(n.delta, placed{key, p})
		}
	}
	n.delta = append(n.delta, placed{s.key(), in})
	return n
}

// settled forgets what was needed to store the group.
func (g *group) settled() { g.prev, g.delta = nil, nil }
