package room_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"signet/internal/homeserver/event"
	"signet/internal/homeserver/room"
	"signet/internal/matrix"
)

// audience writes down what it is told, once each.
type audience struct{ told map[string]bool }

func (a *audience) Moved(user matrix.UserID)  { a.told[string(user)] = true }
func (a *audience) Opened(room matrix.RoomID) { a.told["opened "+string(room)] = true }

// hear is what was told since the last time, in order.
func (a *audience) hear() string {
	told := slices.Sorted(maps.Keys(a.told))
	clear(a.told)
	return strings.Join(told, " ")
}

// members are those in all rooms whom the database names, as "user name", in order.
func (w *world) members(users ...matrix.UserID) string {
	w.Helper()
	var all []string
	w.ok(w.rooms.EachMember(w.Context(), users, func(m room.Member) { all = append(all, string(m.User)+" "+m.DisplayName) }))
	slices.Sort(all)
	return strings.Join(all, ", ")
}

// public are the rooms that anybody may join, in order.
func (w *world) publicRooms(rooms ...matrix.RoomID) string {
	w.Helper()
	var all []string
	w.ok(w.rooms.EachJoinRule(w.Context(), rooms, func(id matrix.RoomID, public bool) {
		if public {
			all = append(all, string(id))
		}
	}))
	slices.Sort(all)
	return strings.Join(all, " ")
}

// The crowd is told of everything that changes what it can read, and finds it changed then.
func TestTheCrowd(t *testing.T) {
	each(t, func(w *world) {
		crowd := &audience{told: map[string]bool{}}
		w.rooms.Crowd = crowd
		check := func(what, told, members string) {
			t.Helper()
			if got := crowd.hear(); got != told {
				t.Errorf("%s: %q is told, want %q", what, got, told)
			}
			if got := w.members(); got != members {
				t.Errorf("%s: in rooms are %q, want %q", what, got, members)
			}
		}
		id := w.create(room.Creation{Preset: room.PrivateChat, Invite: []matrix.UserID{bob}})
		check("a new room", "@alice:hs.test @bob:hs.test opened "+id, "@alice:hs.test alice")
		w.join(id, bob)
		check("a join", "@bob:hs.test", "@alice:hs.test alice, @bob:hs.test bob")
		w.say(id, bob, "hello")
		check("a message", "", "@alice:hs.test alice, @bob:hs.test bob")
		if got := w.members(bob, carol); got != "@bob:hs.test bob" {
			t.Errorf("of Bob and Carol there are %q", got)
		}

		w.names.prefix = "new "
		w.ok(w.rooms.ProfileChanged(w.Context(), bob))
		check("a name", "@bob:hs.test", "@alice:hs.test alice, @bob:hs.test new bob")
		_, err := w.rooms.Redact(w.Context(), room.Redaction{Room: id, Sender: alice, EventID: w.last(id)})
		w.ok(err)
		check("a redacted name", "@bob:hs.test", "@alice:hs.test alice, @bob:hs.test ")

		if got := w.publicRooms(); got != "" {
			t.Errorf("anybody may join %q", got)
		}
		w.ok(w.set(id, alice, "m.room.join_rules", `{"join_rule":"public"}`))
		check("an open room", "opened "+id, "@alice:hs.test alice, @bob:hs.test ")
		other := w.create(room.Creation{Preset: room.PublicChat, Creator: carol})
		if all, one, none := w.publicRooms(), w.publicRooms(matrix.RoomID(other)), w.publicRooms("!no:hs.test"); one != other || none != "" || len(all) != len(id)+len(other)+1 {
			t.Errorf("anybody may join %q, of one %q, of none %q", all, one, none)
		}
		crowd.hear()
		w.ok(w.rooms.Leave(w.Context(), room.Membership{Room: id, Sender: bob}))
		check("who left", "@bob:hs.test", "@alice:hs.test alice, @carol:hs.test new carol")
	})
}

// With a room of another server all come who are in it.
func TestTheCrowdOfAnotherServersRoom(t *testing.T) {
	eachUnchecked(t, func(w *world) {
		crowd := &audience{told: map[string]bool{}}
		w.rooms.Crowd = crowd
		a := w.abroad(event.V11, room.Creation{})
		w.ok(w.rooms.Import(w.Context(), a.join("@gale:away.test", "away.test")))
		got := w.members()
		for _, m := range strings.Split(got, ", ") {
			if user, _, _ := strings.Cut(m, " "); !crowd.told[user] {
				t.Errorf("%s is in a room, which is not told", user)
			}
		}
		if !strings.Contains(got, "@gale:away.test") || !crowd.told["opened "+a.id] || w.publicRooms() != a.id {
			t.Errorf("in rooms are %q, public are %q, told is %v", got, w.publicRooms(), crowd.told)
		}
	})
}
