package inbound_test

import (
	"errors"
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

// An invitation in the name of another server's user comes from a server that was asked for
// it, if it stems from one to a third-party identifier, and from nobody else.
func TestAnInvitationInAnothersName(t *testing.T) {
	each(t, func(here, far *server) {
		const ann matrix.UserID = "@ann:gone.test"
		id := far.create(event.V11, erin)
		far.ok(far.rooms.Join(t.Context(), room.Membership{Room: id, Sender: ann}))
		far.set(id, erin, "m.room.power_levels", `{"users":{"@erin:far.test":100},"invite":0}`)
		signed, err := far.signer.Key.Sign("id.test", []byte(`{"mxid":"@alice:here.test","token":""}`))
		far.ok(err)
		far.set(id, ann, "m.room.third_party_invite", `{"display_name":"a...","public_key":"`+matrix.EncodeBase64(far.signer.Key.Public())+`"}`)
		for _, content := range []string{`{}`, `{"third_party_invite":{"signed":` + string(signed) + `}}`} {
			stems := content != "{}"
			p, err := far.rooms.ProposeInvite(t.Context(), room.Membership{Room: id, Sender: ann, Target: alice, Content: []byte(content)})
			far.ok(err)
			i := inbound.Invited{RoomID: id, EventID: p.Event.ID(), Version: "11", Event: p.Event.JSON()}
			var asked []matrix.ServerName
			awaits := func(is bool) func(matrix.ServerName, *event.Event) bool {
				return func(origin matrix.ServerName, e *event.Event) bool {
					if asked = append(asked, origin); e.Sender() != ann.String() {
						t.Errorf("asked whether an invitation of %s is awaited", e.Sender())
					}
					return is
				}
			}
			for _, tt := range []struct {
				origin matrix.ServerName
				awaits func(matrix.ServerName, *event.Event) bool
				want   error
			}{{"far.test", nil, inbound.ErrInvite}, {"evil.test", awaits(false), inbound.ErrInvite}, {"far.test", awaits(true), nil}} {
				if here.in.Awaits = tt.awaits; !stems {
					tt.want = inbound.ErrInvite
				}
				if _, err := here.in.ReceiveInvite(t.Context(), tt.origin, i); !errors.Is(err, tt.want) {
					t.Errorf("%s from %s: %v, want %v", content, tt.origin, err, tt.want)
				}
				if stay := here.rooms.Standing(alice, id); (stay.Membership == room.Invite) != (tt.want == nil) {
					t.Errorf("%s from %s: alice is %q", content, tt.origin, stay.Membership)
				}
			}
			if (len(asked) > 0) != stems {
				t.Errorf("%s is awaited of %q", content, asked)
			}
		}
	})
}
