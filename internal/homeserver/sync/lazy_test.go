package sync_test

import (
	"fmt"
	"testing"

	"signet/internal/homeserver/room"
	"signet/internal/matrix"
)

const lazily = `{"room":{"state":{"lazy_load_members":true},"timeline":{"limit":3}}}`

// crowd is a room of Alice's with so many others in it.
func (w *world) crowd(n int) (id string, users []matrix.UserID) {
	id = w.create(room.Creation{Preset: room.PublicChat, Name: "Hall"})
	for i := range n {
		users = append(users, matrix.UserID(fmt.Sprintf("@u%02d:hs.test", i)))
	}
	w.join(id, users...)
	return id, users
}

func TestLazyLoading(t *testing.T) {
	for _, after := range []bool{false, true} {
		t.Run(fmt.Sprint("after ", after), func(t *testing.T) {
			each(t, func(w *world) { lazyLoading(w, after) })
		})
	}
}

func lazyLoading(w *world, after bool) {
	id, users := w.crowd(5)
	w.say(id, users[0], "one")
	w.say(id, alice, "two")
	w.say(id, users[1], "three")
	p := w.phone(users[4]).with(lazily)
	p.StateAfter = after
	members := func(what string, a answer, want ...matrix.UserID) {
		w.Helper()
		r := a.Rooms.Join[id]
		state := r.State
		if after {
			state = r.StateAfter
		}
		w.want(what, state.members(), want)
	}
	members("at the beginning", p.sync(), alice, users[0], users[1], users[4])
	w.say(id, users[1], "four")
	w.say(id, users[2], "five")
	members("whom the client does not know", p.sync(), users[2])
	w.say(id, users[1], "six")
	w.say(id, users[3], "seven")
	members("an answer that does not arrive", p.look(), users[3])
	members("again", p.sync(), users[3])
	w.say(id, users[3], "eight")
	members("then", p.sync())
	p.Filter = `{"room":{"state":{"lazy_load_members":true,"include_redundant_members":true}}}`
	w.say(id, users[3], "nine")
	members("redundant ones", p.sync(), users[3])
	other := w.phone(users[4]).with(lazily)
	other.Device, other.StateAfter = "TABLET", after
	other.Since = p.Since
	w.say(id, users[3], "ten")
	members("another device", other.sync(), users[3])
}

// Memberships that change in a gap are told, whether the client knows them or not.
func TestLazyLoadingOverAGap(t *testing.T) {
	each(t, func(w *world) {
		id, users := w.crowd(4)
		p := w.phone(alice).with(lazily)
		p.sync()
		w.leave(id, users[0])
		w.leave(id, users[1])
		for _, text := range []string{"one", "two", "three", "four"} {
			w.say(id, users[2], text)
		}
		r := p.sync().Rooms.Join[id]
		w.want("limited", r.Timeline.Limited, true)
		w.want("who left", r.State.members(), users[:2])
		w.want("how many are left", *r.Summary.Joined, 3)
	})
}

// Those who give a room its name come along.
func TestHeroesComeAlong(t *testing.T) {
	each(t, func(w *world) {
		id := w.create(room.Creation{Preset: room.PrivateChat, Invite: []matrix.UserID{bob}})
		for range 4 {
			w.say(id, alice, "hello?")
		}
		r := w.phone(alice).with(lazily).sync().Rooms.Join[id]
		w.want("heroes", r.Summary.Heroes, []matrix.UserID{bob})
		w.want("members", r.State.members(), []matrix.UserID{alice, bob})
		w.set(id, alice, "m.room.name", "", `{"name":"Attic"}`)
		for range 4 {
			w.say(id, alice, "hello?")
		}
		r = w.phone(alice).with(lazily).sync().Rooms.Join[id]
		w.want("heroes of a room with a name", r.Summary.Heroes == nil, true)
		w.want("its members", r.State.members(), []matrix.UserID{alice})
	})
}
