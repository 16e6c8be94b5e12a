package room_test

import (
	"fmt"
	"strings"
	"testing"

	"signet/internal/homeserver/event"
	"signet/internal/homeserver/room"
)

func TestAliases(t *testing.T) {
	each(t, func(w *world) {
		ctx, rooms := w.Context(), w.rooms
		id, other := w.create(room.Creation{Preset: room.PublicChat, AliasName: "first"}), w.create(room.Creation{})
		w.join(id, bob)
		w.ok(rooms.PutAlias(ctx, bob, "#second:hs.test", id))
		w.unchanged("a taken one", func() error { return rooms.PutAlias(ctx, bob, "#second:hs.test", other) }, room.ErrAliasTaken)
		for _, name := range []string{"", "#", "#:hs.test", "second:hs.test", "#a b:hs.test", "#a:other.test", "#a", "#a:", "#" + strings.Repeat("x", 250) + ":hs.test"} {
			w.unchanged(name, func() error { return rooms.PutAlias(ctx, bob, name, id) }, room.ErrAliasFormat)
		}
		if got, err := rooms.RoomOfAlias(ctx, "#second:hs.test"); got != id || err != nil {
			t.Errorf("the alias leads to %s, %v", got, err)
		}
		w.ok(w.set(id, alice, "m.room.canonical_alias", `{"alias":"#second:hs.test","alt_aliases":["#first:hs.test"]}`))
		w.unchanged("one of another room", func() error {
			return w.set(other, alice, "m.room.canonical_alias", `{"alias":"#second:hs.test"}`)
		}, room.ErrBadAlias)
		w.unchanged("one of nothing", func() error {
			return w.set(id, alice, "m.room.canonical_alias", `{"alt_aliases":["#third:hs.test"]}`)
		}, room.ErrBadAlias)
		names, err := rooms.Aliases(ctx, bob, id)
		if w.ok(err); strings.Join(names, " ") != "#first:hs.test #second:hs.test" {
			t.Errorf("the aliases are %q", names)
		}
		_, err = rooms.Aliases(ctx, carol, id)
		wantError(t, "the aliases, for a stranger", err, room.ErrNotInRoom)
		w.unchanged("deleting another's", func() error { return rooms.DeleteAlias(ctx, bob, "#first:hs.test") }, room.ErrMayNot)
		w.unchanged("deleting none", func() error { return rooms.DeleteAlias(ctx, bob, "#no:hs.test") }, room.ErrUnknownAlias)
		w.ok(rooms.DeleteAlias(ctx, alice, "#second:hs.test"))
		s, err := rooms.StateEvent(ctx, alice, id, "m.room.canonical_alias", "")
		if w.ok(err); string(s.Content()) != `{"alt_aliases":["#first:hs.test"]}` {
			t.Errorf("the canonical alias is %s", s.Content())
		}
		w.ok(rooms.PutAlias(ctx, bob, "#second:hs.test", id))
		w.ok(rooms.DeleteAlias(ctx, bob, "#second:hs.test")) // his own
		_, err = rooms.RoomOfAlias(ctx, "#second:hs.test")
		wantError(t, "the deleted one", err, room.ErrUnknownAlias)
	})
}

func TestPublishedRooms(t *testing.T) {
	each(t, func(w *world) {
		ctx := w.Context()
		hidden := w.create(room.Creation{Preset: room.PublicChat, Name: "Attic"})
		listed := w.create(room.Creation{Preset: room.PublicChat, Listed: true, Name: "Cellar", Topic: "Boxes", CreationContent: []byte(`{"type":"m.space"}`)})
		w.join(listed, bob, carol)
		w.unchanged("listing as nobody", func() error { return w.rooms.SetListed(ctx, bob, hidden, true) }, room.ErrMayNot)
		for range 2 { // the second time from tables
			if is, err := w.rooms.Listed(listed); !is || err != nil {
				t.Errorf("the cellar is listed: %v, %v", is, err)
			}
			published := w.rooms.Published()
			if len(published) != 1 || published[0].ID() != listed {
				t.Fatalf("%v are published", published)
			}
			s, err := w.rooms.Summary(ctx, published[0])
			w.ok(err)
			if want := (room.Summary{RoomID: listed, Name: "Cellar", Topic: "Boxes", Type: "m.space", JoinRule: "public", Joined: 3}); *s != want {
				t.Errorf("the cellar is %+v, want %+v", *s, want)
			}
			w = open(t, w.db, 0)
		}
		w.ok(w.rooms.SetListed(ctx, alice, listed, false))
		if is, err := w.rooms.Listed(listed); is || err != nil || len(w.rooms.Published()) > 0 {
			t.Errorf("the cellar is listed: %v, %v", is, err)
		}
	})
}

func TestForgetting(t *testing.T) {
	each(t, func(w *world) {
		id := w.create(room.Creation{Preset: room.PublicChat})
		w.join(id, bob)
		w.say(id, alice, "hi")
		w.unchanged("a room one is in", func() error { return w.rooms.Forget(w.Context(), bob, id) }, room.ErrStillThere)
		w.unchanged("a room one never was in", func() error { return w.rooms.Forget(w.Context(), carol, id) }, room.ErrUnknownRoom)
		w.ok(w.rooms.Leave(w.Context(), room.Membership{Room: id, Sender: bob}))
		w.ok(w.rooms.Forget(w.Context(), bob, id))
		for _, rooms := range []*world{w, open(t, w.db, 0)} {
			_, err := rooms.rooms.Messages(w.Context(), bob, room.Query{Room: id, Back: true})
			wantError(t, "messages", err, room.ErrNotInRoom)
			_, err = rooms.rooms.State(w.Context(), bob, id)
			wantError(t, "state", err, room.ErrNotInRoom)
			w = rooms
		}
		w.join(id, bob)
		if said := w.read(id, bob, 10); len(said) != 1 {
			t.Errorf("back again bob reads %q", said)
		}
	})
}

func TestReports(t *testing.T) {
	each(t, func(w *world) {
		id := w.create(room.Creation{Preset: room.PublicChat})
		said := w.say(id, alice, "hi")
		w.ok(w.rooms.Report(w.Context(), room.Report{Reporter: bob, Room: id, Reason: "rude"}))
		wantError(t, "an event one cannot see", w.rooms.Report(w.Context(), room.Report{Reporter: bob, Room: id, Event: said}), room.ErrUnknownEvent)
		w.join(id, bob)
		w.ok(w.rooms.Report(w.Context(), room.Report{Reporter: bob, Room: id, Event: said, Reason: strings.Repeat("x", 10_000)}))
		w.ok(w.rooms.Report(w.Context(), room.Report{Reporter: bob, Room: id, Event: said, Reason: "x" + strings.Repeat("é", 10_000)}))
		wantError(t, "no event", w.rooms.Report(w.Context(), room.Report{Reporter: bob, Room: id, Event: "$no"}), room.ErrUnknownEvent)
		if n := w.count("room_reports"); n != 3 {
			t.Errorf("%d reports are kept, want 3", n)
		}
	})
}

// A room goes on in every other version, with what it was and who could do what.
func TestUpgrades(t *testing.T) {
	each(t, func(w *world) {
		ctx := w.Context()
		for _, versions := range [][2]string{{"1", "6"}, {"9", "11"}, {"11", "12"}, {"12", "11"}, {"12", "12"}} {
			id := w.create(room.Creation{Version: versions[0], Preset: room.PublicChat, Listed: true, AliasName: "a" + versions[0] + versions[1], Name: "Attic", Topic: "Boxes",
				CreationContent: []byte(`{"type":"m.space"}`), PowerLevels: []byte(`{"users":` + map[bool]string{true: `{}`, false: `{"@alice:hs.test":100,"@bob:hs.test":60}`}[versions[0] == "12"] + `,"ban":70}`)})
			w.join(id, bob, carol)
			_, err := w.rooms.Upgrade(ctx, room.Upgrade{Room: id, User: carol, Version: versions[1]})
			wantError(t, "as nobody", err, room.ErrMayNot)
			_, err = w.rooms.Upgrade(ctx, room.Upgrade{Room: id, User: alice, Version: "13"})
			wantError(t, "to nothing", err, event.ErrVersion)
			next, err := w.rooms.Upgrade(ctx, room.Upgrade{Room: id, User: alice, Version: versions[1], Creators: []string{"@dave:hs.test"}})
			w.ok(err)
			said := map[string]string{}
			for _, e := range w.events(next) {
				said[e.typ] = fmt.Sprint(e.content())
			}
			for typ, want := range map[string]string{"m.room.name": "map[name:Attic]", "m.room.create": "room_id:" + id, "m.room.power_levels": "ban:70", "m.room.join_rules": "map[join_rule:public]"} {
				if !strings.Contains(said[typ], want) {
					t.Errorf("%v: %s says %s, want %s", versions, typ, said[typ], want)
				}
			}
			if !strings.Contains(said["m.room.create"], "type:m.space") || strings.Contains(said["m.room.create"], "dave") != (versions[1] == "12") {
				t.Errorf("%v: the new room begins with %s", versions, said["m.room.create"])
			}
			tomb, err := w.rooms.StateEvent(ctx, bob, id, "m.room.tombstone", "")
			w.ok(err)
			if to, _ := tomb.Field("replacement_room").Text(); to != next {
				t.Errorf("%v: the old room goes on in %s", versions, to)
			}
			if to, err := w.rooms.RoomOfAlias(ctx, "#a"+versions[0]+versions[1]+":hs.test"); to != next || err != nil {
				t.Errorf("%v: the alias leads to %s, %v", versions, to, err)
			}
			_, err = w.rooms.Send(ctx, message(id, carol, "still here?"))
			if err == nil {
				t.Errorf("%v: one speaks on in the old room", versions)
			}
			w.join(next, bob)
			if versions[0] != "12" {
				w.ok(w.set(next, bob, "m.room.topic", `{"topic":"mine"}`))
			}
		}
	})
}
