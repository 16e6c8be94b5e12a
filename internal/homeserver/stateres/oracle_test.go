package stateres_test

import (
	"bytes"
	"crypto/sha1"
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strconv"

	"signet/internal/homeserver/authz"
	"signet/internal/homeserver/event"
	"signet/internal/homeserver/stateres"
)

// oracle resolves as the specification words it: with sets, in quadratic and cubic
// time, sharing nothing with what it judges.
type oracle struct {
	version event.Version
	events  map[string]stateres.Entry
	chains  map[string]idSet
}

type idSet map[string]bool

func (s idSet) sorted() []string { return slices.Sorted(maps.Keys(s)) }

func (r *room) oracle() oracle {
	return oracle{version: r.version, events: r.entries, chains: map[string]idSet{}}
}

func (o oracle) resolve(sets []stateres.StateSet) stateres.StateSet {
	if o.version.StateResolution() == event.StateV1 {
		return o.resolveV1(sets)
	}
	unconflicted, conflicted := o.divide(sets)
	if len(conflicted) == 0 {
		return unconflicted // all states are one: no chain is in one and not in another
	}
	full := idSet{}
	maps.Copy(full, conflicted)
	maps.Copy(full, o.authDifference(sets))
	if o.version.StateResolution() == event.StateV21 {
		maps.Copy(full, o.conflictedSubgraph(conflicted))
	}

	x := idSet{}
	for p := range full {
		if o.isPowerEvent(p) {
			x[p] = true
			for e := range o.authChain(p) {
				if full[e] {
					x[e] = true
				}
			}
		}
	}
	state := stateres.StateSet{}
	if o.version.StateResolution() == event.StateV2 {
		maps.Copy(state, unconflicted)
	}
	o.iterativeAuthChecks(state, o.reverseTopologicalPowerOrdering(x))
	rest := idSet{}
	for e := range full {
		if !x[e] {
			rest[e] = true
		}
	}
	o.iterativeAuthChecks(state, o.mainlineOrdering(rest, state[event.Key{Type: "m.room.power_levels"}]))
	maps.Copy(state, unconflicted)
	return state
}

func (o oracle) divide(sets []stateres.StateSet) (unconflicted stateres.StateSet, conflicted idSet) {
	unconflicted, conflicted = stateres.StateSet{}, idSet{}
	for _, set := range sets {
		for key, value := range set {
			same := true
			for _, other := range sets {
				same = same && other[key] == value
			}
			if same {
				unconflicted[key] = value
			} else {
				conflicted[value] = true
			}
		}
	}
	return unconflicted, conflicted
}

// authChain is all auth events of an event, all of theirs, and so on.
func (o oracle) authChain(id string) idSet {
	if chain, known := o.chains[id]; known {
		return chain
	}
	chain := idSet{}
	todo := []string{id}
	for len(todo) > 0 {
		next := o.events[todo[0]].Event
		todo = todo[1:]
		for _, a := range next.AuthEvents() {
			if !chain[a] {
				chain[a] = true
				todo = append(todo, a)
			}
		}
	}
	o.chains[id] = chain
	return chain
}

func (o oracle) authDifference(sets []stateres.StateSet) idSet {
	var chains []idSet
	union := idSet{}
	for _, set := range sets {
		c := idSet{}
		for _, id := range set {
			maps.Copy(c, o.authChain(id))
			c[id] = true // as the other servers count
		}
		chains = append(chains, c)
		maps.Copy(union, c)
	}
	difference := idSet{}
	for id := range union {
		for _, c := range chains {
			if !c[id] {
				difference[id] = true
			}
		}
	}
	return difference
}

func (o oracle) conflictedSubgraph(conflicted idSet) idSet {
	subgraph := idSet{}
	for from := range conflicted {
		for to := range conflicted {
			if !o.authChain(from)[to] {
				continue
			}
			subgraph[from], subgraph[to] = true, true
			for between := range o.authChain(from) {
				if o.authChain(between)[to] {
					subgraph[between] = true
				}
			}
		}
	}
	return subgraph
}

func (o oracle) isPowerEvent(id string) bool {
	e := o.events[id].Event
	if e.Is("m.room.power_levels", "") || e.Is("m.room.join_rules", "") {
		return true
	}
	stateKey, isState := e.StateKey()
	if !isState || e.Type() != "m.room.member" || e.Sender() == stateKey {
		return false
	}
	membership := o.content(id)["membership"]
	return membership == "leave" || membership == "ban"
}

func (o oracle) content(id string) (content map[string]any) {
	_ = json.Unmarshal(o.events[id].Event.Content(), &content)
	return content
}

func (o oracle) authEvent(id, eventType string) string {
	for _, a := range o.events[id].Event.AuthEvents() {
		if o.events[a].Event.Is(eventType, "") {
			return a
		}
	}
	return ""
}

// powerOfSender looks at the auth events of an event.
func (o oracle) powerOfSender(id string) float64 {
	e := o.events[id].Event
	create := o.authEvent(id, "m.room.create")
	if named, ok := o.version.CreateEventID(e.RoomID()); ok {
		create = named
	}
	creators := idSet{}
	if made := o.events[create].Event; made != nil {
		creators[made.Sender()] = true
		if o.version.CreatorInContent() {
			creator, _ := o.content(create)["creator"].(string)
			creators = idSet{creator: true}
		}
		if o.version.PrivilegedCreators() {
			others, _ := o.content(create)["additional_creators"].([]any)
			for _, other := range others {
				name, _ := other.(string)
				creators[name] = true
			}
		}
	}
	if o.version.PrivilegedCreators() && creators[e.Sender()] {
		return math.Inf(1)
	}
	levels := o.authEvent(id, "m.room.power_levels")
	if levels == "" {
		if creators[e.Sender()] {
			return 100
		}
		return 0
	}
	content := o.content(levels)
	if users, ok := content["users"].(map[string]any); ok && users[e.Sender()] != nil {
		return o.number(users[e.Sender()])
	}
	return o.number(content["users_default"])
}

func (o oracle) number(value any) float64 {
	if text, ok := value.(string); ok && !o.version.IntegerPowerLevels() {
		n, _ := strconv.ParseFloat(text, 64)
		return n
	}
	n, _ := value.(float64)
	return n
}

func (o oracle) lessByPower(x, y string) bool {
	ex, ey := o.events[x].Event, o.events[y].Event
	if px, py := o.powerOfSender(x), o.powerOfSender(y); px != py {
		return px > py
	}
	if ex.OriginServerTS() != ey.OriginServerTS() {
		return ex.OriginServerTS() < ey.OriginServerTS()
	}
	return x < y
}

// reverseTopologicalPowerOrdering tries every topological ordering of small sets and
// keeps the smallest. Of larger ones it builds the smallest from its start.
func (o oracle) reverseTopologicalPowerOrdering(set idSet) []string {
	const small = 6
	if len(set) <= small {
		return o.smallestOrdering(nil, set, nil)
	}
	var order []string
	left := maps.Clone(set)
	for len(left) > 0 {
		smallest := ""
		for _, x := range left.sorted() {
			if o.isFree(x, left) && (smallest == "" || o.lessByPower(x, smallest)) {
				smallest = x
			}
		}
		order = append(order, smallest)
		delete(left, smallest)
	}
	return order
}

func (o oracle) isFree(x string, left idSet) bool {
	for y := range left {
		if o.authChain(x)[y] {
			return false
		}
	}
	return true
}

func (o oracle) smallestOrdering(begun []string, left idSet, best []string) []string {
	if len(left) == 0 {
		if best == nil || slices.CompareFunc(begun, best, o.compareByPower) < 0 {
			return slices.Clone(begun)
		}
		return best
	}
	for _, x := range left.sorted() {
		if o.isFree(x, left) {
			rest := maps.Clone(left)
			delete(rest, x)
			best = o.smallestOrdering(append(begun, x), rest, best)
		}
	}
	return best
}

func (o oracle) compareByPower(x, y string) int {
	switch {
	case x == y:
		return 0
	case o.lessByPower(x, y):
		return -1
	}
	return 1
}

func (o oracle) mainlineOrdering(set idSet, p string) []string {
	var mainline []string
	for ; p != ""; p = o.authEvent(p, "m.room.power_levels") {
		mainline = append(mainline, p)
	}
	position := func(e string) int {
		for e = o.authEvent(e, "m.room.power_levels"); e != ""; e = o.authEvent(e, "m.room.power_levels") {
			if i := slices.Index(mainline, e); i >= 0 {
				return i
			}
		}
		return math.MaxInt
	}
	order := set.sorted()
	slices.SortStableFunc(order, func(x, y string) int {
		if px, py := position(x), position(y); px != py {
			if px > py {
				return -1
			}
			return 1
		}
		return int(o.events[x].Event.OriginServerTS() - o.events[y].Event.OriginServerTS())
	})
	return order
}

func (o oracle) iterativeAuthChecks(state stateres.StateSet, order []string) {
	for _, id := range order {
		e := o.events[id].Event
		key, isState := e.StateKey()
		if isState && authz.Check(e, o.seenBy(e, state)) == nil {
			state[event.Key{Type: e.Type(), StateKey: key}] = id
		}
	}
}

// seenBy is a state, filled up with the auth events of an event.
func (o oracle) seenBy(e *event.Event, state stateres.StateSet) event.StateMap {
	seen := event.StateMap{}
	auth := e.AuthEvents()
	if create, ok := o.version.CreateEventID(e.RoomID()); ok {
		auth = append(auth, create)
	}
	for _, a := range slices.Backward(auth) {
		if !o.events[a].Rejected {
			seen.Add(o.events[a].Event)
		}
	}
	for _, id := range state {
		seen.Add(o.events[id].Event)
	}
	return seen
}

func (o oracle) resolveV1(sets []stateres.StateSet) stateres.StateSet {
	r, conflicting := stateres.StateSet{}, map[event.Key]idSet{}
	for _, set := range sets {
		for key, id := range set {
			if conflicting[key] == nil {
				conflicting[key] = idSet{}
			}
			conflicting[key][id] = true
		}
	}
	for key, ids := range conflicting {
		if len(ids) == 1 {
			r[key] = ids.sorted()[0]
			delete(conflicting, key)
		}
	}
	for _, pass := range []string{"m.room.power_levels", "m.room.join_rules", "m.room.member"} {
		results := maps.Clone(r)
		for key, ids := range conflicting {
			if key.Type != pass {
				continue
			}
			sofar := maps.Clone(r)
			for i, id := range o.byDepth(ids) {
				if i > 0 && authz.Check(o.events[id].Event, o.only(sofar)) != nil {
					break
				}
				sofar[key] = id
			}
			results[key] = sofar[key]
			delete(conflicting, key)
		}
		r = results
	}
	rest := maps.Clone(r)
	for key, ids := range conflicting {
		for _, id := range o.byDepth(ids) {
			if authz.Check(o.events[id].Event, o.only(r)) == nil {
				rest[key] = id
			}
		}
	}
	return rest
}

func (o oracle) only(state stateres.StateSet) event.StateMap {
	m := event.StateMap{}
	for _, id := range state {
		if e := o.events[id].Event; e != nil {
			m.Add(e)
		}
	}
	return m
}

// byDepth sorts by ascending depth, then descending SHA-1 of the event ID.
func (o oracle) byDepth(ids idSet) []string {
	order := ids.sorted()
	slices.SortStableFunc(order, func(x, y string) int {
		if dx, dy := o.events[x].Event.Depth(), o.events[y].Event.Depth(); dx != dy {
			return int(dx - dy)
		}
		hx, hy := sha1.Sum([]byte(x)), sha1.Sum([]byte(y))
		return bytes.Compare(hy[:], hx[:])
	})
	return order
}
