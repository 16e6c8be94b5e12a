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

func TestTheDirectory(t *testing.T) {
	each(t, func(w *world) {
		ctx, rooms := w.Context(), w.rooms
		var ids []string
		for i := range 5 {
			ids = append(ids, w.create(room.Creation{Preset: room.PublicChat, Listed: i > 0, Name: fmt.Sprintf("Room %d", i), Topic: "Boxes"}))
		}
		w.create(room.Creation{Preset: room.PublicChat, Listed: true, Name: "A space", CreationContent: []byte(`{"type":"m.space"}`)})
		w.join(ids[3], bob, carol)
		w.join(ids[2], bob)
		w.unchanged("listing as nobody", func() error { return rooms.SetListed(ctx, bob, ids[0], true) }, room.ErrMayNot)
		space := "m.space"
		tests := []struct {
			name string
			look room.Listing
			want string // names, in order where it is settled
			n    int
		}{
			{"all", room.Listing{}, "Room 3,Room 2", 5},
			{"one", room.Listing{Limit: 1}, "Room 3", 1},
			{"the next", room.Listing{Limit: 1, Since: "p1"}, "Room 2", 1},
			{"beyond", room.Listing{Since: "p9"}, "", 0},
			{"a name", room.Listing{Term: "rOOm 4"}, "Room 4", 1},
			{"a topic", room.Listing{Term: "boxes"}, "Room 3,Room 2", 4},
			{"nothing", room.Listing{Term: "xyz"}, "", 0},
			{"spaces", room.Listing{Types: []*string{&space}}, "A space", 1},
			{"no spaces", room.Listing{Types: []*string{nil}}, "Room 3,Room 2", 4},
		}
		for range 2 { // the second time from tables
			for _, test := range tests {
				d, err := w.rooms.List(ctx, test.look)
				w.ok(err)
				var names []string
				for _, s := range d.Rooms {
					names = append(names, s.Name)
				}
				if got := strings.Join(names, ","); len(names) != test.n || !strings.HasPrefix(got, test.want) {
					t.Errorf("%s: %q, want %d beginning with %q", test.name, got, test.n, test.want)
				}
			}
			w = open(t, w.db, 0)
		}
		d, err := w.rooms.List(ctx, room.Listing{Limit: 2})
		w.ok(err)
		next, err := w.rooms.List(ctx, room.Listing{Limit: 2, Since: d.Next})
		w.ok(err)
		if d.Prev != "" || next.Prev != "p0" || next.Next == "" || d.Total != 5 {
			t.Errorf("pages are %+v and %+v", d, next)
		}
		if s := d.Rooms[0]; s.Joined != 3 || s.JoinRule != "public" || s.GuestsMayJoin || s.WorldReadable {
			t.Errorf("room 3 is %+v", s)
		}
		w.ok(w.rooms.SetListed(ctx, alice, ids[3], false))
		if listed, err := w.rooms.Listed(ids[3]); listed || err != nil {
			t.Errorf("room 3 is listed: %v, %v", listed, err)
		}
		for _, token := range []string{"x", "p", "p-1", "1", "p99999999999"} {
			_, err := w.rooms.List(ctx, room.Listing{Since: token})
			wantError(t, "since "+token, err, room.ErrListingToken)
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
