package stateres_test

import (
	"strings"
	"testing"

	"signet/internal/homeserver/stateres"
)

// told is an event of a story and, by their names, the events that it follows.
type told struct {
	name string
	draft
	after string
}

// unfold makes the events one after the other on top of the room's start, resolving
// where several come together, and gives the state after each.
func (r *room) unfold(story []told) map[string]stateres.StateSet {
	r.Helper()
	states := map[string]stateres.StateSet{"START": r.start()}
	for _, t := range story {
		state := r.meet(states, t.after)
		r.add(t.name, t.draft, state)
		states[t.name] = r.after(state, t.name)
	}
	return states
}

// meet is the state after several events.
func (r *room) meet(states map[string]stateres.StateSet, names string) stateres.StateSet {
	r.Helper()
	var sets []stateres.StateSet
	for name := range strings.FieldsSeq(names) {
		sets = append(sets, states[name])
	}
	if len(sets) == 1 {
		return sets[0]
	}
	return r.resolve(sets...)
}

// changed is the part of a state that is not as it was at the start.
func (r *room) changed(state stateres.StateSet, start stateres.StateSet) stateres.StateSet {
	changed := stateres.StateSet{}
	for key, id := range state {
		if start[key] != id {
			changed[key] = id
		}
	}
	return changed
}

// What happens when people act at the same time. The stories are those by which
// servers test their resolution, and the examples of MSC1442.
func TestBranchesMeet(t *testing.T) {
	for name, c := range map[string]struct {
		story func(*room) []told
		end   string // the events that come together
		want  string // what is other than at the start
	}{
		"a ban beats what the banned does to power": {
			func(r *room) []told {
				return []told{
					{"PA", r.power(alice, object{bob: 50}), "START"},
					{"MA", join(alice), "PA"},
					{"BAN", ban(alice, bob), "MA"},
					{"PB", r.power(bob, object{bob: 50}), "PA"},
				}
			}, "BAN PB", "PA MA BAN",
		},
		"who was not in before the room closed stays out": {
			func(*room) []told {
				return []told{
					{"RULE", joinRule(alice, "private"), "START"},
					{"JOIN-E", join(erin), "START"},
				}
			}, "RULE JOIN-E", "RULE",
		},
		"power that was passed on is replayed in turn": {
			func(r *room) []told {
				return []told{
					{"PA", r.power(alice, object{bob: 50}), "START"},
					{"PB", r.power(bob, object{bob: 50, carol: 50}), "PA"},
					{"PC", r.power(carol, object{bob: 50, carol: 0}), "PB"},
				}
			}, "PC PA", "PC",
		},
		"a topic of one who loses power meanwhile falls": {
			func(r *room) []told {
				return []told{
					{"T1", topic(alice), "START"},
					{"PA1", r.power(alice, object{bob: 50}), "T1"},
					{"T2", topic(alice), "PA1"},
					{"PA2", r.power(alice, object{bob: 0}), "T2"},
					{"PB", r.power(bob, object{bob: 50}), "PA1"},
					{"T3", topic(bob), "PB"},
				}
			}, "PA2 T3", "PA2 T2",
		},
		"a ban takes the topic of the banned with it": {
			func(r *room) []told {
				return []told{
					{"T1", topic(alice), "START"},
					{"PA", r.power(alice, object{bob: 50}), "T1"},
					{"T2", topic(bob), "PA"},
					{"BAN", ban(alice, bob), "T2"},
				}
			}, "BAN T1", "T1 PA BAN",
		},
		"what follows a meeting stands": {
			func(r *room) []told {
				return []told{
					{"T1", topic(alice), "START"},
					{"PA1", r.power(alice, object{bob: 50}), "T1"},
					{"T2", topic(alice), "PA1"},
					{"PA2", r.power(alice, object{bob: 0}), "T2"},
					{"PB", r.power(bob, object{bob: 50}), "PA1"},
					{"T3", topic(bob), "PB"},
					{"MZ", draft{sender: zara, typ: "m.room.message", message: true}, "PA2 T3"},
					{"T4", topic(alice), "MZ"},
				}
			}, "T4 MZ", "T4 PA2",
		},
		"the mainline counts more than the clock": {
			func(r *room) []told {
				return []told{
					{"T1", topic(alice), "START"},
					{"PA1", r.power(alice, object{bob: 50}), "T1"},
					{"T2", topic(alice), "PA1"},
					{"PA2", r.power(alice, object{bob: 50}, object{"events": object{"m.room.power_levels": 100}}), "T2"},
					{"PB", r.power(bob, object{bob: 50}), "PA1"},
					{"T3", topic(bob), "PA2"},
					{"T4", topic(alice), "PB"},
				}
			}, "T3 T4", "T3 PA2",
		},
		"two who join at once are both in": {
			func(*room) []told {
				return []told{{"JOIN-D", join(dave), "START"}, {"JOIN-E", join(erin), "START"}}
			}, "JOIN-D JOIN-E", "JOIN-D JOIN-E",
		},
		"of two changes of one epoch the later wins": {
			func(r *room) []told {
				return []told{
					{"PA", r.power(alice, object{bob: 50}), "START"},
					{"T1", topic(alice), "PA"},
					{"T2", topic(bob), "PA"},
				}
			}, "T1 T2", "PA T2",
		},
		"of two rules of one power the later wins, whatever their IDs": {
			func(*room) []told {
				return []told{{"RB", joinRule(alice, "invite"), "START"}, {"RA", joinRule(alice, "knock"), "START"}}
			}, "RA RB", "RA",
		},
		"who has more power goes first, and takes it from the other": {
			func(r *room) []told {
				rule := joinRule(bob, "invite")
				rule.ts = 1
				return []told{
					{"PA", r.power(alice, object{bob: 50}), "START"},
					{"RB", rule, "PA"},
					{"PA2", r.power(alice, object{bob: 0}), "PA"},
				}
			}, "RB PA2", "PA2",
		},
		"what only looks like power levels has no precedence": {
			func(r *room) []told {
				one, two := r.power(alice, object{bob: 50}), r.power(bob, object{bob: 50})
				one.key, two.key, two.ts = "other", "other", 1
				return []told{{"PA", r.power(alice, object{bob: 50}), "START"}, {"OA", one, "PA"}, {"OB", two, "PA"}}
			}, "OA OB", "PA OA",
		},
		"of two changes at one time the greater ID wins": {
			func(r *room) []told {
				one, two := topic(alice), topic(bob)
				one.ts, two.ts = 99, 99
				return []told{{"PA", r.power(alice, object{bob: 50}), "START"}, {"TB", one, "PA"}, {"TA", two, "PA"}}
			}, "TA TB", "PA TB",
		},
		"a newer change of power wins over a branch that has the old": {
			func(r *room) []told {
				return []told{
					{"T1", topic(alice), "START"},
					{"JOIN-D", join(dave), "T1"},
					{"PA", r.power(alice, object{bob: 50}), "START"},
					{"PB", r.power(bob, object{bob: 50, carol: 50}), "PA"},
				}
			}, "JOIN-D PB", "T1 JOIN-D PB",
		},
		"who has left in one branch and spoken in the other has left": {
			func(*room) []told {
				return []told{{"LEAVE-B", leave(bob), "START"}, {"JOIN-B2", join(bob), "LEAVE-B"}, {"LEAVE-B2", leave(bob), "JOIN-B2"}}
			}, "LEAVE-B LEAVE-B2", "LEAVE-B2",
		},
		"three meet": {
			func(r *room) []told {
				return []told{
					{"PA", r.power(alice, object{bob: 50}), "START"},
					{"KICK", member(bob, carol, "leave"), "PA"},
					{"T1", topic(alice), "PA"},
					{"JOIN-D", join(dave), "START"},
				}
			}, "KICK T1 JOIN-D", "PA KICK T1 JOIN-D",
		},
		"MSC1442, the mainline, at message 2": {
			mainlineExample, "P2 T3", "P2 T2",
		},
		"MSC1442, the mainline, at message 3": {
			mainlineExample, "P2 T4", "P2 T4",
		},
	} {
		t.Run(name, func(t *testing.T) {
			sinceV2(t, func(t *testing.T, r *room) {
				states := r.unfold(c.story(r))
				r.expect(r.changed(r.meet(states, c.end), states["START"]), c.want)
			})
		})
	}
}

// mainlineExample is example 1 of MSC1442: Bob, whose power Alice takes in P2, uses
// it in P3 and Topic 3 without knowing, before message 2. Topic 4 follows message 2.
func mainlineExample(r *room) []told {
	return []told{
		{"P1", r.power(alice, object{bob: 50}), "START"},
		{"T1", topic(alice), "P1"},
		{"T2", topic(alice), "T1"},
		{"P2", r.power(alice, object{bob: 0}), "T2"},
		{"P3", r.power(bob, object{bob: 50}), "T1"},
		{"T3", topic(bob), "P3"},
		{"MESSAGE2", draft{sender: alice, typ: "m.room.message", message: true}, "P2 T3"},
		{"T4", topic(alice), "MESSAGE2"},
	}
}
