package inbound_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/homeserver/event"
	"signet/internal/homeserver/remote"
	"signet/internal/homeserver/room"
)

// refuses is a server that does not tell.
func refuses() (any, error) { return []jsontext.Value(nil), notFound }

// keepsToItself has the other server tell nothing of what events rest on.
func (p *peer) keepsToItself() {
	p.lies = map[string]func() (any, error){"get_missing_events": refuses, "event_auth": refuses,
		"state_ids": func() (any, error) { return remote.StateIDs{}, notFound }}
}

// Who has come in a gap, and speaks after it, is heard without a question for what allows it.
func TestTheGapHasWhatIsCited(t *testing.T) {
	each(t, func(here, far *server) {
		id := far.create(event.V11, erin)
		here.join(id, alice)
		here.far.lies = map[string]func() (any, error){"event_auth": refuses}
		far.ok(far.rooms.Join(t.Context(), room.Membership{Room: id, Sender: frank}))
		here.receives(far.event(id, far.say(id, frank, "hello")))
		here.reads(id, alice, "hello")
		if slices.Contains(here.far.asked, "event_auth") {
			t.Errorf("it was asked %q", here.far.asked)
		}
	})
}

// What was sent once more is taken in as soon as all that it rests on is here, and does not
// wait for its turn in the backlog. What still lacks something is not asked for each time.
func TestAnEventThatComesAgain(t *testing.T) {
	each(t, func(here, far *server) {
		for _, v := range []event.Version{event.V2, event.V12} {
			id := far.create(v, erin)
			here.join(id, alice)
			here.far.keepsToItself()
			one, two := far.event(id, far.say(id, erin, "one")), far.event(id, far.say(id, erin, "two"))
			here.receives(two)
			here.far.asked = nil
			here.receives(two)
			if len(here.far.asked) > 0 {
				t.Errorf("it was asked %q again", here.far.asked)
			}
			here.receives(one, two)
			here.reads(id, alice, "one", "two")
			var waiting int
			here.ok(here.db.QueryRow(t.Context(), `SELECT COUNT(*) FROM inbound_events`).Scan(&waiting))
			if waiting > 0 {
				t.Errorf("%d events wait in the backlog", waiting)
			}
			here.far.lies = nil
		}
	})
}

// Frank calls himself five names, one after the other, and of the second nothing can be had:
// what rests on it is in no state, whoever says so.
func TestAStateWithAHole(t *testing.T) {
	each(t, func(here, far *server) {
		id := far.create(event.V10, erin)
		here.join(id, alice)
		joined := func() string {
			r, err := far.rooms.Room(id)
			far.ok(err)
			e, err := far.rooms.Current(t.Context(), r, event.Key{Type: "m.room.member", StateKey: string(frank)})
			far.ok(err)
			return e.ID()
		}
		far.ok(far.rooms.Join(t.Context(), room.Membership{Room: id, Sender: frank}))
		first := joined()
		here.receives(far.event(id, first))
		here.far.extra = map[string]*event.Event{}
		rest := slices.DeleteFunc(far.event(id, far.say(id, frank, "unheard")).AuthEvents(), func(cited string) bool { return cited == first })
		post := func(typ, key, content, prev, member string) *event.Event {
			e := far.forge(id, draft{typ: typ, key: key, content: content, sender: frank, prev: []string{prev}, auth: append(slices.Clone(rest), member)})
			here.far.extra[e.ID()] = e
			return e
		}
		rules := here.current(id, "m.room.join_rules")
		names, last := []string(nil), first
		for _, name := range []string{"A", "B", "C", "D", "E"} {
			e := far.forge(id, draft{typ: "m.room.member", key: string(frank), content: fmt.Sprintf(`{"membership":"join","displayname":%q}`, name),
				sender: frank, prev: []string{last}, auth: append(slices.Clone(rest), rules, last)})
			here.far.extra[e.ID()] = e
			last = e.ID()
			names = append(names, last)
		}
		before := post("m.room.message", noKey, `{"body":"before"}`, last, last)
		missing := post("m.room.message", noKey, `{"body":"missing"}`, before.ID(), last)
		sent := post("m.room.message", noKey, `{"body":"sent"}`, missing.ID(), last)

		here.far.keepsToItself()
		here.far.lies["get_missing_events"] = func() (any, error) { return []jsontext.Value{missing.JSON()}, nil }
		here.far.lies["state_ids"] = func() (any, error) {
			return remote.StateIDs{State: append(slices.Clone(rest), rules, last), AuthChain: slices.Concat(rest, names)}, nil
		}
		here.far.lies[names[1]] = refuses
		here.far.asked = nil
		here.receives(sent)
		if !slices.Contains(here.far.asked, "state_ids") || !slices.Contains(here.far.asked, "event") {
			t.Errorf("it was asked %q", here.far.asked)
		}
		unknown, err := here.rooms.Unknown(t.Context(), id, names)
		here.ok(err)
		if !slices.Equal(unknown, names[1:]) {
			t.Errorf("of %q those are not here: %q", names, unknown)
		}
		here.receives(far.forge(id, draft{typ: "m.room.message", key: noKey, content: `{"body":"now"}`, sender: frank, prev: []string{first}, auth: append(slices.Clone(rest), first)}))
		here.reads(id, alice, "now")
		if got := here.current(id, "m.room.member", string(frank)); got != first {
			t.Errorf("Frank is %s", got)
		}
	})
}

// current is the id of an event of a room's state.
func (s *server) current(id, typ string, key ...string) string {
	s.Helper()
	r, err := s.rooms.Room(id)
	s.ok(err)
	e, err := s.rooms.Current(s.Context(), r, event.Key{Type: typ, StateKey: append(key, "")[0]})
	s.ok(err)
	return e.ID()
}
