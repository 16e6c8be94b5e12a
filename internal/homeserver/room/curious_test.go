package room_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"signet/internal/homeserver/room"
	"signet/internal/matrix"
)

// replacedTopic is what a user is told that the topic took the place of, in each of the ways
// in which they can ask for it.
func (w *world) replacedTopic(id string, user matrix.UserID) (told []string) {
	w.Helper()
	tell := func(s *room.Stored) {
		if s.Type() == "m.room.topic" && s.Replaced != nil {
			told = append(told, string(s.Replaced.Content))
		}
	}
	state, err := w.rooms.State(w.Context(), user, id)
	w.ok(err)
	for _, s := range state {
		tell(s)
	}
	topic, err := w.rooms.StateEvent(w.Context(), user, id, "m.room.topic", "")
	w.ok(err)
	tell(topic)
	page, err := w.rooms.Messages(w.Context(), user, room.Query{Room: id, Back: true, Limit: 100})
	w.ok(err)
	for _, s := range page.Events {
		tell(s.Stored)
	}
	around, err := w.rooms.Context(w.Context(), user, id, page.Events[0].ID(), 10, room.Filter{})
	w.ok(err)
	for _, s := range around.State {
		tell(s)
	}
	r, err := w.rooms.Room(id)
	w.ok(err)
	state, err = w.rooms.StateAt(w.Context(), r, w.stream.Visible())
	w.ok(err)
	state, err = w.rooms.Veil(w.Context(), r, user, state) // as /sync does
	w.ok(err)
	for _, s := range state {
		tell(s)
	}
	return told
}

// What a state event took the place of, those alone are told who may know it: where history
// is for who was there, bob, who came back, knows the topic of now and not that of before.
func TestWhatWasReplacedIsHistory(t *testing.T) {
	each(t, func(w *world) {
		for _, visibility := range []string{"joined", "invited", "shared", "world_readable"} {
			id := w.create(room.Creation{Preset: room.PublicChat, Topic: "first", InitialState: []room.StateEvent{
				{Type: "m.room.history_visibility", Content: fmt.Appendf(nil, `{"history_visibility":%q}`, visibility)}}})
			w.join(id, bob, carol)
			w.ok(w.rooms.Leave(w.Context(), room.Membership{Room: id, Sender: bob}))
			w.ok(w.set(id, alice, "m.room.topic", `{"topic":"secret"}`))
			w.ok(w.set(id, alice, "m.room.topic", `{"topic":"now"}`))
			w.join(id, bob)
			secret := slices.Contains(w.replacedTopic(id, bob), `{"topic":"secret"}`)
			if public := visibility == "shared" || visibility == "world_readable"; secret != public {
				w.Errorf("%s: bob is told what was there while he was not: %v", visibility, secret)
			}
			if told := w.replacedTopic(id, carol); len(told) < 4 {
				w.Errorf("%s: carol, who was there, is told of %q", visibility, told)
			}
			w.ok(w.set(id, alice, "m.room.topic", `{"topic":"later"}`))
			if told := w.replacedTopic(id, bob); !slices.Contains(told, `{"topic":"now"}`) {
				w.Errorf("%s: bob is told of %q, not of what he saw replaced", visibility, told)
			}
		}
	})
}

// Who was there when, those alone are told who might know it then.
func TestTheMembersOfATimeThatIsNotOnesOwn(t *testing.T) {
	each(t, func(w *world) {
		for _, visibility := range []string{"joined", "invited", "shared", "world_readable"} {
			id := w.create(room.Creation{Preset: room.PublicChat, InitialState: []room.StateEvent{
				{Type: "m.room.history_visibility", Content: fmt.Appendf(nil, `{"history_visibility":%q}`, visibility)}}})
			w.join(id, carol)
			then := room.Token(w.stream.Visible())
			w.ok(w.rooms.Leave(w.Context(), room.Membership{Room: id, Sender: carol}))
			w.join(id, bob)
			for _, at := range []string{then, "s0", "s-5", "t1_1", "s9223372036854775807"} {
				joined, err := w.rooms.Members(w.Context(), bob, id, room.MemberQuery{At: at, Is: room.Join})
				w.ok(err)
				saw := slices.ContainsFunc(joined, func(s *room.Stored) bool { k, _ := s.StateKey(); return k == carol.String() })
				if public := strings.HasPrefix(visibility, "s") || strings.HasPrefix(visibility, "w"); saw != (public && at == then) {
					w.Errorf("%s: at %s bob sees carol in the room: %v", visibility, at, saw)
				}
			}
			joined, err := w.rooms.Members(w.Context(), carol, id, room.MemberQuery{At: then, Is: room.Join})
			w.ok(err)
			if len(joined) != 2 {
				w.Errorf("%s: carol, who was there, sees %d members, want 2", visibility, len(joined))
			}
		}
	})
}

// Whoever has left a room does not learn from where a context ends whether others still talk.
func TestAContextEndsWhereOneHasLeft(t *testing.T) {
	each(t, func(w *world) {
		id := w.create(room.Creation{Preset: room.PublicChat})
		w.join(id, bob)
		said := w.say(id, alice, "hi")
		w.ok(w.rooms.Leave(w.Context(), room.Membership{Room: id, Sender: bob}))
		end := func() string {
			c, err := w.rooms.Context(w.Context(), bob, id, said, 10, room.Filter{})
			w.ok(err)
			return c.End
		}
		before := end()
		w.say(id, alice, "he is gone")
		if after := end(); after != before {
			w.Errorf("the context ends at %s, and at %s when something was said", before, after)
		}
	})
}

// A page of the largest events has few of them, and goes on where it ends.
func TestPagesOfLargeEvents(t *testing.T) {
	each(t, func(w *world) {
		id := w.create(room.Creation{Preset: room.PublicChat})
		large := strings.Repeat("x", 60_000)
		for range 40 {
			w.say(id, alice, large)
		}
		octets := func(events []room.Seen) (n int) {
			for _, s := range events {
				n += len(s.JSON())
			}
			return n
		}
		const most = 1<<20 + 64<<10
		q, said := room.Query{Room: id, Back: true, Limit: 500}, 0
		for {
			page, err := w.rooms.Messages(w.Context(), alice, q)
			w.ok(err)
			if n := octets(page.Events); n > most {
				w.Errorf("a page has %d octets", n)
			}
			for _, text := range texts(page.Events) {
				if text == large {
					said++
				}
			}
			if q.From = page.End; q.From == "" {
				break
			}
		}
		if said != 40 {
			w.Errorf("page by page one reads %d messages, want 40", said)
		}
		c, err := w.rooms.Context(w.Context(), alice, id, w.say(id, alice, "hi"), 500, room.Filter{})
		w.ok(err)
		if n := octets(c.Before); n > most {
			w.Errorf("a context has %d octets", n)
		}
		r, err := w.rooms.Room(id)
		w.ok(err)
		for octets, want := range map[int]int{1: 1, 200_000: 5, 0: 30} {
			line, err := w.rooms.Timeline(w.Context(), r, room.Stretch{User: alice, To: w.stream.Visible(), Limit: 30, Octets: octets})
			w.ok(err)
			if len(line.Events) != want || !line.Limited {
				w.Errorf("a timeline of %d octets has %d events, limited %v, want %d", octets, len(line.Events), line.Limited, want)
			}
		}
	})
}

// Who is invited may read from then on where history is for the invited; the state of the
// room, which is not theirs to ask for, comes with no context of what they read.
func TestAContextForTheInvited(t *testing.T) {
	each(t, func(w *world) {
		id := w.create(room.Creation{Topic: "before", InitialState: []room.StateEvent{
			{Type: "m.room.history_visibility", Content: []byte(`{"history_visibility":"invited"}`)}}})
		w.ok(w.rooms.Invite(w.Context(), room.Membership{Room: id, Sender: alice, Target: bob}))
		w.ok(w.set(id, alice, "m.room.name", `{"name":"after"}`))
		said := w.say(id, alice, "hi")
		types := func() (types []string) {
			c, err := w.rooms.Context(w.Context(), bob, id, said, 0, room.Filter{})
			w.ok(err)
			for _, s := range c.State {
				key, _ := s.StateKey()
				types = append(types, s.Type()+key)
			}
			slices.Sort(types)
			return types
		}
		if got := fmt.Sprint(types()); got != "[m.room.member@bob:hs.test m.room.name]" {
			w.Errorf("bob, who is invited, is told of the state %s", got)
		}
		w.join(id, bob)
		if got := types(); len(got) < 8 {
			w.Errorf("bob, who has joined, is told of the state %s", got)
		}
	})
}
