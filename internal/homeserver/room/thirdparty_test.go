package room_test

import (
	"bytes"
	"crypto/ed25519"
	"fmt"
	"strings"
	"testing"

	"signet/internal/homeserver/authz"
	"signet/internal/homeserver/event"
	"signet/internal/homeserver/room"
	"signet/internal/matrix"
)

// identity is the key of an identity server.
var identity = matrix.SigningKey{ID: "ed25519:0", Private: ed25519.NewKeyFromSeed(bytes.Repeat([]byte{9}, 32))}

// asked puts an invitation of somebody's to a third-party identifier into a room.
func (w *world) asked(id string, sender matrix.UserID, token string) {
	w.Helper()
	content := fmt.Sprintf(`{"display_name":"c...@e...","key_validity_url":"https://id.test/v","public_key":%q}`, matrix.EncodeBase64(identity.Public()))
	_, err := w.rooms.Send(w.Context(), room.Sending{Room: id, Sender: sender, Type: "m.room.third_party_invite", StateKey: &token, Content: []byte(content)})
	w.ok(err)
}

// exchanged is what becomes of it for a user.
func exchanged(id string, sender, target matrix.UserID, token string) room.Membership {
	signed, err := identity.Sign("id.test", fmt.Appendf(nil, `{"mxid":%q,"token":%q}`, target, token))
	if err != nil {
		panic(err)
	}
	return room.Membership{Room: id, Sender: sender, Target: target, Content: fmt.Appendf(nil, `{"third_party_invite":{"display_name":"c...@e...","signed":%s}}`, signed)}
}

// The invitation counts by who made the first one, whatever they are now: without power, or
// gone. It is not for who is in the room already, and the one that is taken back is none.
func TestThirdPartyInvites(t *testing.T) {
	for _, version := range []string{"1", "11", "12"} {
		each(t, func(w *world) {
			ctx := w.Context()
			id := w.create(room.Creation{Version: version, Preset: room.PrivateChat, Invite: []matrix.UserID{bob}})
			w.join(id, bob)
			for _, token := range []string{"t", "u", "v"} {
				w.asked(id, bob, token)
			}
			levels := `{"users":{"@alice:hs.test":100},"invite":50}`
			if version == "12" { // where creators need no level
				levels = `{"invite":50}`
			}
			w.ok(w.set(id, alice, "m.room.power_levels", levels))
			w.unchanged("an invitation by who may not invite", func() error { return w.rooms.Invite(ctx, about(id, bob, carol)) }, authz.ErrInviteLevel)
			w.unchanged("one in another's name", func() error { return w.rooms.Invite(ctx, exchanged(id, alice, carol, "t")) }, authz.ErrInviteSender)
			w.ok(w.rooms.Invite(ctx, exchanged(id, bob, carol, "t")))
			w.join(id, carol)
			w.unchanged("one of who is in the room", func() error { return w.rooms.Invite(ctx, exchanged(id, bob, carol, "t")) }, authz.ErrInviteTarget)
			w.unchanged("one of who is in the room, for another server", func() error {
				_, err := w.rooms.ProposeInvite(ctx, exchanged(id, bob, carol, "t"))
				return err
			}, authz.ErrInviteTarget)
			w.ok(w.rooms.Leave(ctx, room.Membership{Room: id, Sender: carol}))
			w.ok(w.rooms.Ban(ctx, about(id, alice, bob)))
			w.ok(w.rooms.Invite(ctx, exchanged(id, bob, carol, "u")))
			empty := "v"
			_, err := w.rooms.Send(ctx, room.Sending{Room: id, Sender: alice, Type: "m.room.third_party_invite", StateKey: &empty, Content: []byte(`{}`)})
			w.ok(err)
			w.unchanged("one that was taken back", func() error { return w.rooms.Invite(ctx, exchanged(id, alice, carol, "v")) }, authz.ErrInviteUnsigned)
		})
	}
}

// Whether somebody may invite is known before anybody is told, and nothing comes of asking.
func TestMaySend(t *testing.T) {
	each(t, func(w *world) {
		id := w.create(room.Creation{Preset: room.PublicChat})
		w.join(id, bob)
		token := "t"
		may := func(who matrix.UserID) func() error {
			return func() error {
				return w.rooms.MaySend(w.Context(), room.Sending{Room: id, Sender: who, Type: "m.room.third_party_invite", StateKey: &token, Content: []byte(`{}`)})
			}
		}
		w.unchanged("who may", may(alice), nil)
		w.unchanged("who may not", may(bob), authz.ErrThirdPartyLevel)
		w.unchanged("who is not there", may(carol), authz.ErrNotJoined)
		w.unchanged("a key that is too long", func() error {
			token = strings.Repeat("x", 256)
			return may(alice)()
		}, event.ErrFieldLength)
	})
}

// An invitation that this server makes in the name of a user of another one is sent to that
// server too, which does not know of it.
func TestWhereThirdPartyInvitesGo(t *testing.T) {
	for _, version := range []string{"2", "11"} {
		eachUnchecked(t, func(w *world) {
			id := w.create(room.Creation{Version: version, Preset: room.PublicChat, PowerLevels: []byte(`{"invite":0}`)})
			w.join(id, dave, erin)
			w.asked(id, dave, "t")
			p, err := w.rooms.ProposeInvite(w.Context(), exchanged(id, dave, frank, "t"))
			w.ok(err)
			v, err := w.rooms.Accept(w.Context(), id, room.Arrival{Event: p.Event, Relay: true})
			if err != nil || v.Outcome != room.Accepted {
				t.Fatalf("version %s: %v, %v", version, v, err)
			}
			w.wantSent("version "+version, id, "one.test two.test")
			w.asked(id, dave, "u")
			w.ok(w.rooms.Invite(w.Context(), exchanged(id, dave, bob, "u")))
			w.wantSent("of one of ours, version "+version, id, "one.test two.test")
		})
	}
}
