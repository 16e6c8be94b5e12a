package stateres_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"signet/internal/homeserver/authz"
	"signet/internal/homeserver/event"
	"signet/internal/homeserver/stateres"
)

// chain gives the room so many power levels events, each on the one before, named
// P0 and so on, and the state after each.
func (r *room) chain(length int, state stateres.StateSet) []stateres.StateSet {
	r.Helper()
	var states []stateres.StateSet
	for i := range length {
		name := fmt.Sprintf("P%d", i)
		r.add(name, r.power(alice, object{bob: i % 100}), state)
		state = r.after(state, name)
		states = append(states, state)
	}
	return states
}

// once wants every event to have been asked for at most once.
func (r *room) once() {
	r.Helper()
	for id, times := range r.asked {
		if times > 1 {
			r.Errorf("%s was asked for %d times", id, times)
		}
	}
}

// A long chain is walked without a stack that grows with it, and every event once.
func TestALongChain(t *testing.T) {
	const length = 20_000
	for _, v := range []event.Version{event.V11, event.V12} {
		r := newRoom(t, v)
		r.add("CREATE", r.create(), nil)
		state := r.state("CREATE")
		r.add("JOIN-A", join(alice), state)
		states := r.chain(length, r.after(state, "JOIN-A"))
		clear(r.asked)
		resolved, err := r.resolver().Resolve([]stateres.StateSet{states[0], states[length-1]})
		if err != nil {
			t.Fatal(err)
		}
		r.expect(resolved, fmt.Sprintf("CREATE JOIN-A P%d", length-1))
		r.once()
	}
}

// A ladder of events that all stand on the two before them has more paths than could
// ever be walked one by one.
func TestALadder(t *testing.T) {
	const rounds = 2_000
	for _, v := range []event.Version{event.V11, event.V12} {
		r := newRoom(t, v)
		start := r.start()
		state, middle := start, start
		for i := range rounds {
			name, power := fmt.Sprintf("M%d", i), fmt.Sprintf("P%d", i)
			r.add(name, join(alice), state)
			state = r.after(state, name)
			r.add(power, r.power(alice, object{bob: i % 100}), state)
			state = r.after(state, power)
			if i == rounds/2 {
				middle = state
			}
		}
		clear(r.asked)
		resolved, err := r.resolver().Resolve([]stateres.StateSet{start, middle, state})
		if err != nil {
			t.Fatal(err)
		}
		r.expect(r.changed(resolved, start), fmt.Sprintf("M%d P%d", rounds-1, rounds-1))
		r.once()
	}
}

// Strangers do not decide how long the server walks: beyond the limit there is an
// error, and the source is not asked on and on.
func TestTooLarge(t *testing.T) {
	r := newRoom(t, event.V12)
	start := r.start()
	states := r.chain(1_000, start)
	clear(r.asked)
	resolver := r.resolver()
	resolver.Limit = 100
	_, err := resolver.Resolve([]stateres.StateSet{start, states[999]})
	if !errors.Is(err, stateres.ErrTooLarge) || len(r.asked) > 100 {
		t.Errorf("Resolve = %v after %d events, want %v", err, len(r.asked), stateres.ErrTooLarge)
	}
	resolver.Limit = 1_100
	if _, err := resolver.Resolve([]stateres.StateSet{start, states[999]}); err != nil {
		t.Errorf("Resolve = %v within the limit", err)
	}
}

// An event's server may cite whatever it likes; citing very much is too much as well.
func TestTooManyLinks(t *testing.T) {
	r := newRoom(t, event.V12)
	start := r.start()
	names := strings.Split(r.tell(start), " ")
	slices.Sort(names)
	var sets []stateres.StateSet
	for i := range 20 {
		name := fmt.Sprintf("T%d", i)
		r.add(name, citing(strings.Repeat(strings.Join(names, " ")+" ", 100), topic(alice)), nil)
		sets = append(sets, r.after(start, name))
	}
	resolver := r.resolver()
	if _, err := resolver.Resolve(sets); err != nil {
		t.Errorf("Resolve = %v", err)
	}
	resolver.Limit = 100
	if _, err := resolver.Resolve(sets); !errors.Is(err, stateres.ErrTooLarge) {
		t.Errorf("Resolve = %v, want %v", err, stateres.ErrTooLarge)
	}
}

// What is missing is named, all that one walk finds, and nothing is guessed.
func TestMissingEvents(t *testing.T) {
	for _, v := range event.Versions() {
		r := newRoom(t, v)
		states := r.unfold([]told{
			{"P1", r.power(alice, object{bob: 50}), "START"},
			{"P2", r.power(bob, object{bob: 50, carol: 50}), "P1"},
			{"T1", topic(carol), "P2"},
			{"T2", topic(bob), "P1"},
		})
		lost := map[string]stateres.Entry{}
		for _, name := range []string{"JOIN-C", "RULES", "JOIN-A", "POWER"} {
			lost[name] = r.entries[r.id(name)]
			delete(r.entries, r.id(name))
		}
		// The rest of the world is what the first walk comes to: it cannot know what
		// the missing would have led to.
		sets := []stateres.StateSet{states["T1"], states["T2"]}
		for range len(lost) + 1 {
			var missing stateres.MissingEvents
			resolved, err := r.resolver().Resolve(sets)
			if err == nil {
				if want := r.oracle(); len(lost) == 0 && r.tell(resolved) != r.tell(want.resolve(sets)) {
					t.Errorf("version %s: %s", v, r.tell(resolved))
				}
				break
			}
			if !errors.As(err, &missing) || resolved != nil || !slices.IsSorted(missing.IDs) || len(missing.IDs) == 0 {
				t.Fatalf("version %s: Resolve = %v, %v", v, resolved, err)
			}
			for _, id := range missing.IDs {
				r.entries[id] = lost[r.name(id)]
				delete(lost, r.name(id))
			}
		}
		if v.StateResolution() != event.StateV1 && len(lost) > 0 {
			t.Errorf("version %s did without %v", v, lost)
		}
	}
}

func TestMissingEventsAreTold(t *testing.T) {
	err := stateres.MissingEvents{IDs: []string{"$a", "$b"}}
	if got := err.Error(); got != "events are missing: $a, $b" {
		t.Error(got)
	}
	err.IDs = strings.Split("$a $b $c $d $e $f $g", " ")
	if got := err.Error(); got != "events are missing: $a, $b, $c, $d, $e and 2 more" {
		t.Error(got)
	}
}

// broken is a source that fails.
type broken struct{ error }

func (b broken) Events([]string) ([]stateres.Entry, error) { return nil, b.error }

func TestTheSourceFails(t *testing.T) {
	failure := errors.New("disk on fire")
	for _, v := range event.Versions() {
		r := newRoom(t, v)
		states := r.unfold([]told{{"T1", topic(alice), "START"}, {"T2", topic(alice), "START"}})
		resolver := stateres.Resolver{Version: v, Source: broken{failure}, Check: authz.Check}
		sets := []stateres.StateSet{states["T1"], states["T2"]}
		if _, err := resolver.Resolve(sets); !errors.Is(err, failure) {
			t.Errorf("version %s: Resolve = %v, want %v", v, err, failure)
		}
		// A source that answers too little has nothing.
		resolver.Source = broken{}
		if _, err := resolver.Resolve(sets); !errors.As(err, &stateres.MissingEvents{}) {
			t.Errorf("version %s: Resolve = %v, want MissingEvents", v, err)
		}
	}
}

// Where IDs are names, two events can cite each other, and one itself.
func TestACircle(t *testing.T) {
	for _, circle := range [][]string{{"P1", "P1"}, {"P1", "P2", "P1"}, {"P1", "P2", "P3", "P1"}} {
		sinceV2(t, func(t *testing.T, r *room) {
			start := r.start()
			for i, name := range circle[1:] {
				r.add(name, citing("CREATE JOIN-A POWER "+circle[i], r.power(alice, nil)), nil)
			}
			_, err := r.resolver().Resolve([]stateres.StateSet{start, r.after(start, "P1")})
			if !errors.Is(err, stateres.ErrCycle) {
				t.Errorf("Resolve = %v, want %v", err, stateres.ErrCycle)
			}
		})
	}
}

// Power in one room is nothing in another.
func TestAnEventOfAnotherRoom(t *testing.T) {
	for _, v := range event.Versions() {
		r := newRoom(t, v)
		start := r.start()
		other := newRoom(t, v)
		other.foreign = true
		e := other.add("P1", r.power(bob, object{bob: 100}), nil)
		r.entries[e.ID()] = stateres.Entry{Event: e}
		_, err := r.resolver().Resolve([]stateres.StateSet{start, r.after(start, "P1")})
		if !errors.Is(err, stateres.ErrForeignEvent) {
			t.Errorf("version %s: Resolve = %v, want %v", v, err, stateres.ErrForeignEvent)
		}
	}
}

// Auth events that are messages, that are cited twice or that stand under no key that
// authorises are walked like others, and count for nothing.
func TestOddAuthEvents(t *testing.T) {
	sinceV2(t, func(t *testing.T, r *room) {
		start := r.start()
		r.add("MESSAGE", draft{sender: bob, typ: "m.room.power_levels", message: true, content: object{"users": object{bob: 100}}}, start)
		r.add("OTHER", draft{sender: bob, typ: "m.room.power_levels", key: "other", content: object{"users": object{bob: 100}}}, start)
		r.add("T1", citing("MESSAGE OTHER CREATE JOIN-B POWER POWER JOIN-B", topic(bob)), nil)
		r.add("T2", topic(alice), start)
		sets := []stateres.StateSet{r.after(start, "T1"), r.after(start, "T2")}
		resolved := r.resolve(sets...)
		r.expect(r.changed(resolved, start), "T2")
	})
}

// More states than a word has bits.
func TestManyStates(t *testing.T) {
	for _, v := range []event.Version{event.V1, event.V11, event.V12} {
		for _, count := range []int{63, 64, 65, 130} {
			f := newFork(t, v, uint64(count))
			start := f.start()
			var sets []stateres.StateSet
			for range count {
				sets = append(sets, f.branch(start, 2))
			}
			want := f.tell(f.oracle().resolve(sets))
			if got := f.tell(f.room.resolve(sets...)); got != want {
				t.Errorf("version %s, %d states: %s, want %s", v, count, got, want)
			}
		}
	}
}
