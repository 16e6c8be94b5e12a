package stateres

import (
	"signet/internal/homeserver/authz"
	"signet/internal/homeserver/event"
)

// DefaultLimit is how many events a resolution looks at if its Resolver sets no
// limit of its own.
const DefaultLimit = 200_000

// StateSet is a state of a room: the ID of the state event under each key.
type StateSet = map[event.Key]string

// Entry is what a Source has of an event; the zero Entry says that it has nothing.
type Entry struct {
	Event *event.Event
	// Rejected says that the event failed authorisation when it was received. It
	// vouches for no other event, and is checked like any other where a state holds
	// it: that may be because another server saw another state before it. An event
	// that was rejected for what it cites belongs in no state.
	Rejected bool
}

// Source gives events by their IDs. An error of it ends the resolution.
type Source interface {
	// Events answers with an entry for each ID, in the order of the IDs. It is
	// asked once for an event, and for many at a time: a generation of the auth
	// graph with each call.
	Events(ids []string) ([]Entry, error)
}

// Resolver resolves the states of one room.
type Resolver struct {
	Version event.Version
	Source  Source
	// Check says whether an event is allowed in a state, with nil: authz.Check.
	Check func(e *event.Event, in authz.State) error
	// Limit is the number of events that a resolution may look at, DefaultLimit if
	// it is zero.
	Limit int
}

// Resolve gives the resolution of the states after the events that a room's next
// event follows. The result is the caller's own. It fails with MissingEvents,
// ErrTooLarge, ErrCycle or ErrForeignEvent, and with the errors of the source (room
// versions 1, 2 and 12, "State resolution").
func (r Resolver) Resolve(sets []StateSet) (StateSet, error) {
	if r.Version.StateResolution() == event.StateV1 {
		return r.resolveV1(sets)
	}
	unconflicted, conflicted := split(sets)
	if len(conflicted) == 0 {
		return unconflicted, nil
	}
	g, err := r.load(idsOf(unconflicted, conflicted))
	if err != nil {
		return nil, err
	}
	return r.replay(g, g.fullConflictedSet(len(sets), unconflicted, conflicted), unconflicted), nil
}

// replay is the algorithm of v2 once its sets are known: power events and what they
// stand on first, the rest along the power levels that came of it. What the states
// agree on stays whatever was replayed.
func (r Resolver) replay(g *graph, full nodeSet, unconflicted StateSet) StateSet {
	p := partial{graph: g, check: r.Check, base: unconflicted, placed: map[event.Key]node{}}
	if r.Version.StateResolution() == event.StateV21 {
		p.base = nil
	}
	first := g.withPower(full)
	p.apply(g.powerOrder(first))
	p.apply(g.mainlineOrder(full.without(first), p.at(powerLevelsKey)))
	return p.under(unconflicted)
}

// held says that a state holds an event which another does not.
type held struct {
	state int
	id    string
}

// split divides the states into the unconflicted state map and the conflicted state
// set: a key belongs to the first if every state has the same event under it.
func split(sets []StateSet) (unconflicted StateSet, conflicted []held) {
	if len(sets) == 0 {
		return StateSet{}, nil
	}
	unconflicted = make(StateSet, len(sets[0]))
	for key, id := range sets[0] {
		if everyHas(sets[1:], key, id) {
			unconflicted[key] = id
		}
	}
	for i, set := range sets {
		for key, id := range set {
			if _, agreed := unconflicted[key]; !agreed {
				conflicted = append(conflicted, held{state: i, id: id})
			}
		}
	}
	return unconflicted, conflicted
}

func everyHas(sets []StateSet, key event.Key, id string) bool {
	for _, set := range sets {
		if other, ok := set[key]; !ok || other != id {
			return false
		}
	}
	return true
}

func idsOf(unconflicted StateSet, conflicted []held) []string {
	ids := make([]string, 0, len(unconflicted)+len(conflicted))
	for _, id := range unconflicted {
		ids = append(ids, id)
	}
	for _, h := range conflicted {
		ids = append(ids, h.id)
	}
	return ids
}
