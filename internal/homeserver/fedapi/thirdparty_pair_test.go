package fedapi_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"signet/internal/homeserver/event"
	"signet/internal/homeserver/inbound"
	"signet/internal/homeserver/room"
	"signet/internal/homeserver/thirdparty"
	"signet/internal/idclient/idclienttest"
	"signet/internal/matrix"
	"signet/internal/store/storetest"
	"signet/internal/threepid"
)

const carol = matrix.UserID("@carol:remote.test")

// asks invites whoever has an e-mail address into a room, and tells the token.
func (h *house) asks(n *network, id string, sender matrix.UserID, address string) string {
	h.Helper()
	a, err := threepid.Parse("email", address)
	h.ok(err)
	whom := thirdparty.Address{Address: a, At: idclienttest.Trusted(h)[0], Token: idclienttest.Token}
	h.ok(h.third.Invite(h.Context(), thirdparty.Invitation{Address: whom, Room: id, Sender: sender}))
	return fmt.Sprintf("token-%d", len(n.identity.Stored()))
}

// onBind is what an identity server tells of one invitation.
func onBind(t testing.TB, id string, sender, user matrix.UserID, token string) string {
	t.Helper()
	return fmt.Sprintf(`{"medium":"email","address":"carol@example.org","mxid":%q,"invites":[{"medium":"email","address":"carol@example.org","mxid":%q,"room_id":%q,"sender":%q,"signed":%s}]}`,
		user, user, id, sender, idclienttest.Sign(t, idclienttest.Key, user, token, nil))
}

// told has the server told, by a method, and wait until all that is due has been done.
func (h *house) told(method, body string) {
	h.Helper()
	req, err := http.NewRequestWithContext(h.Context(), method, h.url+fed+"/3pid/onbind", strings.NewReader(body))
	h.ok(err)
	res, err := http.DefaultClient.Do(req)
	h.ok(err)
	res.Body.Close()
	if res.StatusCode != http.StatusOK {
		h.Fatalf("onbind = %d", res.StatusCode)
	}
	h.ok(h.third.Fulfil(h.Context()))
}

// invitation is the event by which a user is invited.
func (h *house) invitation(id string, user matrix.UserID) *event.Event {
	h.Helper()
	r, err := h.rooms.Room(id)
	h.ok(err)
	s, err := h.rooms.Current(h.Context(), r, event.Key{Type: "m.room.member", StateKey: user.String()})
	h.ok(err)
	return s.Event
}

func (h *house) stays(user matrix.UserID, id, want string) {
	h.Helper()
	if got := h.rooms.Standing(user, id).Membership; got != want {
		h.Errorf("%s is %q, want %q", user, got, want)
	}
}

// Alice invites an e-mail address. Carol signs up elsewhere and binds it: her server has Alice's
// exchange the invitation, she comes in, and they talk. What the room learns of the address
// is what the identity server has redacted.
func TestThirdPartyInviteAcrossServers(t *testing.T) {
	eachNetwork(t, func(n *network, a, b *house) {
		for i, v := range []string{"1", "2", "3", "9", "11", "12"} {
			id, err := a.rooms.Create(a.Context(), room.Creation{Creator: alice, Preset: room.PrivateChat, Version: v, Name: "tea"})
			a.ok(err)
			token := a.asks(n, id, alice, "carol@example.org")
			told := onBind(t, id, alice, carol, token)
			b.told([]string{"PUT", "POST"}[i%2], told)
			b.stays(carol, id, room.Invite)
			b.shows(id, carol, "m.room.create", "m.room.join_rules", "m.room.member", "m.room.member", "m.room.name")
			invitation := a.invitation(id, carol)
			invite := invitation.Field("third_party_invite")
			if name, _ := invite.Field("display_name").Text(); name != "c...@e..." || invitation.Sender() != alice.String() || strings.Contains(string(invitation.JSON()), "example.org") {
				t.Errorf("version %s: invited by %s", v, invitation.JSON())
			}
			if got, _ := invite.Field("signed").Field("token").Text(); got != token {
				t.Errorf("version %s: the token is %q", v, got)
			}
			kept := invitation.Redact().Field("third_party_invite").Field("signed").Exists()
			if kept != (v == "11" || v == "12") {
				t.Errorf("version %s: redacted it is %s", v, invitation.Redact().JSON())
			}
			b.told("PUT", told) // again
			if again := a.invitation(id, carol).ID(); again != invitation.ID() {
				t.Errorf("version %s: told twice, it is invited by %s too", v, again)
			}
			b.ok(b.inbound.Join(b.Context(), inbound.Wish{Membership: room.Membership{Room: id, Sender: carol}}))
			a.say(id, alice, "welcome")
			b.waitFor(id, carol, "welcome")
			b.say(id, carol, "thank you")
			a.waitFor(id, alice, "thank you")
			b.told("POST", told)
			if is := a.membership(id, carol); is != room.Join {
				t.Errorf("version %s: told when she is there, she is %q", v, is)
			}
		}
	})
}

// On one server, and on one that is in the room beside the inviter's: it makes the invitation
// itself, and the others learn of it.
func TestThirdPartyInviteIntoARoomOfOnes(t *testing.T) {
	eachNetwork(t, func(n *network, a, b *house) {
		for _, v := range []string{"2", "10", "12"} {
			id, err := a.rooms.Create(a.Context(), room.Creation{Creator: alice, Preset: room.PrivateChat, Version: v})
			a.ok(err)
			const ours = matrix.UserID("@carol:hs.test")
			a.told("PUT", onBind(t, id, alice, ours, a.asks(n, id, alice, "ours@example.org")))
			a.stays(ours, id, room.Invite)
			a.ok(a.rooms.Join(a.Context(), room.Membership{Room: id, Sender: ours}))

			a.ok(a.inbound.Invite(a.Context(), room.Membership{Room: id, Sender: alice, Target: bob}))
			b.ok(b.inbound.Join(b.Context(), inbound.Wish{Membership: room.Membership{Room: id, Sender: bob}}))
			token := a.asks(n, id, alice, "carol@example.org")
			a.say(id, alice, "asked")
			b.waitFor(id, bob, "asked")
			b.told("PUT", onBind(t, id, alice, carol, token))
			b.stays(carol, id, room.Invite)
			b.ok(b.rooms.Join(b.Context(), room.Membership{Room: id, Sender: carol}))
			a.until(alice, func() bool { return a.membership(id, carol) == room.Join })
		}
	})
}

// Whoever has invited may have lost their power, and have left: the rules ask for neither. Where
// nobody of their server is in the room, that which the room is named after makes the
// invitation in their name. A room of version 12 is named after none.
func TestThirdPartyInviteByWhoHasLeft(t *testing.T) {
	eachNetwork(t, func(n *network, a, b *house) {
		const dave = matrix.UserID("@dave:third.test:8448")
		c := n.house(t, third, storetest.Open(t, storetest.SQLite(t), houseOwners), a.clock)
		for _, v := range []string{"2", "11", "12"} {
			id, err := a.rooms.Create(a.Context(), room.Creation{Creator: alice, Preset: room.PrivateChat, Version: v})
			a.ok(err)
			a.ok(a.inbound.Invite(a.Context(), room.Membership{Room: id, Sender: alice, Target: dave}))
			c.ok(c.inbound.Join(c.Context(), inbound.Wish{Membership: room.Membership{Room: id, Sender: dave}}))
			token := c.asks(n, id, dave, "carol@example.org")
			c.ok(c.rooms.Leave(c.Context(), room.Membership{Room: id, Sender: dave}))
			a.until(alice, func() bool { return a.membership(id, dave) == room.Leave })
			empty, levels := "", `{"users":{"@alice:hs.test":100},"invite":100}`
			if v == "12" {
				levels = `{"invite":100}`
			}
			_, err = a.rooms.Send(a.Context(), room.Sending{Room: id, Sender: alice, Type: "m.room.power_levels", StateKey: &empty, Content: []byte(levels)})
			a.ok(err)
			b.told("PUT", onBind(t, id, dave, carol, token))
			if v == "12" {
				b.stays(carol, id, "")
				continue
			}
			b.stays(carol, id, room.Invite)
			if by := a.invitation(id, carol).Sender(); by != dave.String() {
				t.Errorf("version %s: invited by %s", v, by)
			}
			b.ok(b.inbound.Join(b.Context(), inbound.Wish{Membership: room.Membership{Room: id, Sender: carol}}))
			a.say(id, alice, "welcome")
			b.waitFor(id, carol, "welcome")
		}
	})
}

// A server that is away is asked again, ever more rarely, for a week; what was told is not
// forgotten meanwhile, and a server that refuses is not asked for ever.
func TestAThirdPartyInviteWaits(t *testing.T) {
	eachNetwork(t, func(n *network, a, b *house) {
		id, err := a.rooms.Create(a.Context(), room.Creation{Creator: alice, Preset: room.PrivateChat})
		a.ok(err)
		told := onBind(t, id, alice, carol, a.asks(n, id, alice, "carol@example.org"))
		lost := onBind(t, id, alice, carol, a.asks(n, id, alice, "carol@example.net"))
		n.away(a.name, true)
		b.told("PUT", told)
		b.stays(carol, id, "")
		n.away(a.name, false)
		b.ok(b.third.Fulfil(b.Context()))
		b.stays(carol, id, "") // it is not due
		a.clock.Advance(10 * time.Second)
		b.ok(b.third.Fulfil(b.Context()))
		b.stays(carol, id, room.Invite)

		b.ok(b.inbound.Leave(b.Context(), inbound.Wish{Membership: room.Membership{Room: id, Sender: carol}}))
		n.away(a.name, true)
		b.told("PUT", lost)
		for range 200 { // a little more than a week
			a.clock.Advance(time.Hour)
			b.ok(b.third.Fulfil(b.Context()))
		}
		n.away(a.name, false)
		a.clock.Advance(time.Hour)
		b.ok(b.third.Fulfil(b.Context()))
		b.stays(carol, id, room.Leave)
		a.clock.Advance(40 * 24 * time.Hour)
		b.ok(b.third.Sweep(b.Context()))
	})
}

// Whoever has the signature themselves joins by it: in a room of their server, and of another.
func TestJoiningBySigned(t *testing.T) {
	eachNetwork(t, func(n *network, a, b *house) {
		id, err := a.rooms.Create(a.Context(), room.Creation{Creator: alice, Preset: room.PrivateChat})
		a.ok(err)
		for _, who := range []struct {
			*house
			user matrix.UserID
		}{{a, "@carol:hs.test"}, {b, carol}} {
			token := a.asks(n, id, alice, "carol@example.org")
			present := func(user matrix.UserID, signed string) error {
				s, err := thirdparty.ParseSigned([]byte(signed))
				who.ok(err)
				return who.third.Present(who.Context(), user, thirdparty.Claim{Room: id, Sender: alice, Signed: s}, nil)
			}
			sender := map[string]any{"sender": alice}
			good := idclienttest.Sign(t, idclienttest.Ephemeral, who.user, token, sender)
			for what, err := range map[string]error{
				"of somebody else":   present("@dave:hs.test", good),
				"by another key":     present(who.user, idclienttest.Sign(t, keyOf("evil.test"), who.user, token, sender)),
				"of another token":   present(who.user, idclienttest.Sign(t, idclienttest.Key, who.user, "x", sender)),
				"changed after that": present(who.user, strings.Replace(good, `"sender":"@alice`, `"sender":"@bob`, 1)),
			} {
				if err == nil {
					t.Errorf("%s is invited by a signature %s", who.user, what)
				}
				who.stays(who.user, id, "")
			}
			who.ok(present(who.user, good))
			who.stays(who.user, id, room.Invite)
			who.ok(who.inbound.Join(who.Context(), inbound.Wish{Membership: room.Membership{Room: id, Sender: who.user}}))
			who.ok(present(who.user, good)) // is there
		}
	})
}
