package stateres

import (
	"container/heap"
	"slices"

	"signet/internal/homeserver/event"
)

const memberType = "m.room.member"

var (
	createKey      = event.Key{Type: "m.room.create"}
	powerLevelsKey = event.Key{Type: "m.room.power_levels"}
	joinRulesKey   = event.Key{Type: "m.room.join_rules"}
)

// withPower is the set X of step 1: the power events of a set, with those events of
// the set that are in the auth chain of one, whatever lies between them.
func (g *graph) withPower(full nodeSet) nodeSet {
	x := make(nodeSet, len(g.events))
	under := make(nodeSet, len(g.events))
	for _, n := range g.newest {
		power := full[n] && (under[n] || g.isPower(n))
		x[n] = power
		for _, a := range g.events[n].auth {
			under[a] = under[a] || under[n] || power
		}
	}
	return x
}

// isPower says whether an event is a power event: one that may take from somebody
// the ability to do something. Power levels and join rules have the empty state
// key; what stands under another is neither.
func (g *graph) isPower(n node) bool {
	key, isState := g.key(n)
	switch {
	case !isState:
		return false
	case key.Type == memberType:
		e := g.events[n].Event
		return e.Sender() != key.StateKey && removes(e)
	}
	return key == powerLevelsKey || key == joinRulesKey
}

func removes(e *event.Event) bool {
	membership, _ := e.Field("membership").Text()
	return membership == "leave" || membership == "ban"
}

// powerOrder is the reverse topological power ordering of a set: Kahn's algorithm
// from the oldest event on, which takes the smallest of the candidates. Events
// outside the set are passed as soon as they can be, so that one event precedes
// another if it is in its auth chain, through whatever path.
func (g *graph) powerOrder(set nodeSet) []node {
	if !slices.Contains(set, true) {
		return nil
	}
	k := kahn{graph: g, set: set, senders: g.senderLevels(set), cited: make([]int, len(g.events)), citers: g.citers()}
	for n, v := range g.events {
		k.cited[n] = len(v.auth)
	}
	for n, v := range g.events {
		if len(v.auth) == 0 {
			k.free(node(n))
		}
	}
	return k.run()
}

// citers is the graph turned round: who cites an event.
type citers struct {
	from []int // where the citers of an event begin in all
	all  []node
}

func (g *graph) citers() citers {
	c := citers{from: make([]int, len(g.events)+1)}
	for _, v := range g.events {
		for _, a := range v.auth {
			c.from[a+1]++
		}
	}
	for n := range g.events {
		c.from[n+1] += c.from[n]
	}
	c.all = make([]node, c.from[len(g.events)])
	next := slices.Clone(c.from)
	for n, v := range g.events {
		for _, a := range v.auth {
			c.all[next[a]] = node(n)
			next[a]++
		}
	}
	return c
}

func (c citers) of(n node) []node { return c.all[c.from[n]:c.from[n+1]] }

// kahn is one run of Kahn's algorithm.
type kahn struct {
	*graph
	set        nodeSet
	senders    map[node]int64
	cited      []int // auth events that have not been passed
	citers     citers
	passing    []node // outside the set, to be passed at once
	candidates candidates
}

func (k *kahn) free(n node) {
	if !k.set[n] {
		k.passing = append(k.passing, n)
		return
	}
	heap.Push(&k.candidates, k.candidate(n))
}

func (k *kahn) run() (order []node) {
	for {
		for len(k.passing) > 0 {
			last := len(k.passing) - 1
			n := k.passing[last]
			k.passing = k.passing[:last]
			k.pass(n)
		}
		if len(k.candidates) == 0 {
			return order
		}
		n := heap.Pop(&k.candidates).(candidate).node
		order = append(order, n)
		k.pass(n)
	}
}

func (k *kahn) pass(n node) {
	for _, citer := range k.citers.of(n) {
		if k.cited[citer]--; k.cited[citer] == 0 {
			k.free(citer)
		}
	}
}

// candidate is an event with what it is compared by.
type candidate struct {
	node  node
	level int64
	ts    int64
	id    string
}

func (k *kahn) candidate(n node) candidate {
	return candidate{node: n, level: k.senders[n], ts: k.events[n].Event.OriginServerTS(), id: k.events[n].id}
}

// before is the comparison relation of the reverse topological power ordering.
func (c candidate) before(d candidate) bool {
	switch {
	case c.level != d.level:
		return c.level > d.level
	case c.ts != d.ts:
		return c.ts < d.ts
	}
	return c.id < d.id
}

// candidates is a heap with the smallest candidate on top.
type candidates []candidate

func (c candidates) Len() int           { return len(c) }
func (c candidates) Less(i, j int) bool { return c[i].before(c[j]) }
func (c candidates) Swap(i, j int)      { c[i], c[j] = c[j], c[i] }
func (c *candidates) Push(x any)        { *c = append(*c, x.(candidate)) }
func (c *candidates) Pop() any {
	last := len(*c) - 1
	top := (*c)[last]
	*c = (*c)[:last]
	return top
}
