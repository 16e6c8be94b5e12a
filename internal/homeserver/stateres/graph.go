package stateres

import "signet/internal/homeserver/event"

// node is an event's place in a graph.
type node int32

// none is no event's place.
const none node = -1

// graph is the auth graph below some state events: they, and all that their auth
// chains hold.
type graph struct {
	version event.Version
	events  []vertex
	index   map[string]node
	// create is the create event where the room's ID names it, none where events
	// cite it.
	create node
	// newest holds every event before its auth events.
	newest []node
	levels levels
}

// vertex is an event of the graph with what it cites, in the order of its sender. What
// is cited twice has two links, which are counted and followed as two.
type vertex struct {
	Entry
	id   string
	auth []node
}

// sort finds the order from newest to oldest, or a circle.
func (g *graph) sort() error {
	citers := make([]int, len(g.events))
	for _, v := range g.events {
		for _, a := range v.auth {
			citers[a]++
		}
	}
	g.newest = make([]node, 0, len(g.events))
	for n, count := range citers {
		if count == 0 {
			g.newest = append(g.newest, node(n))
		}
	}
	for i := 0; i < len(g.newest); i++ {
		for _, a := range g.events[g.newest[i]].auth {
			if citers[a]--; citers[a] == 0 {
				g.newest = append(g.newest, a)
			}
		}
	}
	if len(g.newest) < len(g.events) {
		return ErrCycle
	}
	return nil
}

// key is an event's place in a state, and whether it has one.
func (g *graph) key(n node) (event.Key, bool) {
	e := g.events[n].Event
	stateKey, isState := e.StateKey()
	return event.Key{Type: e.Type(), StateKey: stateKey}, isState
}
