package stateres_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"signet/internal/homeserver/authz"
	"signet/internal/homeserver/event"
	"signet/internal/homeserver/stateres"
)

// fork is a room that people with power over each other tear apart.
type fork struct {
	*room
	*rand.Rand
	count int
}

var people = []string{alice, bob, carol, dave, erin, zara}

// act makes one of them try something, and gives the state after it if they may.
func (f *fork) act(state stateres.StateSet) stateres.StateSet {
	f.Helper()
	d := f.deed()
	f.count++
	name := fmt.Sprintf("E%03d-%d", f.IntN(1000), f.count) // the order of IDs is not that of time
	d.ts = f.clock + int64(f.IntN(8)) - 4
	d.depth = f.clock/2 + int64(f.IntN(3))
	e := f.add(name, d, state)
	if authz.Check(e, f.stateMap(state)) != nil {
		delete(f.entries, e.ID())
		return state
	}
	return f.after(state, name)
}

func (f *fork) stateMap(state stateres.StateSet) event.StateMap {
	m := event.StateMap{}
	for _, id := range state {
		m.Add(f.entries[id].Event)
	}
	return m
}

func (f *fork) anyone() string { return people[f.IntN(len(people))] }

func (f *fork) deed() draft {
	who, whom := f.anyone(), f.anyone()
	if f.IntN(3) == 0 {
		who = people[f.IntN(2)] // Alice and Bob have more to say
	}
	switch f.IntN(12) {
	case 0, 1:
		return topic(who)
	case 2, 3, 4:
		return f.power(who, f.levels(), f.otherLevels())
	case 5:
		return ban(who, whom)
	case 6:
		return member(who, whom, "leave")
	case 7:
		return leave(who)
	case 8:
		return member(who, whom, "invite")
	case 9:
		return joinRule(who, []string{"public", "public", "invite", "knock"}[f.IntN(4)])
	case 10:
		return draft{sender: who, typ: "m.room.name", key: "", content: object{"name": who}}
	}
	return join(who)
}

func (f *fork) levels() object {
	users := object{}
	for _, user := range people[1:] {
		if f.IntN(2) == 0 {
			users[user] = []any{0, 10, 50, 50, 100}[f.IntN(5)]
		}
	}
	if f.IntN(2) == 0 {
		users[bob] = 100
	}
	if !f.version.IntegerPowerLevels() && f.IntN(4) == 0 {
		users[carol] = "50"
	}
	return users
}

func (f *fork) otherLevels() object {
	if f.IntN(3) > 0 {
		return object{}
	}
	return object{"users_default": f.IntN(2) * 50, "events": object{"m.room.topic": f.IntN(3) * 50}, "ban": f.IntN(3) * 50}
}

// branch goes on from a state for some deeds, at times in two directions that meet
// again.
func (f *fork) branch(state stateres.StateSet, deeds int) stateres.StateSet {
	f.Helper()
	for ; deeds > 0; deeds-- {
		if deeds > 2 && f.IntN(10) == 0 {
			state = f.oracle().resolve([]stateres.StateSet{f.branch(state, 2), f.branch(state, 2)})
		}
		state = f.act(state)
	}
	return state
}

// misremember makes a state what a faulty server says it is: with something older,
// or without.
func (f *fork) misremember(state stateres.StateSet) stateres.StateSet {
	wrong := maps.Clone(state)
	for range 1 + f.IntN(2) {
		id := f.anyID()
		e := f.entries[id].Event
		key, _ := e.StateKey()
		at := event.Key{Type: e.Type(), StateKey: key}
		if e.Type() == "m.room.create" {
			continue
		}
		if f.IntN(4) == 0 {
			delete(wrong, at)
			continue
		}
		wrong[at] = id
	}
	return wrong
}

func (f *fork) anyID() string {
	ids := slices.Sorted(maps.Keys(f.entries))
	return ids[f.IntN(len(ids))]
}

// states are those of two or three branches that meet.
func (f *fork) states() []stateres.StateSet {
	f.Helper()
	state := f.branch(f.start(), f.IntN(6))
	var sets []stateres.StateSet
	for range 2 + f.IntN(2) {
		set := f.branch(state, 1+f.IntN(7))
		if f.IntN(5) == 0 {
			set = f.misremember(set)
		}
		sets = append(sets, set)
	}
	if f.IntN(5) == 0 {
		rejected := f.entries[f.anyID()]
		rejected.Rejected = rejected.Event.Type() != "m.room.create"
		f.entries[rejected.Event.ID()] = rejected
	}
	return sets
}

func newFork(tb testing.TB, v event.Version, seed uint64) *fork {
	return &fork{room: newRoom(tb, v), Rand: rand.New(rand.NewPCG(seed, uint64(v)))}
}

// Random forks resolve as the oracle says, in every room version, in whatever order
// the states are given. Forks that resolve to one of their own states prove little,
// so there must be others.
func TestRandomForks(t *testing.T) {
	const forks = 250
	for _, v := range event.Versions() {
		t.Run("version "+v.String(), func(t *testing.T) {
			t.Parallel()
			hard := 0
			for seed := range uint64(forks) {
				f := newFork(t, v, seed)
				sets := f.states()
				want := f.oracle().resolve(sets)
				if got := f.resolve(slices.Clone(sets)...); !maps.Equal(got, want) {
					t.Errorf("seed %d: %s, want %s", seed, f.tell(got), f.tell(want))
				}
				if !slices.ContainsFunc(sets, func(s stateres.StateSet) bool { return maps.Equal(s, want) }) {
					hard++
				}
			}
			if hard < forks/2 {
				t.Errorf("only %d of %d forks resolve to a state of their own", hard, forks)
			}
		})
	}
}
