package stateres_test

import (
	"testing"

	"signet/internal/homeserver/authz"
	"signet/internal/homeserver/event"
	"signet/internal/homeserver/stateres"
)

// citing is a draft that names its auth events.
func citing(auth string, d draft) draft {
	d.auth = auth
	return d
}

// unfoldCiting adds events that name their auth events, one after the other.
func (r *room) unfoldCiting(story []told) {
	r.Helper()
	for _, t := range story {
		r.add(t.name, t.draft, nil)
	}
}

// Problem A of MSC4297: a state that another server told us has the old join rules,
// and Alice, who made both, has left. v2 checks them in the state without her and
// keeps neither; v2.1 checks each on the auth events of its own.
func TestJoinRulesOfOneWhoLeft(t *testing.T) {
	sinceV2(t, func(t *testing.T, r *room) {
		r.unfoldCiting([]told{
			{"CREATE", r.create(), ""},
			{"MA1", citing("CREATE", join(alice)), ""},
			{"P", citing("CREATE MA1", r.power(alice, object{bob: 100})), ""},
			{"JR1", citing("CREATE MA1 P", joinRule(alice, "public")), ""},
			{"MB", citing("CREATE P JR1", join(bob)), ""},
			{"JR2", citing("CREATE MA1 P", joinRule(alice, "invite")), ""},
			{"MA2", citing("CREATE MA1 P", leave(alice)), ""},
		})
		right := r.state("CREATE", "MA2", "MB", "P", "JR2")
		told := r.state("CREATE", "MA2", "MB", "P", "JR1")

		want := "CREATE MA2 MB P"
		if r.version.StateResolution() == event.StateV21 {
			want += " JR2"
		}
		r.expect(r.resolve(right, told), want)
	})
}

// Problem B of MSC4297: Evelyn's state has the power levels from before Bob was
// promoted, though her own auth chain has the newer. v2 replays the ends alone, and
// Bob promotes Carol without the power to; v2.1 replays what lies between, too.
func TestPowerBetweenTheConflicts(t *testing.T) {
	sinceV2(t, func(t *testing.T, r *room) {
		r.unfoldCiting([]told{
			{"CREATE", r.create(), ""},
			{"MA", citing("CREATE", join(alice)), ""},
			{"P1", citing("CREATE MA", r.power(alice, nil)), ""},
			{"JR", citing("CREATE MA P1", joinRule(alice, "public")), ""},
			{"MB", citing("CREATE P1 JR", join(bob)), ""},
			{"MC", citing("CREATE P1 JR", join(carol)), ""},
			{"P2", citing("CREATE MA P1", r.power(alice, object{bob: 50})), ""},
			{"P3", citing("CREATE MB P2", r.power(bob, object{bob: 50, carol: 50})), ""},
			{"ME1", citing("CREATE P3 JR", join(erin)), ""},
			{"ME2", citing("CREATE P1 JR ME1", join(erin)), ""},
			{"MZ", citing("CREATE P3 JR", join(zara)), ""},
		})
		old := r.state("CREATE", "MA", "MB", "MC", "ME2", "P1", "JR")
		new := r.state("CREATE", "MA", "MB", "MC", "MZ", "P3", "JR")

		want := "CREATE MA MB MC MZ JR P1 ME2"
		if r.version.StateResolution() == event.StateV21 {
			// ME2 stands on P1, ME1 on P3: the later epoch wins.
			want = "CREATE MA MB MC MZ JR P3 ME1"
		}
		r.expect(r.resolve(old, new), want)
	})
}

// What a power event rests on is replayed before it, also through events that all
// chains have and that are not replayed, whatever the clocks say. Bob's clock is wrong
// at his second join, Alice's at her third change; the second state has the older
// of each.
func TestPowerRestsOnWhatIsFarBelow(t *testing.T) {
	early := func(d draft) draft {
		d.ts = 1
		return d
	}
	sinceV2(t, func(t *testing.T, r *room) {
		r.clock = 100
		r.unfoldCiting([]told{
			{"CREATE", r.create(), ""},
			{"MA", citing("CREATE", join(alice)), ""},
			{"P0", citing("CREATE MA", r.power(alice, object{bob: 90})), ""},
			{"JR", citing("CREATE MA P0", joinRule(alice, "public")), ""},
			{"MB1", citing("CREATE P0 JR", join(bob)), ""},
			{"MB2", early(citing("CREATE P0 JR MB1", join(bob))), ""},
			{"P1", citing("CREATE MA P0", r.power(alice, object{bob: 91})), ""},
			{"P2", citing("CREATE MB1 P1", r.power(bob, object{bob: 91, carol: 2})), ""},
			{"P3", early(citing("CREATE MA P2", r.power(alice, object{bob: 91, carol: 3}))), ""},
			{"T", citing("CREATE MA P2", topic(alice)), ""},
		})
		new := r.state("CREATE", "MA", "JR", "MB2", "P3")
		old := r.state("CREATE", "MA", "JR", "MB1", "P1", "T")
		r.expect(r.resolve(new, old), "CREATE MA JR MB2 P3 T")
	})
}

// Example 2 of MSC1442: the event D was rejected when it came, since Alice had taken
// Bob's power, and is allowed now that she gave it back in the other branch.
func TestARejectedEventIsCheckedAgain(t *testing.T) {
	sinceV2(t, func(t *testing.T, r *room) {
		states := r.unfold([]told{
			{"P1", r.power(alice, object{bob: 50}), "START"},
			{"T1", topic(alice), "P1"},
			{"P2", r.power(alice, object{bob: 0}), "T1"},
			{"D", topic(bob), "T1"},
			{"E", r.power(alice, object{bob: 50}), "P2"},
		})
		r.reject("D")
		resolved := r.resolve(r.after(states["P2"], "D"), states["E"])
		r.expect(r.changed(resolved, states["START"]), "E D")
	})
}

// An event whose auth events are missing in the state stands on its own, unless they
// were rejected. Here nobody's state has the join that both topics stand on.
func TestARejectedEventVouchesForNothing(t *testing.T) {
	for _, rejected := range []bool{false, true} {
		sinceV2(t, func(t *testing.T, r *room) {
			states := r.unfold([]told{
				{"P1", r.power(alice, object{dave: 50}), "START"},
				{"JOIN-D", join(dave), "P1"},
				{"T1", topic(dave), "JOIN-D"},
				{"T2", topic(dave), "JOIN-D"},
			})
			want := "P1 T2"
			if rejected {
				r.reject("JOIN-D")
				want = "P1"
			}
			resolved := r.resolve(r.after(states["P1"], "T1"), r.after(states["P1"], "T2"))
			r.expect(r.changed(resolved, states["START"]), want)
		})
	}
}

// Whatever is replayed, what the states agree on is in the result: here the topic of
// one who is banned in both.
func TestWhatAllAgreeOnStays(t *testing.T) {
	sinceV2(t, func(t *testing.T, r *room) {
		states := r.unfold([]told{
			{"P1", r.power(alice, object{bob: 50}), "START"},
			{"T1", topic(bob), "P1"},
			{"BAN", ban(alice, bob), "P1"},
			{"JOIN-C2", join(carol), "BAN"},
		})
		resolved := r.resolve(r.after(states["BAN"], "T1"), r.after(states["JOIN-C2"], "T1"))
		r.expect(r.changed(resolved, states["START"]), "P1 BAN T1 JOIN-C2")
	})
}

// Creators of version 12 have more power than any level: what one of them does comes
// before what a late clock would have it come after, and takes Carol's power.
func TestCreatorsGoFirst(t *testing.T) {
	r := newRoom(t, event.V12)
	create := r.create()
	create.content["additional_creators"] = []string{bob}
	rule := citing("MC P1", joinRule(carol, "invite"))
	rule.ts = 1
	r.unfoldCiting([]told{
		{"CREATE", create, ""},
		{"MA", join(alice), ""},
		{"P1", citing("MA", r.power(alice, object{carol: 100})), ""},
		{"JR", citing("MA P1", joinRule(alice, "public")), ""},
		{"MB", citing("P1 JR", join(bob)), ""},
		{"MC", citing("P1 JR", join(carol)), ""},
		{"RC", rule, ""},
		{"PB", citing("MB P1", r.power(bob, object{carol: 0})), ""},
	})
	before := r.state("CREATE", "MA", "P1", "JR", "MB", "MC")
	r.expect(r.resolve(r.after(before, "RC"), r.after(before, "PB")), "CREATE MA PB JR MB MC")
}

// Room version 1 knows no auth chains: depth decides.
func TestVersion1(t *testing.T) {
	for name, c := range map[string]struct {
		story func(*room) []told
		end   string
		want  string
	}{
		"one state has what the other lacks": {
			func(*room) []told {
				return []told{{"JOIN-D", join(dave), "START"}, {"T1", topic(alice), "START"}}
			}, "JOIN-D T1", "JOIN-D T1",
		},
		"the deepest topic wins, whatever the clocks say": {
			func(*room) []told {
				deep, late := topic(alice), topic(alice)
				deep.depth, late.depth, late.ts = 90, 80, 1_000_000
				return []told{{"T1", deep, "START"}, {"T2", late, "START"}}
			}, "T1 T2", "T1",
		},
		"power levels are walked from the shallowest on, as far as they are allowed": {
			func(r *room) []told {
				return []told{
					{"PA", r.power(alice, object{bob: 50}), "START"},
					{"PA2", r.power(alice, object{bob: 0}), "PA"},
					{"PB", r.power(bob, object{bob: 50, carol: 50}), "PA"},
				}
			}, "PA2 PB", "PA2",
		},
		"a topic of one whom the power levels no longer allow it falls": {
			func(r *room) []told {
				return []told{
					{"PA", r.power(alice, object{bob: 50}), "START"},
					{"T1", topic(alice), "PA"},
					{"PA2", r.power(alice, object{bob: 0}), "T1"},
					{"T2", topic(bob), "PA"},
				}
			}, "PA2 T2", "PA2 T1",
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRoom(t, event.V1)
			states := r.unfold(c.story(r))
			r.expect(r.changed(r.meet(states, c.end), states["START"]), c.want)
		})
	}
}

// The order of equally deep events is that of their hashes, which nobody chose.
func TestVersion1TakesTheLowestHash(t *testing.T) {
	r := newRoom(t, event.V1)
	start := r.start()
	var sets []stateres.StateSet
	for _, name := range []string{"TA", "TB", "TC", "TD"} {
		d := topic(alice)
		d.depth = 90
		r.add(name, d, start)
		sets = append(sets, r.after(start, name))
	}
	want := r.oracle().resolve(sets)
	r.expect(r.resolve(sets...), r.tell(want))
}

// A state of its own resolves to itself, and nobody is asked for anything.
func TestNothingToResolve(t *testing.T) {
	for _, v := range event.Versions() {
		r := newRoom(t, v)
		state := r.start()
		clear(r.asked)
		for _, sets := range [][]stateres.StateSet{nil, {state}, {state, state, state}} {
			resolved, err := stateres.Resolver{Version: v, Source: r, Check: authz.Check}.Resolve(sets)
			if err != nil || len(sets) > 0 && r.tell(resolved) != r.tell(state) || len(sets) == 0 && len(resolved) > 0 {
				t.Errorf("version %s: %d equal states resolve to %v, %v", v, len(sets), r.tell(resolved), err)
			}
			delete(resolved, event.Key{Type: "m.room.create"})
		}
		if len(r.asked) > 0 || len(state) != 7 {
			t.Errorf("version %s: asked for %d events, left %d in the state", v, len(r.asked), len(state))
		}
	}
}
