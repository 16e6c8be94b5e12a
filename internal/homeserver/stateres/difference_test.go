package stateres_test

import (
	"testing"

	"signet/internal/homeserver/event"
)

// What every state holds is in the full auth chain of each, whether another event of it
// rests on it or not: it is not replayed. Both states have the power levels P2, in which
// Bob may do nothing; one has a name that rests on them, and a topic of Bob's that rests
// on P1. Were P2 replayed for the name's sake, the topic would fall, here alone.
func TestWhatAllStatesHoldIsNotReplayed(t *testing.T) {
	sinceV2(t, func(t *testing.T, r *room) {
		if r.version.StateResolution() != event.StateV2 {
			return // v2.1 begins with nothing and replays the conflicted state subgraph
		}
		start := r.start()
		r.add("P1", r.power(alice, object{bob: 50}), start)
		r.add("TOPIC", topic(bob), r.after(start, "P1"))
		r.add("P2", r.power(alice, object{bob: 0}), start)
		r.add("NAME", draft{sender: alice, typ: "m.room.name"}, r.after(start, "P2"))
		one := r.after(start, "P2", "NAME", "TOPIC")
		other := r.after(start, "P2")
		r.expect(r.resolve(one, other), "CREATE JOIN-A JOIN-B JOIN-C JOIN-Z RULES P2 NAME TOPIC")
	})
}
