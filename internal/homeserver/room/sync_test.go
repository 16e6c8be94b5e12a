package room_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"signet/internal/homeserver/event"
	"signet/internal/homeserver/room"
	"signet/internal/homeserver/stream"
	"signet/internal/matrix"
)

// client is who follows rooms by what /sync is made of.
type client struct {
	w     *world
	user  matrix.UserID
	limit int
	since stream.Pos
	rooms map[string]*copyOf
}

// copyOf is what a client knows of a room.
type copyOf struct {
	membership string
	state      map[event.Key]string // event ids
	said       []string
}

// sync learns what is new up to a position.
func (c *client) sync(to stream.Pos) {
	w := c.w
	w.Helper()
	changed, err := w.rooms.Changed(w.Context(), c.user, c.since, to)
	w.ok(err)
	for _, s := range changed {
		known := c.rooms[s.Room.ID()]
		if known == nil {
			known = &copyOf{}
			c.rooms[s.Room.ID()] = known
		}
		before, err := w.rooms.MembershipAt(w.Context(), c.user, s.Room, c.since)
		w.ok(err)
		since := c.since
		if s.Membership == room.Join && before != room.Join || since == 0 {
			since, known.state, known.said = 0, nil, nil
		}
		end := to
		if s.Membership != room.Join {
			end = s.Pos
		}
		known.membership = s.Membership
		if s.Membership == room.Join || before == room.Join {
			c.follow(s.Room, known, since, end)
		}
	}
	c.since = to
}

func (c *client) follow(r *room.Room, known *copyOf, since, to stream.Pos) {
	w := c.w
	w.Helper()
	timeline, err := w.rooms.Timeline(w.Context(), r, room.Stretch{User: c.user, Since: since, To: to, Limit: c.limit})
	w.ok(err)
	var state []*room.Stored
	if since == 0 {
		known.state = map[event.Key]string{}
		state, err = w.rooms.StateAt(w.Context(), r, timeline.Begin)
	} else {
		state, err = w.rooms.StateDelta(w.Context(), r, since, timeline.Begin)
	}
	w.ok(err)
	if timeline.Limited {
		known.said = nil
	}
	for _, s := range state {
		if s.Pos > timeline.Begin || s.Pos <= since {
			w.Errorf("between %d and %d the state has %d", since, timeline.Begin, s.Pos)
		}
		known.take(s)
	}
	for _, s := range timeline.Events {
		if s.Pos > to || s.Pos <= since {
			w.Errorf("between %d and %d there is %d", since, to, s.Pos)
		}
		known.take(s.Stored)
		if body, isText := s.Field("body").Text(); isText {
			known.said = append(known.said, body)
		}
	}
}

func (k *copyOf) take(s *room.Stored) {
	if key, isState := s.StateKey(); isState {
		k.state[event.Key{Type: s.Type(), StateKey: key}] = s.ID()
	}
}

// Whatever happens, and however often a client looks, it ends with the state that the room
// has, and with what was said, in its order.
func TestFollowing(t *testing.T) {
	for _, limit := range []int{2, 20} {
		t.Run(fmt.Sprintf("limit %d", limit), func(t *testing.T) {
			each(t, func(w *world) { follow(w, limit) })
		})
	}
}

func follow(w *world, limit int) {
	rng := rand.New(rand.NewPCG(uint64(limit), 7))
	users := []matrix.UserID{alice, bob, carol}
	var ids []string
	for range 3 {
		ids = append(ids, w.create(room.Creation{Preset: room.PublicChat}))
	}
	c := &client{w: w, user: bob, limit: limit, rooms: map[string]*copyOf{}}
	said := map[string][]string{}
	for n := range 300 {
		id, user := ids[rng.IntN(len(ids))], users[rng.IntN(len(users))]
		switch rng.IntN(12) {
		case 0:
			_ = w.rooms.Join(w.Context(), room.Membership{Room: id, Sender: user})
		case 1:
			if user != alice {
				_ = w.rooms.Leave(w.Context(), room.Membership{Room: id, Sender: user})
			}
		case 2, 3:
			w.ok(w.set(id, alice, fmt.Sprintf("t%d", rng.IntN(4)), fmt.Sprintf(`{"n":%d}`, n)))
		case 4:
			c.sync(w.stream.Visible())
			c.compare(ids, said)
		case 5:
			c.sync(c.since + (w.stream.Visible()-c.since)/2) // as one that was asked for a while ago
		case 6:
			w.ok(w.set(id, alice, fmt.Sprintf("t%d", rng.IntN(4)), fmt.Sprintf(`{"n":%d}`, n)))
			for i := range 10 * rng.IntN(9) { // more than anybody holds in memory, at times
				text := fmt.Sprint(n, " ", i)
				w.say(id, alice, text)
				said[id] = append(said[id], text)
			}
		default:
			text := fmt.Sprint(n)
			w.say(id, alice, text)
			said[id] = append(said[id], text)
		}
	}
	c.sync(w.stream.Visible())
	c.compare(ids, said)
}

// compare holds what a client knows of the rooms that it is in against what they are.
func (c *client) compare(ids []string, said map[string][]string) {
	c.w.Helper()
	for _, id := range ids {
		joined := slices.Contains(c.w.rooms.JoinedRooms(c.user), id)
		known := c.rooms[id]
		if joined != (known != nil && known.membership == room.Join) {
			c.w.Fatalf("%s: joined is %v, known %+v", id, joined, known)
		}
		if !joined {
			continue
		}
		state, err := c.w.rooms.State(c.w.Context(), c.user, id)
		c.w.ok(err)
		want := map[event.Key]string{}
		for _, s := range state {
			key, _ := s.StateKey()
			want[event.Key{Type: s.Type(), StateKey: key}] = s.ID()
		}
		if !maps.Equal(known.state, want) {
			c.w.Fatalf("%s has the state %v, known %v", id, want, known.state)
		}
		all := said[id]
		if n := len(known.said); n > len(all) || !slices.Equal(known.said, all[len(all)-n:]) {
			c.w.Fatalf("%s: %q were said, known %q", id, all, known.said)
		}
	}
}

// A timeline does not go over a gap: it says that there is more, and what the state was when
// it goes on.
func TestATimelineWithAGap(t *testing.T) {
	eachUnchecked(t, func(w *world) {
		id, f := w.public(event.V11)
		w.join(id, bob)
		w.say(id, alice, "seen")
		since := w.stream.Visible()
		w.say(id, alice, "here")
		f.sees()
		var before []string
		for _, s := range f.state {
			before = append(before, s.ID())
		}
		unknown := f.message("unknown", w.last(id))
		beyond := f.message("beyond", unknown.ID())
		v, err := w.rooms.Accept(w.Context(), id, room.Arrival{Event: beyond, Before: before})
		w.ok(err)
		if v.Outcome != room.Accepted {
			t.Fatalf("an event after a gap: %+v", v)
		}
		gap := w.stream.Visible()
		w.accept(id, f.message("then", beyond.ID()), room.Accepted)
		_, err = w.rooms.Redact(w.Context(), room.Redaction{Room: id, Sender: alice, EventID: beyond.ID()})
		w.ok(err)
		for _, w := range []*world{w, open(w.TB, w.db, 0)} {
			r, err := w.rooms.Room(id)
			w.ok(err)
			for _, test := range []struct {
				since   stream.Pos
				limit   int
				events  int
				limited bool
				begin   stream.Pos
			}{
				{0, 20, 3, true, gap - 1}, {since, 20, 3, true, gap - 1}, {gap - 1, 20, 3, true, gap - 1},
				{gap, 20, 2, false, gap}, {since, 2, 2, true, gap},
			} {
				timeline, err := w.rooms.Timeline(w.Context(), r, room.Stretch{User: bob, Since: test.since, To: w.stream.Visible(), Limit: test.limit})
				w.ok(err)
				if len(timeline.Events) != test.events || timeline.Limited != test.limited || timeline.Begin != test.begin {
					w.Errorf("since %d, at most %d: %d events, limited: %v, from %d; want %+v",
						test.since, test.limit, len(timeline.Events), timeline.Limited, timeline.Begin, test)
				}
			}
			until, err := w.rooms.Timeline(w.Context(), r, room.Stretch{User: bob, Since: since, To: gap - 1, Limit: 20})
			w.ok(err)
			if len(until.Events) != 1 || until.Limited {
				w.Errorf("before the gap there are %d events, limited: %v", len(until.Events), until.Limited)
			}
		}
	})
}

// What is cut at a position is what was true there, whatever came since.
func TestCutAtAPosition(t *testing.T) {
	each(t, func(w *world) {
		id := w.create(room.Creation{Preset: room.PublicChat, Name: "then"})
		w.join(id, bob)
		w.say(id, alice, "before")
		to := w.stream.Visible()
		w.say(id, alice, "after")
		w.ok(w.set(id, alice, "m.room.name", `{"name":"now"}`))
		w.ok(w.rooms.Leave(w.Context(), room.Membership{Room: id, Sender: bob}))
		for _, w := range []*world{w, open(w.TB, w.db, 0)} {
			changed, err := w.rooms.Changed(w.Context(), bob, 0, to)
			w.ok(err)
			if len(changed) != 1 || changed[0].Membership != room.Join || changed[0].Pos >= to {
				t.Fatalf("then bob's rooms were %v", changed)
			}
			r := changed[0].Room
			timeline, err := w.rooms.Timeline(w.Context(), r, room.Stretch{User: bob, To: to, Limit: 1})
			w.ok(err)
			if got := texts(timeline.Events); len(got) != 1 || got[0] != "before" || !timeline.Limited {
				t.Errorf("then there was %q, limited %v", got, timeline.Limited)
			}
			state, err := w.rooms.StateAt(w.Context(), r, to)
			w.ok(err)
			for _, s := range state {
				if name, isText := s.Field("name").Text(); isText && name != "then" {
					t.Errorf("then the name was %s", name)
				}
			}
			member, err := w.rooms.MemberAt(w.Context(), r, string(bob), to)
			w.ok(err)
			if membership, _ := member.Field("membership").Text(); membership != room.Join {
				t.Errorf("then bob was %s", membership)
			}
			if delta, err := w.rooms.StateDelta(w.Context(), r, to-1, to); err != nil || len(delta) != 0 {
				t.Errorf("just then %d places changed, %v", len(delta), err)
			}
			delta, err := w.rooms.StateDelta(w.Context(), r, to, w.stream.Visible())
			w.ok(err)
			if len(delta) != 2 {
				t.Errorf("since then %d places have changed, want 2", len(delta))
			}
		}
	})
}

// An event that nobody reads joins branches, and may so change the state: it is news of its
// room, also to who starts later.
func TestWhatNobodyReadsIsNews(t *testing.T) {
	each(t, func(w *world) {
		id := w.create(room.Creation{})
		_, err := w.rooms.Send(w.Context(), room.Sending{Room: id, Sender: alice, Type: "org.matrix.dummy_event", Content: []byte(`{}`)})
		w.ok(err)
		at := w.stream.Visible()
		for _, w := range []*world{w, open(w.TB, w.db, 0)} {
			changed, err := w.rooms.Changed(w.Context(), alice, at-1, at)
			w.ok(err)
			if len(changed) != 1 || changed[0].Room.Last() != at {
				t.Errorf("changed are %v, want the room, at %d", changed, at)
			}
		}
	})
}

func TestMembersAndHeroes(t *testing.T) {
	each(t, func(w *world) {
		id := w.create(room.Creation{Preset: room.PublicChat, Invite: []matrix.UserID{carol}})
		w.join(id, bob)
		for _, w := range []*world{w, open(w.TB, w.db, 0)} {
			r, err := w.rooms.Room(id)
			w.ok(err)
			got, err := w.rooms.MemberCounts(w.Context(), r, bob)
			w.ok(err)
			if want := (room.MemberCounts{Joined: 2, Invited: 1, Heroes: []string{string(alice), string(carol)}}); fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("the members are %v, want %v", got, want)
			}
			state, err := w.rooms.Stripped(w.Context(), r, carol)
			w.ok(err)
			var types []string
			for _, s := range state {
				types = append(types, s.Type())
			}
			if want := []string{"m.room.create", "m.room.join_rules", "m.room.member", "m.room.member"}; !slices.Equal(types, want) {
				t.Errorf("carol sees %q, want %q", types, want)
			}
		}
		w = open(w.TB, w.db, 0)
		w.ok(w.rooms.Leave(w.Context(), room.Membership{Room: id, Sender: alice}))
		w.ok(w.rooms.Leave(w.Context(), room.Membership{Room: id, Sender: carol}))
		r, err := w.rooms.Room(id)
		w.ok(err)
		got, err := w.rooms.MemberCounts(w.Context(), r, bob)
		w.ok(err)
		if want := (room.MemberCounts{Joined: 1, Heroes: []string{string(alice), string(carol)}}); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("the members are %v, want %v", got, want)
		}
	})
}

func TestFilters(t *testing.T) {
	for _, test := range []struct {
		pattern, typ string
		want         bool
	}{{"m.room.*", "m.room.name", true}, {"*", "", true}, {"", "", true}, {"", "a", false}, {"a*b*c", "abbc", true}, {"a*b*c", "acb", false}, {"*b", "ab", true}, {"a*a", "a", false}, {"**a", "ba", true}, {"m", "mm", false}} {
		each := room.Filter{Types: []string{test.pattern}}
		s := &room.Stored{Event: eventOfType(t, test.typ)}
		if got := each.Wants(s); got != test.want {
			t.Errorf("%q wants %q: %v", test.pattern, test.typ, got)
		}
		if not := (room.Filter{NotTypes: []string{test.pattern}}); not.Wants(s) == test.want {
			t.Errorf("not %q wants %q: %v", test.pattern, test.typ, test.want)
		}
	}
}

func eventOfType(t *testing.T, typ string) *event.Event {
	t.Helper()
	e, err := event.V11.Build(event.Proto{RoomID: "!r:hs.test", Type: typ, Sender: string(alice), Content: []byte(`{}`)}, ours)
	if err != nil {
		t.Fatal(err)
	}
	return e
}
