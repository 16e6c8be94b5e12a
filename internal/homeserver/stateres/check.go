package stateres

import (
	"signet/internal/homeserver/authz"
	"signet/internal/homeserver/event"
)

// partial is a state that the iterative auth checks build up: what they placed,
// over the state that they began with.
type partial struct {
	*graph
	check  func(e *event.Event, in authz.State) error
	base   StateSet
	placed map[event.Key]node
}

// apply places the events, one after the other, that the state so far allows.
func (p partial) apply(order []node) {
	for _, n := range order {
		if key, isState := p.key(n); isState && p.allows(n) {
			p.placed[key] = n
		}
	}
}

func (p partial) allows(n node) bool {
	return p.check(p.events[n].Event, view{partial: p, of: n}) == nil
}

// at is the event under a key, or none.
func (p partial) at(key event.Key) node {
	if n, ok := p.placed[key]; ok {
		return n
	}
	if n, ok := p.index[p.base[key]]; ok {
		return n
	}
	return none
}

// under adds what was placed to a state, where that has nothing, and returns it.
func (p partial) under(state StateSet) StateSet {
	for key, n := range p.placed {
		if _, has := state[key]; !has {
			state[key] = p.events[n].id
		}
	}
	return state
}

// view is a partial state as the check of one event sees it: what is not there is
// taken from the event's own auth events. It implements authz.LeveledState.
type view struct {
	partial
	of node
}

// Event is the event under a key, or nil.
func (v view) Event(eventType, stateKey string) *event.Event {
	if n := v.see(event.Key{Type: eventType, StateKey: stateKey}); n != none {
		return v.events[n].Event
	}
	return nil
}

// PowerLevels are those that Event leads to, or nil if they cannot be read.
func (v view) PowerLevels() *authz.PowerLevels {
	return v.powerLevels(v.see(powerLevelsKey), v.see(createKey))
}

func (v view) see(key event.Key) node {
	if n := v.at(key); n != none {
		return n
	}
	return v.vouched(v.of, key)
}

// vouched is the auth event of an event under a key, or none. One that was rejected
// vouches for nothing.
func (g *graph) vouched(n node, key event.Key) node {
	for _, a := range g.auth(n, key) {
		if at, isState := g.key(a); isState && at == key && !g.events[a].Rejected {
			return a
		}
	}
	return none
}

// cites is the auth event of an event under a key, rejected or not, or none.
func (g *graph) cites(n node, key event.Key) node {
	for _, a := range g.auth(n, key) {
		if at, isState := g.key(a); isState && at == key {
			return a
		}
	}
	return none
}

// auth lists where the auth event under a key can be. The create event of a room
// that is named after it is every event's.
func (g *graph) auth(n node, key event.Key) []node {
	if key == createKey && g.create != none {
		return []node{g.create}
	}
	return g.events[n].auth
}
