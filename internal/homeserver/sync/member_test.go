package sync_test

import (
	"fmt"
	"strings"
	"testing"

	"signet/internal/homeserver/room"
	"signet/internal/matrix"
)

// A room that somebody joins is new to them, also where they came, left and came back in
// between; what was said while they were away does not show where it must not.
func TestJoining(t *testing.T) {
	each(t, func(w *world) {
		id := w.create(room.Creation{Preset: room.PublicChat, Name: "Attic",
			InitialState: []room.StateEvent{{Type: "m.room.history_visibility", Content: []byte(`{"history_visibility":"joined"}`)}}})
		p := w.phone(bob)
		p.sync()
		w.say(id, alice, "before")
		w.wantNothing("before bob joins", p.sync())
		w.join(id, bob)
		w.say(id, alice, "one")
		a := p.look()
		r := a.Rooms.Join[id]
		w.want("bob reads", r.Timeline.said(), []string{"one"})
		w.want("limited", r.Timeline.Limited, true)
		was := "leave"
		for _, s := range r.Timeline.Events {
			if s.Type == "m.room.member" && *s.Key == string(bob) {
				was = "join"
			}
			w.want("bob, at "+s.String()+", was", s.Unsigned["membership"], was)
		}
		p.sync()
		w.leave(id, bob)
		w.say(id, alice, "secret")
		w.set(id, alice, "m.room.topic", "", `{"n":1}`)
		w.join(id, bob)
		w.say(id, alice, "two")
		r = p.sync().Rooms.Join[id]
		w.want("bob, back again, reads", r.Timeline.said(), []string{"one", "two"})
		w.want("limited", r.Timeline.Limited, true)
		found := false
		for _, s := range r.State.Events {
			found = found || s.Type == "m.room.topic"
		}
		w.want("the topic is there", found, true)
	})
}

func TestLeaving(t *testing.T) {
	each(t, func(w *world) {
		id := w.create(room.Creation{Preset: room.PublicChat, Name: "Attic"})
		w.join(id, bob)
		p, archive := w.phone(bob), w.phone(bob).with(`{"room":{"include_leave":true}}`)
		p.sync()
		archive.Since = p.next
		w.say(id, alice, "before")
		w.leave(id, bob)
		w.say(id, alice, "after")
		w.set(id, alice, "m.room.topic", "", `{"n":1}`)
		for what, p := range map[string]*phone{"incremental": p, "with those left": archive} {
			a := p.sync()
			w.want(what, a.Rooms.Leave[id].Timeline.short(), []string{"m.room.message=before", "m.room.member|@bob:hs.test=leave"})
			w.want(what+": the state", a.Rooms.Leave[id].State.short(), []string{})
			w.want(what+": joined", len(a.Rooms.Join), 0)
			w.wantNothing(what+", then", p.sync())
		}
		w.want("at the beginning, left", len(w.phone(bob).sync().Rooms.Leave), 0)
		whole := w.phone(bob).with(`{"room":{"include_leave":true,"timeline":{"limit":1}}}`).sync().Rooms.Leave[id]
		w.want("archived", whole.Timeline.short(), []string{"m.room.member|@bob:hs.test=leave"})
		for _, s := range whole.State.Events {
			if s.Type == "m.room.topic" {
				t.Error("the archive has a topic of later")
			}
		}
		w.want("archived members", whole.State.members(), []string{"@alice:hs.test", "@bob:hs.test"})
	})
}

// Who joins and leaves between two answers gets all of it, and who was in the room only
// after it nothing.
func TestJoiningAndLeavingAtOnce(t *testing.T) {
	each(t, func(w *world) {
		id := w.create(room.Creation{Preset: room.PublicChat, Name: "Attic"})
		p := w.phone(bob)
		p.sync()
		w.join(id, bob)
		w.say(id, alice, "hello")
		w.leave(id, bob)
		w.say(id, alice, "gone")
		r := p.sync().Rooms.Leave[id]
		w.want("the timeline ends", r.Timeline.short()[len(r.Timeline.Events)-3:], []string{"m.room.member|@bob:hs.test=join", "m.room.message=hello", "m.room.member|@bob:hs.test=leave"})
		w.ok(w.rooms.Ban(t.Context(), room.Membership{Room: id, Sender: alice, Target: bob}))
		r = p.sync().Rooms.Leave[id]
		w.want("banned", r.Timeline.short(), []string{"m.room.member|@bob:hs.test=ban"})
		w.want("of the state since", r.State.short(), []string{})
	})
}

func TestABan(t *testing.T) {
	each(t, func(w *world) {
		id := w.create(room.Creation{Preset: room.PublicChat, Name: "Attic"})
		w.join(id, bob)
		p := w.phone(bob)
		p.StateAfter = true
		p.sync()
		w.ok(w.rooms.Kick(t.Context(), room.Membership{Room: id, Sender: alice, Target: bob}))
		w.set(id, alice, "m.room.topic", "", `{"n":1}`)
		w.say(id, alice, "secret")
		w.ok(w.rooms.Ban(t.Context(), room.Membership{Room: id, Sender: alice, Target: bob, Reason: "why"}))
		r := p.sync().Rooms.Leave[id]
		w.want("bob sees", r.Timeline.short(), []string{"m.room.member|@bob:hs.test=leave", "m.room.member|@bob:hs.test=ban"})
		w.want("and after it", r.StateAfter.short(), []string{"m.room.member|@bob:hs.test=leave", "m.room.member|@bob:hs.test=ban"})
	})
}

func TestInvites(t *testing.T) {
	each(t, func(w *world) {
		p := w.phone(bob)
		p.sync()
		id := w.create(room.Creation{Preset: room.PrivateChat, Name: "Attic", Invite: []matrix.UserID{bob}})
		a := p.sync()
		state := a.Rooms.Invite[id].State.short()
		w.want("bob is invited", state[len(state)-1], "m.room.member|@bob:hs.test=invite")
		w.want("to a room that has a name", state[1], "m.room.name|=Attic")
		w.say(id, alice, "secret")
		w.wantNothing("then", p.sync())
		w.want("from the beginning", len(w.phone(bob).sync().Rooms.Invite), 1)
		w.leave(id, bob)
		r := p.sync().Rooms.Leave[id]
		w.want("rejected", r.Timeline.short(), []string{"m.room.member|@bob:hs.test=leave"})
		w.want("the state of a room that bob never saw", r.State.short(), []string{})
		w.want("the beginning of the archive", w.phone(bob).with(`{"room":{"include_leave":true}}`).sync().Rooms.Leave[id].Timeline.short(),
			[]string{"m.room.member|@bob:hs.test=leave"})
	})
}

// Whoever forgets a room at once has other devices, which learn that it was left.
func TestForgetting(t *testing.T) {
	each(t, func(w *world) {
		id := w.create(room.Creation{Preset: room.PublicChat, Name: "Attic"})
		w.join(id, bob)
		p := w.phone(bob).with(`{"room":{"include_leave":true}}`)
		p.sync()
		w.say(id, alice, "before")
		w.leave(id, bob)
		w.ok(w.rooms.Forget(t.Context(), bob, id))
		r := p.sync().Rooms.Leave[id]
		w.want("bob sees", r.Timeline.short(), []string{"m.room.member|@bob:hs.test=leave"})
		w.want("and of the state", r.State.short(), []string{})
		w.wantNothing("then", p.sync())
		w.want("from the beginning", len(w.phone(bob).with(p.Filter).sync().Rooms.Leave), 0)
	})
}

func TestKnocking(t *testing.T) {
	each(t, func(w *world) {
		id := w.create(room.Creation{Preset: room.PrivateChat, Name: "Attic",
			InitialState: []room.StateEvent{{Type: "m.room.join_rules", Content: []byte(`{"join_rule":"knock"}`)}}})
		p := w.phone(bob)
		p.sync()
		w.ok(w.rooms.Knock(t.Context(), room.Membership{Room: id, Sender: bob}))
		state := p.sync().Rooms.Knock[id].State.short()
		w.want("bob knocks", state[len(state)-1], "m.room.member|@bob:hs.test=knock")
		w.wantNothing("then", p.sync())
	})
}

// Nobody is told of invites by those whom they ignore, or what those say; state they are
// told.
func TestIgnoring(t *testing.T) {
	each(t, func(w *world) {
		id := w.create(room.Creation{Preset: room.PublicChat, Name: "Attic"})
		w.join(id, bob)
		p := w.phone(bob)
		p.sync()
		ignore := func(list string) {
			w.ok(w.data.SetAccountData(t.Context(), userDataOf(bob), "m.ignored_user_list", []byte(list)))
		}
		ignore(`{"ignored_users":{"@alice:hs.test":{}}}`)
		w.want("bob's list", p.sync().AccountData.short(), []string{"m.ignored_user_list"})
		w.say(id, alice, "rude")
		w.wantNothing("a message", p.sync())
		w.create(room.Creation{Preset: room.PrivateChat, Invite: []matrix.UserID{bob}})
		w.wantNothing("an invite", p.sync())
		w.want("invites from the beginning", len(w.phone(bob).sync().Rooms.Invite), 0)
		w.set(id, alice, "m.room.name", "", `{"name":"Loft"}`)
		w.want("state", p.sync().Rooms.Join[id].Timeline.short(), []string{"m.room.name|=Loft"})
		many := make([]string, 1500) // more than are remembered
		for i := range many {
			many[i] = fmt.Sprintf(`"@%d:hs.test":{}`, i)
		}
		ignore(`{"ignored_users":{"@alice:hs.test":{},` + strings.Join(many, ",") + `}}`)
		p.sync()
		for range 2 {
			w.say(id, alice, "rude")
			w.wantNothing("a message by one of many", p.sync())
		}
		for _, nonsense := range []string{`{}`, `{"ignored_users":[]}`, `{"ignored_users":null}`} {
			ignore(nonsense)
			w.say(id, alice, "heard")
			w.want(nonsense, p.sync().Rooms.Join[id].Timeline.said(), []string{"heard"})
		}
	})
}
