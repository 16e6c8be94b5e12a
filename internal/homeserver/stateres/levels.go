package stateres

import (
	"signet/internal/homeserver/authz"
	"signet/internal/homeserver/event"
)

// levels remembers the power levels that were read last: many events in a row look
// at the same.
type levels struct {
	read         bool
	from, create node
	last         *authz.PowerLevels
}

// powerLevels are those of a power levels event, or of a room that has none, or nil
// if they cannot be read.
func (g *graph) powerLevels(from, create node) *authz.PowerLevels {
	if l := g.levels; l.read && l.from == from && l.create == create {
		return l.last
	}
	g.levels = levels{read: true, from: from, create: create}
	if read, err := authz.Levels(g.version, g.stateOf(from, create)); err == nil {
		g.levels.last = read
	}
	return g.levels.last
}

func (g *graph) stateOf(nodes ...node) event.StateMap {
	state := event.StateMap{}
	for _, n := range nodes {
		if n != none {
			state.Add(g.events[n].Event)
		}
	}
	return state
}

// senderLevels is the power level that the sender of each event of a set has in its
// own auth events. Power levels that cannot be read give none.
func (g *graph) senderLevels(set nodeSet) map[node]int64 {
	byLevels := map[node][]node{}
	for n, in := range set {
		if in {
			from := g.cites(node(n), powerLevelsKey)
			byLevels[from] = append(byLevels[from], node(n))
		}
	}
	of := map[node]int64{}
	for from, events := range byLevels {
		for _, n := range events {
			if read := g.powerLevels(from, g.cites(n, createKey)); read != nil {
				of[n] = read.User(g.events[n].Event.Sender())
			}
		}
	}
	return of
}
