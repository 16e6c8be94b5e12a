package stateres

import (
	"cmp"
	"math"
	"slices"
)

// offMainline is the position of an event whose power levels never meet the
// mainline: greater than any other.
const offMainline = math.MaxInt

// mainline numbers the power levels events from one back to the first of the room,
// and remembers of others where their own line meets it.
type mainline struct {
	*graph
	positions map[node]int
}

// mainlineOrder is the mainline ordering of a set, based on a power levels event,
// or none.
func (g *graph) mainlineOrder(set nodeSet, powerLevels node) []node {
	m := mainline{graph: g, positions: map[node]int{}}
	for p := powerLevels; p != none; p = g.cites(p, powerLevelsKey) {
		m.positions[p] = len(m.positions)
	}
	var placed []onMainline
	for n, in := range set {
		if in {
			v := g.events[n]
			placed = append(placed, onMainline{node(n), m.position(g.cites(node(n), powerLevelsKey)), v.Event.OriginServerTS(), v.id})
		}
	}
	slices.SortFunc(placed, onMainline.compare)
	order := make([]node, 0, len(placed))
	for _, p := range placed {
		order = append(order, p.node)
	}
	return order
}

// onMainline is an event with what the mainline ordering compares it by.
type onMainline struct {
	node     node
	position int
	ts       int64
	id       string
}

func (x onMainline) compare(y onMainline) int {
	return cmp.Or(cmp.Compare(y.position, x.position), cmp.Compare(x.ts, y.ts), cmp.Compare(x.id, y.id))
}

// position is where the line of a power levels event meets the mainline. Each event
// on the way is asked for its own power levels once in an ordering.
func (m mainline) position(p node) int {
	var way []node
	at, known := offMainline, false
	for ; p != none; p = m.cites(p, powerLevelsKey) {
		if at, known = m.positions[p]; known {
			break
		}
		way = append(way, p)
	}
	if !known {
		at = offMainline
	}
	for _, p := range way {
		m.positions[p] = at
	}
	return at
}
