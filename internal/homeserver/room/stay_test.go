package room_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"signet/internal/homeserver/room"
	"signet/internal/matrix"
)

// Who is in a room of those who are at home here is known whether or not the room is in
// memory.
func TestLocalMembers(t *testing.T) {
	each(t, func(w *world) {
		id := w.create(room.Creation{Preset: room.PublicChat})
		w.join(id, bob, carol)
		w.ok(w.rooms.Leave(w.Context(), room.Membership{Room: id, Sender: carol}))
		restarted := open(t, w.db, 0)
		for range 2 {
			members := restarted.rooms.LocalMembers(matrix.RoomID(id))
			slices.Sort(members)
			if diff := cmp.Diff([]matrix.UserID{alice, bob}, members); diff != "" {
				w.Errorf("LocalMembers (- want, + got):\n%s", diff)
			}
			restarted.say(id, alice, "now it is in memory")
		}
		if members := restarted.rooms.LocalMembers("!no:hs.test"); members != nil {
			w.Errorf("in a room that is not there: %v", members)
		}
		for user, want := range map[matrix.UserID]error{alice: nil, carol: room.ErrNotInRoom, "@dan:hs.test": room.ErrNotInRoom} {
			if _, err := restarted.rooms.Joined(user, id); !errors.Is(err, want) {
				w.Errorf("Joined(%s) = %v, want %v", user, err, want)
			}
		}
	})
}
