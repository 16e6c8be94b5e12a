package inbound_test

import (
	"testing"
	"time"

	"signet/internal/homeserver/event"
	"signet/internal/homeserver/inbound"
	"signet/internal/homeserver/room"
	"signet/internal/matrix"
)

// A room that all have left is nobody's to invite to: an invitation by a server that was
// never in it opens nothing of it, and is refused like any other.
func TestAnInvitationToAnAbandonedRoom(t *testing.T) {
	each(t, func(here, far *server) {
		const bob matrix.UserID = "@bob:here.test"
		id, err := here.rooms.Create(t.Context(), room.Creation{Creator: bob, Version: "11", Preset: room.PrivateChat})
		here.ok(err)
		here.say(id, bob, "secret")
		here.ok(here.rooms.Leave(t.Context(), room.Membership{Room: id, Sender: bob}))
		for range 2 {
			e := invitation(here, event.V11, id, alice)
			_, err = here.in.ReceiveInvite(t.Context(), "evil.test", inbound.Invited{RoomID: id, EventID: e.ID(), Version: "11", Event: e.JSON()})
			here.ok(err)
			wish := inbound.Wish{Membership: room.Membership{Room: id, Sender: alice}}
			if err := here.in.Join(t.Context(), wish); err == nil {
				t.Error("somebody joins by it")
			}
			if _, err := here.rooms.Messages(t.Context(), alice, room.Query{Room: id, Back: true, Limit: 100}); err == nil {
				here.reads(id, alice)
			}
			if err := here.in.Knock(t.Context(), wish); err == nil {
				t.Error("somebody knocks by it")
			}
			if err := here.in.Leave(t.Context(), wish); err != nil {
				t.Errorf("it cannot be refused: %v", err)
			}
			here.clock.Advance(time.Minute)
		}
		here.reads(id, bob, "secret")
	})
}
