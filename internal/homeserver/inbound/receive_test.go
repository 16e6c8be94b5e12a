package inbound_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/homeserver/event"
	"signet/internal/homeserver/inbound"
	"signet/internal/homeserver/remote"
	"signet/internal/homeserver/room"
	"signet/internal/matrix"
)

// Two servers in one room: what is said there arrives here, also over a gap, in order, and
// what was said before anybody here was there comes when somebody reads back to it.
func TestTwoServersTalk(t *testing.T) {
	each(t, func(here, far *server) {
		for _, v := range []event.Version{event.V10, event.V12} {
			id := far.create(v, erin)
			for i := range 5 {
				far.say(id, erin, fmt.Sprint("before ", i))
			}
			here.join(id, alice)
			one := far.say(id, erin, "one")
			here.receives(far.event(id, one))
			far.say(id, erin, "two")
			far.set(id, erin, "m.room.topic", `{"topic":"gaps"}`)
			three := far.say(id, erin, "three")
			here.receives(far.event(id, three))
			here.reads(id, alice, "before 0", "before 1", "before 2", "before 3", "before 4", "one", "two", "three")
			mine := here.say(id, alice, "four")
			far.receives(here.event(id, mine))
			far.reads(id, erin, "before 0", "before 1", "before 2", "before 3", "before 4", "one", "two", "three", "four")
			if s, err := here.rooms.StateEvent(t.Context(), alice, id, "m.room.topic", ""); err != nil || string(s.Content()) != `{"topic":"gaps"}` {
				t.Errorf("the topic is %v, %v", s, err)
			}
			if ends := here.ends(id); len(ends) != 1 || ends[0] != mine {
				t.Errorf("the room ends with %q", ends)
			}
		}
	})
}

// A gap that is wider than what servers give at a time is filled all the same: what was said
// there is read where it was said.
func TestAWideGap(t *testing.T) {
	each(t, func(here, far *server) {
		id := far.create(event.V11, erin)
		here.join(id, alice)
		said := []string{"before"}
		here.receives(far.event(id, far.say(id, erin, "before")))
		for i := range 70 {
			said = append(said, fmt.Sprint(i))
			far.say(id, erin, fmt.Sprint(i))
		}
		here.receives(far.event(id, far.say(id, erin, "end")))
		here.reads(id, alice, append(said, "end")...)
		if slices.Contains(here.far.asked, "state_ids") {
			t.Errorf("it was asked %q", here.far.asked)
		}
	})
}

// A gap that is too wide, or that the other server keeps to itself, is one: its word for the
// state after it is taken, and the past is there for those who ask.
func TestAGapThatIsNotFilled(t *testing.T) {
	each(t, func(here, far *server) {
		id := far.create(event.V11, erin)
		here.join(id, alice)
		far.set(id, erin, "m.room.topic", `{"topic":"missed"}`)
		for i := range 40 {
			far.say(id, erin, fmt.Sprint(i))
		}
		asked := 0
		here.far.lies = map[string]func() (any, error){"get_missing_events": func() (any, error) {
			if asked++; asked > 1 {
				return []jsontext.Value(nil), nil
			}
			r, err := far.rooms.Room(id)
			return here.far.past(t.Context(), r, far.event(id, far.ends(id)[0]).PrevEvents(), 20, nil), err
		}}
		here.receives(far.event(id, far.say(id, erin, "end")))
		if s, err := here.rooms.StateEvent(t.Context(), alice, id, "m.room.topic", ""); err != nil || string(s.Content()) != `{"topic":"missed"}` {
			t.Errorf("the topic is %v, %v", s, err)
		}
		if !slices.Contains(here.far.asked, "state_ids") {
			t.Errorf("it was asked %q", here.far.asked)
		}
		here.say(id, alice, "and here")
		if ends := here.ends(id); len(ends) != 1 {
			t.Errorf("the room ends with %q", ends)
		}
		page, err := here.rooms.Messages(t.Context(), alice, room.Query{Room: id, Back: true, Limit: 100})
		here.ok(err)
		if n := len(page.Events); n < 40 {
			t.Errorf("%d events are read", n)
		}
	})
}

// What cannot be read, is not signed, or is of nobody's room fails by itself, and nothing
// else with it.
func TestBadEventsFailAlone(t *testing.T) {
	each(t, func(here, far *server) {
		id := far.create(event.V11, erin)
		here.join(id, alice)
		other := far.create(event.V11, erin)
		good := far.event(id, far.say(id, erin, "good"))
		end := here.ends(id)[0]
		forged := far.message(id, "forged", erin, end)
		forgedJSON := []byte(string(forged.JSON()))
		pdus := []jsontext.Value{
			jsontext.Value(`{`), jsontext.Value(`[]`), jsontext.Value(`{"room_id":"!x"}`), jsontext.Value(`{"room_id":"` + id + `"}`),
			jsontext.Value(far.event(other, far.say(other, erin, "elsewhere")).JSON()),
			jsontext.Value(replace(forgedJSON, `"forged"`, `"changed"`)),
			jsontext.Value(replace(forgedJSON, `"ed25519:1"`, `"ed25519:2"`)),
			jsontext.Value(good.JSON()),
		}
		results := here.in.Receive(t.Context(), "far.test", pdus)
		if err := results[good.ID()]; err != nil {
			t.Errorf("the good event: %v", err)
		}
		failed := 0
		for _, err := range results {
			if err != nil {
				failed++
			}
		}
		if failed == 0 {
			t.Errorf("nothing failed: %v", results)
		}
		here.reads(id, alice, "good")
	})
}

func replace(b []byte, old, new string) string {
	return strings.Replace(string(b), old, new, 1)
}

// An event whose hash is wrong is taken in redacted, as the specification asks.
func TestAWrongHash(t *testing.T) {
	each(t, func(here, far *server) {
		id := far.create(event.V11, erin)
		here.join(id, alice)
		e := far.message(id, "as it was", erin, here.ends(id)[0])
		results := here.in.Receive(t.Context(), "far.test", []jsontext.Value{jsontext.Value(replace(e.JSON(), "as it was", "changed"))})
		if err, known := results[e.ID()]; !known || err != nil {
			t.Errorf("results: %v", results)
		}
		if got := here.event(id, e.ID()); !got.Redacted() || string(got.Content()) != "{}" {
			t.Errorf("it says %s", got.Content())
		}
	})
}

// Servers that the ACLs turn away, and events into rooms that nobody here is in, are not
// taken in, and nobody is asked anything because of them.
func TestWhoMayNotSend(t *testing.T) {
	each(t, func(here, far *server) {
		id := far.create(event.V11, erin)
		here.join(id, alice)
		acl := far.event(id, far.set(id, erin, "m.room.server_acl", `{"allow":["*"],"deny":["evil.*"]}`))
		here.receives(acl)
		here.far.asked = nil
		e := far.message(id, "evil", "@eve:evil.test", here.ends(id)[0])
		results := here.in.Receive(t.Context(), "evil.test", []jsontext.Value{jsontext.Value(e.JSON())})
		if err := results[e.ID()]; !errors.Is(err, inbound.ErrDenied) {
			t.Errorf("who is banned: %v", err)
		}
		allows := func(server matrix.ServerName, want bool) {
			t.Helper()
			if got, err := here.in.Allows(t.Context(), server, id); err != nil || got != want {
				t.Errorf("Allows(%s) = %t, %v, want %t", server, got, err, want)
			}
		}
		allows("evil.test", false)
		allows("far.test", true)
		here.ok(here.rooms.Leave(t.Context(), room.Membership{Room: id, Sender: alice}))
		allows("far.test", false)
		late := far.event(id, far.say(id, erin, "late"))
		if err := here.receive(late)[late.ID()]; !errors.Is(err, inbound.ErrNotHere) {
			t.Errorf("a room that nobody here is in: %v", err)
		}
		if len(here.far.asked) > 0 {
			t.Errorf("it was asked %q", here.far.asked)
		}
	})
}

// An event of a server that nobody in the room is of is rejected, and nothing of it is kept,
// however many it sends. What follows it is dealt with all the same.
func TestAStranger(t *testing.T) {
	each(t, func(here, far *server) {
		id := far.create(event.V11, erin)
		here.join(id, alice)
		end := here.ends(id)[0]
		aside := far.message(id, "before", erin, end)
		here.receives(aside)
		for _, prev := range []string{aside.ID(), end} {
			e := far.forge(id, draft{typ: "m.room.message", key: noKey, content: `{"body":"evil"}`, sender: "@eve:evil.test", prev: []string{prev}, depth: 100})
			for range 2 {
				if err := here.receive(e)[e.ID()]; err != nil {
					t.Errorf("it is to be sent again: %v", err)
				}
			}
			if got, err := here.rooms.Unknown(t.Context(), id, []string{e.ID()}); err != nil || len(got) == 0 {
				t.Errorf("it is stored: %v", err)
			}
			after := far.forge(id, draft{typ: "m.room.message", key: noKey, content: `{"body":"after ` + prev + `"}`, sender: erin, prev: []string{e.ID()}, depth: 101})
			here.far.extra = map[string]*event.Event{e.ID(): e, after.ID(): after}
			here.receives(after)
			here.receives(far.forge(id, draft{typ: "m.room.member", key: "@eve:evil.test", content: `{"membership":"ban"}`, sender: "@eve:evil.test", prev: []string{prev}, depth: 100}))
		}
		here.reads(id, alice, "before", "after "+aside.ID(), "after "+end)
		refused := far.forge(id, draft{typ: "m.room.name", content: `{}`, sender: frank, prev: here.ends(id), depth: 103})
		here.receives(refused) // nobody, of a server that is there
		if got, err := here.rooms.Unknown(t.Context(), id, []string{refused.ID()}); err != nil || len(got) > 0 {
			t.Errorf("what a member's server follows is to be asked for again: %v", err)
		}
	})
}

// A server that lies about a gap is taken at what it can prove: events of other rooms, of
// nobody, or that were not asked for, are not taken in, and a circle ends.
func TestLiesAboutAGap(t *testing.T) {
	each(t, func(here, far *server) {
		id := far.create(event.V11, erin)
		here.join(id, alice)
		other := far.create(event.V11, erin)
		elsewhere := far.event(other, far.say(other, erin, "elsewhere"))
		unasked := far.message(id, "unasked", erin, here.ends(id)[0])
		missing := far.event(id, far.say(id, erin, "missing"))
		here.far.lies = map[string]func() (any, error){"get_missing_events": func() (any, error) {
			return []jsontext.Value{jsontext.Value(elsewhere.JSON()), jsontext.Value(unasked.JSON()), jsontext.Value(`{}`), jsontext.Value(`null`), jsontext.Value(missing.JSON())}, nil
		}}
		here.receives(far.event(id, far.say(id, erin, "end")))
		here.reads(id, alice, "missing", "end")
		if got, _ := here.rooms.Unknown(t.Context(), id, []string{unasked.ID()}); len(got) != 1 {
			t.Error("what nobody asked for was taken in")
		}
	})
}

// A state that leads nowhere, or is that of another room, brings no event in.
func TestLiesAboutAState(t *testing.T) {
	each(t, func(here, far *server) {
		id := far.create(event.V11, erin)
		here.join(id, alice)
		ends := here.ends(id)
		other := far.create(event.V11, erin)
		created := far.ends(other)
		unknown := far.message(id, "unknown", erin, ends[0])
		beyond := far.message(id, "beyond", erin, unknown.ID())
		for name, told := range map[string]remote.StateIDs{
			"nothing":      {},
			"another room": {State: created, AuthChain: created},
			"who knows":    {State: []string{"$unknown", "$\x00", ""}, AuthChain: []string{"$" + string(make([]byte, 300))}},
		} {
			here.far.lies = map[string]func() (any, error){
				"get_missing_events": func() (any, error) { return []jsontext.Value(nil), nil },
				"state_ids":          func() (any, error) { return told, nil },
			}
			here.receive(beyond)
			here.reads(id, alice)
			if got := here.ends(id); !slices.Equal(got, ends) {
				t.Errorf("%s: the room ends with %q", name, got)
			}
		}
	})
}

// What was said in a gap that could not be filled when it came about is fetched when somebody
// reads there, and stands where it was said. Where it cannot be had, nobody waits for it twice.
func TestAGapIsFilledWhenItIsRead(t *testing.T) {
	each(t, func(here, far *server) {
		for v, there := range map[event.Version]bool{event.V2: true, event.V11: false, event.V12: true} {
			id := far.create(v, erin)
			here.join(id, alice)
			here.receives(far.event(id, far.say(id, erin, "before")))
			for _, text := range []string{"one", "two", "three"} {
				far.say(id, erin, text)
			}
			here.far.lies = map[string]func() (any, error){"get_missing_events": func() (any, error) { return []jsontext.Value(nil), notFound }}
			here.receives(far.event(id, far.say(id, erin, "after")))
			here.receives(far.event(id, far.say(id, erin, "later")))
			here.far.lies, here.far.asked = nil, nil
			if !there {
				here.far.server = nil
				for range 2 {
					here.reads(id, alice, "before", "after", "later")
				}
				if asked := len(slices.DeleteFunc(here.far.asked, func(what string) bool { return what != "backfill" })); asked > 3 {
					t.Errorf("in vain it was asked %d times: %q", asked, here.far.asked)
				}
				here.far.server = far
				here.clock.Advance(2 * time.Hour)
			}
			for range 2 {
				here.reads(id, alice, "before", "one", "two", "three", "after", "later")
			}
		}
	})
}

// A server that never answers holds up its own room alone, and that not for long: what it
// has sent is dealt with later, and given up in the end.
func TestAServerThatNeverAnswers(t *testing.T) {
	each(t, func(here, far *server) {
		for patience := 200 * time.Millisecond; !here.isHeldUp(far, patience); patience *= 4 {
			if patience > time.Minute {
				t.Fatal("another room is held up, too")
			}
		}
	})
}

// isHeldUp receives from a server that does not answer about one of two rooms. It is false where
// patience did not suffice for the other one either, as on a slow machine.
func (s *server) isHeldUp(far *server, patience time.Duration) bool {
	s.Helper()
	stuck, free := far.create(event.V11, erin), far.create(event.V11, erin)
	s.join(stuck, alice)
	s.join(free, alice)
	in := inbound.New(inbound.Options{DB: s.db, Rooms: s.rooms, Remote: s.far, Keys: s.keys, ServerName: s.name, Now: s.clock.Now, Patience: patience})
	far.say(stuck, erin, "missing")
	e := far.event(stuck, far.say(stuck, erin, "stuck"))
	f := far.event(free, far.say(free, erin, "free"))
	s.far.silent = true
	results := in.Receive(s.Context(), "far.test", []jsontext.Value{jsontext.Value(e.JSON()), jsontext.Value(f.JSON())})
	for eventID, err := range results {
		if err != nil {
			s.Errorf("%s: %v", eventID, err)
		}
	}
	s.far.silent = false
	status, err := in.Status(s.Context())
	s.ok(err)
	soon := status.Backlog == 1
	if soon {
		s.reads(free, alice, "free")
		s.waits(1, 0, s.clock.Now())
	}
	s.clock.Advance(time.Hour)
	s.ok(in.Drain(s.Context()))
	s.waits(0, 0, time.Time{})
	s.reads(stuck, alice, "missing", "stuck")
	return soon
}

// waits checks how much is still to be dealt with.
func (s *server) waits(backlog, givenUp int64, oldest time.Time) {
	s.Helper()
	got, err := s.in.Status(s.Context())
	s.ok(err)
	if got.Backlog != backlog || got.GivenUp != givenUp || !got.Oldest.Equal(oldest) {
		s.Errorf("Status = %+v, want %d that wait since %s and %d given up", got, backlog, oldest, givenUp)
	}
}

// An event that makes the server panic harms no other, and is tried three times in all.
func TestAPanic(t *testing.T) {
	each(t, func(here, far *server) {
		id := far.create(event.V11, erin)
		here.join(id, alice)
		far.say(id, erin, "missing")
		e := far.event(id, far.say(id, erin, "poison"))
		panics := 0
		here.far.lies = map[string]func() (any, error){"get_missing_events": func() (any, error) { panics++; panic("poison") }}
		good := here.say(id, alice, "good")
		after := far.forge(id, draft{typ: "m.room.message", key: noKey, content: `{"body":"after"}`, sender: erin, prev: []string{good}})
		results := here.receive(e, after)
		if results[e.ID()] != nil || results[after.ID()] != nil {
			t.Errorf("results: %v", results)
		}
		for range 5 {
			here.clock.Advance(2 * time.Hour)
			here.ok(here.in.Drain(t.Context()))
		}
		if panics != 3 {
			t.Errorf("it was tried %d times", panics)
		}
		here.waits(0, 1, time.Time{})
		if err := here.receive(e)[e.ID()]; !errors.Is(err, inbound.ErrGivenUp) {
			t.Errorf("sent again: %v", err)
		}
		here.clock.Advance(48 * time.Hour)
		here.ok(here.in.Drain(t.Context()))
		here.far.lies = nil
		here.receives(e)
	})
}

// The auth chain of an event that nobody here has heard of is brought here, as far as it is
// one.
func TestAnAuthChain(t *testing.T) {
	each(t, func(here, far *server) {
		id := far.create(event.V11, erin)
		here.join(id, alice)
		far.ok(far.rooms.Join(t.Context(), room.Membership{Room: id, Sender: frank}))
		e := far.event(id, far.say(id, frank, "hello"))
		here.far.lies = map[string]func() (any, error){"get_missing_events": func() (any, error) { return []jsontext.Value(nil), nil }}
		here.receives(e)
		here.reads(id, alice, "hello")

		hostile := far.message(id, "hostile", frank, e.ID())
		for i, chain := range [][]jsontext.Value{nil, {jsontext.Value(hostile.JSON())}, {jsontext.Value(`{}`)}} {
			bad := far.forge(id, draft{typ: "m.room.message", key: noKey, content: fmt.Sprintf(`{"body":"%d"}`, i), sender: frank, prev: []string{e.ID()}, auth: []string{"$" + strings.Repeat("n", 43)}})
			here.far.lies["event_auth"] = func() (any, error) { return chain, nil }
			here.receive(bad)
		}
		here.reads(id, alice, "hello")
	})
}
