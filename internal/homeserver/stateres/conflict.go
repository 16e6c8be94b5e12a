package stateres

import (
	"slices"

	"signet/internal/homeserver/event"
)

// nodeSet is a set of the events of a graph.
type nodeSet []bool

// add takes another set in.
func (s nodeSet) add(other nodeSet) {
	for n, in := range other {
		s[n] = s[n] || in
	}
}

func (s nodeSet) without(other nodeSet) nodeSet {
	rest := make(nodeSet, len(s))
	for n, in := range s {
		rest[n] = in && !other[n]
	}
	return rest
}

// fullConflictedSet is what is replayed: the conflicted state set, the auth
// difference, and in v2.1 the conflicted state subgraph.
func (g *graph) fullConflictedSet(states int, unconflicted StateSet, conflicted []held) nodeSet {
	inConflict := make(nodeSet, len(g.events))
	for _, h := range conflicted {
		inConflict[g.index[h.id]] = true
	}
	full := g.authDifference(g.holders(states, unconflicted, conflicted))
	if g.version.StateResolution() == event.StateV21 {
		full.add(g.subgraph(inConflict))
	}
	full.add(inConflict)
	return full
}

// holders tells which states hold an event.
func (g *graph) holders(states int, unconflicted StateSet, conflicted []held) masks {
	holders := newMasks(len(g.events), states)
	for _, h := range conflicted {
		holders.set(g.index[h.id], h.state)
	}
	for _, id := range unconflicted {
		holders.fill(g.index[id])
	}
	return holders
}

// authDifference is what is in the full auth chain of some state, but not of all.
// An event is in the chain of the states that hold it, and of those whose chain holds
// an event citing it, so one walk from the newest event down finds every chain.
//
// A state's own events are in its full auth chain: what all states hold is in no
// difference, and not replayed. The auth chain of one event leaves the event out, but
// servers count so throughout, and one that does not gets another state than they.
func (g *graph) authDifference(holders masks) nodeSet {
	chain := newMasks(len(g.events), holders.states)
	difference := make(nodeSet, len(g.events))
	for _, n := range g.newest {
		chain.add(n, holders.row(n))
		difference[n] = !chain.empty(n) && !chain.full(n)
		for _, a := range g.events[n].auth {
			chain.add(a, chain.row(n))
		}
	}
	return difference
}

// subgraph is the conflicted state subgraph: what lies on a path of auth events
// from one conflicted event to another, being in the chain of one and having the
// other in its own (MSC4297).
func (g *graph) subgraph(conflicted nodeSet) nodeSet {
	below := slices.Clone(conflicted)
	for _, n := range g.newest {
		for _, a := range g.events[n].auth {
			below[a] = below[a] || below[n]
		}
	}
	above := slices.Clone(conflicted)
	for _, n := range slices.Backward(g.newest) {
		for _, a := range g.events[n].auth {
			above[n] = above[n] || above[a]
		}
	}
	for n := range below {
		below[n] = below[n] && above[n]
	}
	return below
}

// masks holds a set of states for each event, a bit for each state.
type masks struct {
	words, states int
	bits          []uint64
}

func newMasks(events, states int) masks {
	words := (states + 63) / 64
	return masks{words: words, states: states, bits: make([]uint64, events*words)}
}

func (m masks) row(n node) []uint64 { return m.bits[int(n)*m.words:][:m.words] }

func (m masks) set(n node, state int) { m.row(n)[state/64] |= 1 << (state % 64) }

func (m masks) add(n node, other []uint64) {
	row := m.row(n)
	for i, word := range other {
		row[i] |= word
	}
}

func (m masks) fill(n node) {
	row := m.row(n)
	for i := range row {
		row[i] = m.all(i)
	}
}

func (m masks) empty(n node) bool {
	for _, word := range m.row(n) {
		if word != 0 {
			return false
		}
	}
	return true
}

func (m masks) full(n node) bool {
	for i, word := range m.row(n) {
		if word != m.all(i) {
			return false
		}
	}
	return true
}

// all is the word in which every state is: shifted by 64 and more, nothing is left,
// and one less than nothing is every bit.
func (m masks) all(word int) uint64 { return 1<<(m.states-64*word) - 1 }
