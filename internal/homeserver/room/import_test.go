package room_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/homeserver/event"
	"signet/internal/homeserver/room"
	"signet/internal/matrix"
	"signet/internal/store"
	"signet/internal/store/storetest"
)

// abroad is a room of another server, which is a world of its own.
type abroad struct {
	*far
	id string
}

// abroad makes a room of many users elsewhere, in a database of its own.
func (w *world) abroad(v event.Version, c room.Creation) abroad {
	w.Helper()
	t, ok := w.TB.(*testing.T)
	if !ok {
		w.Fatal("not a test")
	}
	other := open(t, storetest.Open(t, storetest.SQLite(t), []string{"stream", "room"}), 0)
	c.Version, c.Preset = v.String(), room.PublicChat
	id := other.create(c)
	f := other.server(id, "hs.test")
	f.signer = ours
	f.sees()
	return abroad{f, id}
}

// join is an import of the room for a user of another server.
func (a abroad) join(user, server string) room.Import {
	a.Helper()
	a.sees()
	g := a.world.server(a.id, server)
	g.state, g.hashes = a.state, a.hashes
	e := g.event(draft{typ: "m.room.member", key: user, sender: user, content: `{"membership":"join"}`, prev: []string{a.last(a.id)}})
	i := room.Import{RoomID: a.id, Version: a.v, Join: e}
	for _, s := range a.state {
		i.State = append(i.State, s)
	}
	for _, r := range a.events(a.id) {
		auth, err := a.v.Load(r.id, r.json, r.redactedBy != 0)
		a.ok(err)
		i.Auth = append(i.Auth, auth)
	}
	slices.Reverse(i.Auth) // as they need not come in order
	a.accept(a.id, e, room.Accepted)
	return i
}

// away is this server under another name, so that rooms of hs.test are those of another.
func away(t *testing.T, story func(w *world)) {
	t.Helper()
	storetest.Each(t, []string{"stream", "room"}, func(t *testing.T, db *store.DB) { story(openAs(t, db, "away.test")) })
}

const gale matrix.UserID = "@gale:away.test"

// A room of another server is taken in whole, goes on with what is sent here and there, and
// its past is filled in later, in its place.
func TestARoomIsTakenIn(t *testing.T) {
	away(t, func(w *world) {
		for _, v := range []event.Version{event.V1, event.V10, event.V12} {
			a := w.abroad(v, room.Creation{Name: "Abroad"})
			a.say(a.id, alice, "long ago")
			ago := a.last(a.id)
			a.ok(a.set(a.id, alice, "m.room.topic", `{"topic":"later"}`))
			a.say(a.id, alice, "just before")
			i := a.join(string(gale), "away.test")
			if _, err := w.rooms.State(w.Context(), gale, a.id); !errors.Is(err, room.ErrNotInRoom) {
				t.Errorf("before: %v", err)
			}
			w.ok(w.rooms.Import(w.Context(), i))
			w.ok(w.rooms.Import(w.Context(), i)) // twice is once
			if rooms := w.rooms.JoinedRooms(gale); !slices.Contains(rooms, a.id) {
				t.Fatalf("gale is in %q", rooms)
			}
			w = openAs(w.TB, w.db, "away.test")
			w.accept(a.id, a.message2("hello", i.Join.ID()), room.Accepted)
			w.reads(a.id, gale, "hello")
			_, err := w.rooms.Send(w.Context(), message(a.id, gale, "thank you"))
			w.ok(err)
			gaps, err := w.rooms.Gaps(w.Context(), a.id, 5)
			w.ok(err)
			if len(gaps) != 1 {
				t.Fatalf("gaps: %q", gaps)
			}
			w.past(a, ago, gaps[0])
			w.reads(a.id, gale, "long ago", "just before", "hello", "thank you")
			w = openAs(w.TB, w.db, "away.test")
			w.reads(a.id, gale, "long ago", "just before", "hello", "thank you")
			if s, err := w.rooms.StateEvent(w.Context(), gale, a.id, "m.room.topic", ""); err != nil || string(s.Content()) != `{"topic":"later"}` {
				t.Errorf("the topic is %v, %v", s, err)
			}
		}
	})
}

// message2 is a message of Alice's that follows another event.
func (a abroad) message2(text, prev string) *event.Event {
	a.Helper()
	a.sees()
	return a.event(draft{typ: "m.room.message", key: noKey, sender: string(alice), content: fmt.Sprintf(`{"body":%q}`, text), prev: []string{prev}})
}

// past stores the events from one to another as another server has them, the state before
// the first as it was there.
func (w *world) past(a abroad, from, to string) {
	w.Helper()
	var arrivals []room.Arrival
	state := map[event.Key]string{}
	for _, r := range a.events(a.id) {
		e, err := a.v.Load(r.id, r.json, false)
		w.ok(err)
		if len(arrivals) > 0 || r.id == from {
			arrivals = append(arrivals, room.Arrival{Event: e})
		}
		if len(arrivals) == 1 && r.id == from {
			for _, id := range state {
				arrivals[0].Before = append(arrivals[0].Before, id)
			}
		}
		if key, isState := e.StateKey(); isState {
			state[event.Key{Type: e.Type(), StateKey: key}] = r.id
		}
		if r.id == to {
			break
		}
	}
	verdicts, err := w.rooms.History(w.Context(), a.id, arrivals)
	w.ok(err)
	for i, v := range verdicts {
		if v.Outcome != room.Past && v.Outcome != room.Known {
			w.Errorf("event %d of the past comes out as %+v", i, v)
		}
	}
}

// What was before this server came is in what it was told then. Sent again, it is no branch
// beside that: those who have joined stay, whatever the join rules are by now.
func TestOldEventsSentAgain(t *testing.T) {
	away(t, func(w *world) {
		for _, v := range []event.Version{event.V2, event.V12} {
			a := w.abroad(v, room.Creation{Name: "Abroad"})
			a.say(a.id, alice, "long ago")
			a.ok(a.set(a.id, alice, "m.room.topic", `{"topic":"just before"}`))
			w.ok(w.rooms.Import(w.Context(), a.join(string(gale), "away.test")))
			a.ok(a.set(a.id, alice, "m.room.join_rules", `{"join_rule":"invite"}`))
			all := a.events(a.id)
			closed := all[len(all)-1]
			e, err := v.Load(closed.id, closed.json, false)
			w.ok(err)
			w.accept(a.id, e, room.Accepted)
			ends := w.ends(a.id)
			for _, r := range all[:len(all)-3] { // the one before the join is a gap
				e, err := v.Load(r.id, r.json, false)
				w.ok(err)
				w.accept(a.id, e, room.Old)
			}
			if got := w.ends(a.id); !slices.Equal(got, ends) {
				t.Errorf("version %s: the room ends with %q", v, got)
			}
			if got := w.rooms.Standing(gale, a.id).Membership; got != room.Join {
				t.Errorf("version %s: gale is %q", v, got)
			}
		}
	})
}

// State whose authorisation cannot be seen, here because the membership of who set it did not
// come with a good signature, is left out, and the room is taken in without it.
func TestStateThatRestsOnNothing(t *testing.T) {
	away(t, func(w *world) {
		a := w.abroad(event.V11, room.Creation{Preset: room.PublicChat, PowerLevels: []byte(`{"state_default":0}`)})
		a.ok(a.rooms.Join(a.Context(), about(a.id, bob, "")))
		a.ok(a.set(a.id, bob, "m.room.topic", `{"topic":"bob's"}`))
		a.ok(a.set(a.id, alice, "m.room.name", `{"name":"alice's"}`))
		i := a.join(string(gale), "away.test")
		isBob := func(e *event.Event) bool { return e.Is("m.room.member", string(bob)) }
		i.State, i.Auth = slices.DeleteFunc(i.State, isBob), slices.DeleteFunc(i.Auth, isBob)
		w.ok(w.rooms.Import(w.Context(), i))
		for typ, want := range map[string]error{"m.room.topic": room.ErrUnknownEvent, "m.room.name": nil} {
			if _, err := w.rooms.StateEvent(w.Context(), gale, a.id, typ, ""); !errors.Is(err, want) {
				t.Errorf("%s: %v, want %v", typ, err, want)
			}
		}
	})
}

// A join that the room's state does not allow, or of which something is missing, is no room.
func TestARoomThatIsNotTakenIn(t *testing.T) {
	away(t, func(w *world) {
		a := w.abroad(event.V11, room.Creation{})
		i := a.join(string(gale), "away.test")
		lacking := i
		lacking.Auth, lacking.State = nil, i.State[:1]
		if err := w.rooms.Import(w.Context(), lacking); err == nil {
			t.Error("a room without its beginning was taken in")
		}
		closed := a.event(draft{typ: "m.room.join_rules", sender: string(alice), content: `{"join_rule":"invite"}`, prev: []string{a.last(a.id)}})
		refused := i
		refused.State = append(slices.DeleteFunc(slices.Clone(i.State), func(e *event.Event) bool { return e.Is("m.room.join_rules", "") }), closed)
		err := w.rooms.Import(w.Context(), refused)
		wantError(t, "a join into a closed room", err, room.ErrImport)
		if rooms := w.rooms.JoinedRooms(gale); len(rooms) != 0 {
			t.Errorf("gale is in %q", rooms)
		}
		w.ok(w.rooms.Import(w.Context(), i))
	})
}

// Who is invited into a room that nobody here is in sees what came along, and whoever takes
// the invitation back, or it up, ends that.
func TestInvitedFromOutside(t *testing.T) {
	away(t, func(w *world) {
		a := w.abroad(event.V11, room.Creation{})
		a.sees()
		invite := a.event(draft{typ: "m.room.member", key: string(gale), sender: string(alice), content: `{"membership":"invite"}`, prev: []string{a.last(a.id)}})
		o := room.Outside{RoomID: a.id, Version: event.V11, Event: invite,
			State: []jsontext.Value{jsontext.Value(`{"type":"m.room.name","state_key":"","sender":"@alice:hs.test","content":{"name":"Abroad"}}`), jsontext.Value(`{}`)}}
		wrong := o // somebody pretends that the room is of another version
		forged, err := event.V9.Load("$forged", invite.JSON(), false)
		w.ok(err)
		wrong.Version, wrong.Event = event.V9, forged
		w.ok(w.rooms.PutOutside(w.Context(), wrong))
		w.ok(w.rooms.PutOutside(w.Context(), o))
		w.ok(w.rooms.PutOutside(w.Context(), o))
		w = openAs(w.TB, w.db, "away.test")
		stays, err := w.rooms.Changed(w.Context(), gale, 0, w.stream.Visible())
		w.ok(err)
		if len(stays) != 1 || stays[0].Membership != room.Invite {
			t.Fatalf("gale's rooms: %+v", stays)
		}
		shown, err := w.rooms.Stripped(w.Context(), stays[0].Room, gale)
		w.ok(err)
		var types []string
		for _, s := range shown {
			types = append(types, s.Type())
		}
		if !slices.Equal(types, []string{"m.room.name", "m.room.member"}) {
			t.Errorf("shown: %q", types)
		}
		leave := a.event(draft{typ: "m.room.member", key: string(gale), sender: string(gale), content: `{"membership":"leave"}`, prev: []string{invite.ID()}})
		w.ok(w.rooms.PutOutside(w.Context(), room.Outside{RoomID: a.id, Version: event.V11, Event: leave}))
		w.tellsOf(gale, a.id, leave.ID())
		w.ok(w.rooms.Import(w.Context(), a.join(string(gale), "away.test")))
		if s := w.rooms.Standing(gale, a.id); s.Membership != room.Join {
			t.Errorf("gale is %q", s.Membership)
		}
		wantError(t, "an invitation of who is there", w.rooms.PutOutside(w.Context(), o), room.ErrResident)
	})
}

// Where a room that is said to be of another version cannot be discarded, all of it stays: the
// invitation is there, and can be refused.
func TestARoomIsDiscardedOrStays(t *testing.T) {
	away(t, func(w *world) {
		a := w.abroad(event.V11, room.Creation{})
		a.sees()
		invite := a.event(draft{typ: "m.room.member", key: string(gale), sender: string(alice), content: `{"membership":"invite"}`, prev: []string{a.last(a.id)}})
		w.ok(w.rooms.PutOutside(w.Context(), room.Outside{RoomID: a.id, Version: event.V11, Event: invite}))
		for _, statement := range []string{`CREATE TABLE holds (room BIGINT NOT NULL REFERENCES room_rooms (nid))`, `INSERT INTO holds SELECT nid FROM room_rooms`} {
			_, err := w.db.Exec(w.Context(), statement)
			w.ok(err)
		}
		other, err := event.V9.Load("$other", invite.JSON(), false)
		w.ok(err)
		if err := w.rooms.PutOutside(w.Context(), room.Outside{RoomID: a.id, Version: event.V9, Event: other}); err == nil {
			t.Error("it is of another version now")
		}
		w = openAs(w.TB, w.db, "away.test")
		own, err := w.rooms.Membership(w.Context(), gale, a.id)
		w.ok(err)
		if own.ID() != invite.ID() {
			t.Errorf("gale is invited by %s", own.ID())
		}
	})
}

// tellsOf is what /sync reads of a room that a user has left without having been in it.
func (w *world) tellsOf(user matrix.UserID, id, want string) {
	w.Helper()
	s := w.rooms.Standing(user, id)
	own, err := w.rooms.MemberAt(w.Context(), s.Room, string(user), s.Pos)
	w.ok(err)
	_, err = w.rooms.Veil(w.Context(), s.Room, user, []*room.Stored{own})
	w.ok(err)
	sojourn, err := w.rooms.Sojourn(w.Context(), user, s.Room, s.Pos)
	w.ok(err)
	if own.ID() != want || sojourn.Joined != 0 || s.Membership != room.Leave {
		w.Errorf("%s is told of %s, was there from %d on, and is %q", user, own.ID(), sojourn.Joined, s.Membership)
	}
}
