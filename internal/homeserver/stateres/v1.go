package stateres

import (
	"bytes"
	"cmp"
	"crypto/sha1"
	"maps"
	"slices"

	"signet/internal/homeserver/authz"
	"signet/internal/homeserver/event"
)

// resolveV1 is the algorithm of room version 1. It knows no auth chains: the state
// R is what no two states dispute, and the conflicts are resolved in passes, each
// in the state that the passes before it left.
func (r Resolver) resolveV1(sets []StateSet) (StateSet, error) {
	agreed, disputed := splitV1(sets)
	if len(disputed) == 0 {
		return agreed, nil
	}
	g, err := r.loadV1(agreed, disputed)
	if err != nil {
		return nil, err
	}
	p := partial{graph: g, check: r.Check, base: agreed, placed: map[event.Key]node{}}
	conflicts := g.conflicts(disputed)
	for _, eventType := range []string{powerLevelsKey.Type, joinRulesKey.Type, memberType} {
		p.pass(conflicts, func(key event.Key) bool { return key.Type == eventType }, p.latestInTurn)
	}
	p.pass(conflicts, func(key event.Key) bool { return !decides(key) }, p.latestAllowed)

	return p.under(agreed), nil
}

// decides says whether events under a key have a pass of their own.
func decides(key event.Key) bool {
	return key.Type == powerLevelsKey.Type || key.Type == joinRulesKey.Type || key.Type == memberType
}

// splitV1 unites the states and sets aside the keys under which they differ. A state
// that has nothing under a key does not differ there.
func splitV1(sets []StateSet) (agreed StateSet, disputed map[event.Key][]string) {
	agreed, disputed = StateSet{}, map[event.Key][]string{}
	for _, set := range sets {
		for key, id := range set {
			if other, ok := agreed[key]; ok && other != id {
				disputed[key] = append(disputed[key], id)
				continue
			}
			agreed[key] = id
		}
	}
	for key, ids := range disputed {
		disputed[key] = append(ids, agreed[key])
		delete(agreed, key)
	}
	return agreed, disputed
}

// loadV1 fetches the disputed events, and what their checks need of the agreed state.
func (r Resolver) loadV1(agreed StateSet, disputed map[event.Key][]string) (*graph, error) {
	l := r.loader(len(disputed))
	l.shallow = true
	if _, err := l.place(l.admit(slices.Concat(slices.Collect(maps.Values(disputed))...))); err != nil {
		return nil, err
	}
	if err := l.complete(); err != nil {
		return nil, err
	}
	if _, err := l.place(l.admit(l.needed(agreed))); err != nil {
		return nil, err
	}
	return l.graph, l.complete()
}

// needed is what the events so far are checked against in a state.
func (g *graph) needed(in StateSet) []string {
	var ids []string
	for _, v := range g.events {
		for _, key := range authz.Needed(v.Event) {
			if id, ok := in[key]; ok {
				ids = append(ids, id)
			}
		}
	}
	return ids
}

// conflicts sorts the events under each key from the oldest to the newest: by
// ascending depth, then descending SHA-1 of the event ID.
func (g *graph) conflicts(disputed map[event.Key][]string) map[event.Key][]node {
	sorted := make(map[event.Key][]node, len(disputed))
	for key, ids := range disputed {
		slices.SortFunc(ids, g.olderV1)
		for _, id := range slices.Compact(ids) {
			sorted[key] = append(sorted[key], g.index[id])
		}
	}
	return sorted
}

func (g *graph) olderV1(x, y string) int {
	hashX, hashY := sha1.Sum([]byte(x)), sha1.Sum([]byte(y))
	return cmp.Or(
		cmp.Compare(g.events[g.index[x]].Event.Depth(), g.events[g.index[y]].Event.Depth()),
		bytes.Compare(hashY[:], hashX[:]),
	)
}

// pass resolves the conflicts under the keys that are its own, each by itself, and
// places what came out when all are resolved.
func (p partial) pass(conflicts map[event.Key][]node, own func(event.Key) bool, resolve func(event.Key, []node) node) {
	winners := map[event.Key]node{}
	for key, events := range conflicts {
		if own(key) {
			winners[key] = resolve(key, events)
		}
	}
	for key, n := range winners {
		if n != none {
			p.placed[key] = n
		}
	}
}

// latestInTurn starts with the oldest event and goes on as long as the next is
// allowed in the state that has the one before.
func (p partial) latestInTurn(key event.Key, events []node) node {
	defer delete(p.placed, key)
	latest := events[0]
	for _, n := range events[1:] {
		p.placed[key] = latest
		if !p.allows(n) {
			return latest
		}
		latest = n
	}
	return latest
}

// latestAllowed is the newest event that is allowed, or none.
func (p partial) latestAllowed(_ event.Key, events []node) node {
	for _, n := range slices.Backward(events) {
		if p.allows(n) {
			return n
		}
	}
	return none
}
