package inbound_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

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

// An invitation in the name of another server's user comes with the one to a third-party
// identifier that it stems from, signed by that server. In nobody's name else does anybody
// invite.
func TestAnInvitationInAnothersName(t *testing.T) {
	each(t, func(here, far *server) {
		const ann matrix.UserID = "@ann:evil.test"
		id := far.create(event.V11, erin)
		identity := far.signer.Key
		token := "t"
		first := func(sender matrix.UserID, content string, by event.Signer) jsontext.Value {
			e, err := event.V11.Build(event.Proto{RoomID: id, Type: room.ThirdPartyInvite, StateKey: &token, Sender: sender.String(), Depth: 1, Content: []byte(content)}, by)
			far.ok(err)
			return jsontext.Value(e.JSON())
		}
		signed, err := identity.Sign("id.test", []byte(`{"mxid":"@alice:here.test","token":"t"}`))
		far.ok(err)
		keys := `{"display_name":"a...","public_key":"` + matrix.EncodeBase64(identity.Public()) + `"}`
		good := first(ann, keys, signerOf("evil.test"))
		stems := `{"membership":"invite","third_party_invite":{"display_name":"a...","signed":` + string(signed) + `}}`
		for _, tt := range []struct {
			what, content string
			state         []jsontext.Value
			want          error
		}{
			{"one of users", `{"membership":"invite"}`, []jsontext.Value{good}, inbound.ErrInvite},
			{"the first one missing", stems, nil, inbound.ErrInvite},
			{"the first one is no event", stems, []jsontext.Value{jsontext.Value(`{"type":"m.room.third_party_invite","state_key":"t","sender":"@ann:evil.test","content":` + keys + `}`)}, inbound.ErrInvite},
			{"the first one is another's", stems, []jsontext.Value{first("@eve:evil.test", keys, signerOf("evil.test"))}, inbound.ErrInvite},
			{"the first one is not the server's", stems, []jsontext.Value{first(ann, keys, signerOf("far.test"))}, inbound.ErrInvite},
			{"the first one was taken back", stems, []jsontext.Value{first(ann, `{}`, signerOf("evil.test"))}, inbound.ErrInvite},
			{"another is signed", strings.Replace(stems, "alice", "alina", 1), []jsontext.Value{good}, inbound.ErrInvite},
			{"all is well", stems, []jsontext.Value{jsontext.Value(`5`), good}, nil},
		} {
			key := alice.String()
			e, err := event.V11.Build(event.Proto{RoomID: id, Type: "m.room.member", StateKey: &key, Sender: ann.String(), Depth: 1, Content: []byte(tt.content)}, far.signer)
			far.ok(err)
			i := inbound.Invited{RoomID: id, EventID: e.ID(), Version: "11", Event: e.JSON(), State: tt.state}
			if _, err := here.in.ReceiveInvite(t.Context(), "far.test", i); !errors.Is(err, tt.want) {
				t.Errorf("%s: %v, want %v", tt.what, err, tt.want)
			}
			if stay := here.rooms.Standing(alice, id); (stay.Membership == room.Invite) != (tt.want == nil) {
				t.Errorf("%s: alice is %q", tt.what, stay.Membership)
			}
		}
	})
}
