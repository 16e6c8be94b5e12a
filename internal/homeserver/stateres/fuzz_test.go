package stateres_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"signet/internal/homeserver/event"
	"signet/internal/homeserver/stateres"
)

// dice are thrown with the bytes of a fuzzer; when they run out, all are 0.
type dice struct{ bytes []byte }

func (d *dice) throw(sides int) int {
	if len(d.bytes) == 0 {
		return 0
	}
	n := int(d.bytes[0]) % sides
	d.bytes = d.bytes[1:]
	return n
}

// any is an event that no honest server made.
func (d *dice) any(r *room, names []string) draft {
	who, whom := people[d.throw(len(people))], people[d.throw(len(people))]
	e := topic(who)
	switch d.throw(8) {
	case 0, 1:
		e = r.power(who, object{whom: d.throw(3) * 50, bob: 50})
	case 2:
		e = member(who, whom, []string{"join", "leave", "ban", "invite", "knock", "x"}[d.throw(6)])
	case 3:
		e = joinRule(who, []string{"public", "invite", "knock", "restricted"}[d.throw(4)])
	case 4:
		e = join(who)
	}
	e.message = d.throw(20) == 1
	e.ts, e.depth = int64(1+d.throw(4)), int64(1+d.throw(4))
	cited := []string{"CREATE"}
	for range d.throw(6) {
		cited = append(cited, names[d.throw(len(names))])
	}
	e.auth = strings.Join(cited, " ")
	return e
}

// graph is an auth graph in which anything may cite anything, circles included, and
// states that hold what they like of it.
func (d *dice) graph(r *room) []stateres.StateSet {
	start := r.start()
	names := strings.Fields(r.tell(start))
	slices.Sort(names)
	for i := range 4 + d.throw(20) {
		name := fmt.Sprintf("E%d", i)
		future := []string{fmt.Sprintf("E%d", i+d.throw(2))}
		known := names
		if d.throw(12) == 1 {
			known = future
		}
		r.add(name, d.any(r, known), nil)
		names = append(names, name)
		if d.throw(6) == 1 {
			r.reject(name)
		}
	}
	var sets []stateres.StateSet
	for range d.throw(5) {
		set := maps.Clone(start)
		for range d.throw(10) {
			set = r.after(set, names[d.throw(len(names))])
		}
		sets = append(sets, set)
	}
	if d.throw(20) == 1 {
		delete(r.entries, r.id(names[d.throw(len(names))]))
	}
	return sets
}

// known tells whether an error is one that Resolve may give.
func known(err error) bool {
	return errors.Is(err, stateres.ErrCycle) || errors.As(err, &stateres.MissingEvents{})
}

// Whatever the graph: an error that says why, or the state that the oracle finds,
// and the same in whatever order.
func FuzzResolve(f *testing.F) {
	source := rand.NewChaCha8([32]byte{1})
	for range 120 {
		data := make([]byte, 300)
		source.Read(data)
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		d := &dice{data}
		r := newRoom(t, event.Versions()[d.throw(12)])
		sets := d.graph(r)
		got, err := r.resolver().Resolve(sets)
		if err != nil {
			if !known(err) || got != nil {
				t.Fatalf("Resolve = %v, %v", got, err)
			}
			return
		}
		if want := r.oracle().resolve(sets); !maps.Equal(got, want) {
			t.Errorf("version %s: %s, want %s", r.version, r.tell(got), r.tell(want))
		}
		slices.Reverse(sets)
		if again, err := r.resolver().Resolve(sets); err != nil || !maps.Equal(got, again) {
			t.Errorf("version %s, in reverse: %s, %v, want %s", r.version, r.tell(again), err, r.tell(got))
		}
	})
}
