package stateres_test

import (
	"fmt"
	"testing"

	"signet/internal/homeserver/event"
	"signet/internal/homeserver/stateres"
)

// benchmark resolves states in a room of v11 and of v12.
func benchmark(b *testing.B, build func(*room) []stateres.StateSet) {
	for _, v := range []event.Version{event.V11, event.V12} {
		b.Run("v"+v.String(), func(b *testing.B) {
			r := newRoom(b, v)
			sets := build(r)
			resolver := r.resolver()
			resolver.Source = silent{r}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := resolver.Resolve(sets); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// silent is a room as a source that counts nothing.
type silent struct{ *room }

func (s silent) Events(ids []string) ([]stateres.Entry, error) {
	found := make([]stateres.Entry, 0, len(ids))
	for _, id := range ids {
		found = append(found, s.entries[id])
	}
	return found, nil
}

// crowd is a room in which a thousand people are.
func (r *room) crowd() stateres.StateSet {
	r.Helper()
	state := r.start()
	for i := range 1_000 {
		name := fmt.Sprintf("JOIN-%d", i)
		r.add(name, join(person(i)), state)
		state = r.after(state, name)
	}
	return state
}

func person(i int) string { return fmt.Sprintf("@person%d:two.example", i) }

// A room of 1,000 members in which a topic, a member and the power levels changed in
// two branches.
func BenchmarkThreeConflicts(b *testing.B) {
	benchmark(b, func(r *room) []stateres.StateSet {
		state := r.crowd()
		var sets []stateres.StateSet
		for i := range 2 {
			names := []string{fmt.Sprintf("T%d", i), fmt.Sprintf("M%d", i), fmt.Sprintf("P%d", i)}
			branch := state
			for j, d := range []draft{topic(alice), join(bob), r.power(alice, object{bob: i})} {
				r.add(names[j], d, branch)
				branch = r.after(branch, names[j])
			}
			sets = append(sets, branch)
		}
		return sets
	})
}

// The levels changed 500 times in one branch, and not in the other.
func BenchmarkChainOf500PowerLevels(b *testing.B) {
	benchmark(b, func(r *room) []stateres.StateSet {
		start := r.start()
		states := r.chain(500, start)
		r.add("T1", topic(alice), start)
		return []stateres.StateSet{r.after(start, "T1"), states[499]}
	})
}

// All 1,000 members changed their name in both branches.
func BenchmarkThousandConflictingMembers(b *testing.B) {
	benchmark(b, func(r *room) []stateres.StateSet {
		state := r.crowd()
		var sets []stateres.StateSet
		for branch := range 2 {
			set := state
			for i := range 1_000 {
				name := fmt.Sprintf("NAME-%d-%d", branch, i)
				r.add(name, join(person(i)), state)
				set = r.after(set, name)
			}
			sets = append(sets, set)
		}
		return sets
	})
}

// One branch bans all 1,000 members, the other has their names changed.
func BenchmarkThousandBans(b *testing.B) {
	benchmark(b, func(r *room) []stateres.StateSet {
		state := r.crowd()
		named, banned := state, state
		for i := range 1_000 {
			name, ban := fmt.Sprintf("NAME-%d", i), fmt.Sprintf("BAN-%d", i)
			r.add(name, join(person(i)), state)
			r.add(ban, member(alice, person(i), "ban"), state)
			named, banned = r.after(named, name), r.after(banned, ban)
		}
		return []stateres.StateSet{named, banned}
	})
}
