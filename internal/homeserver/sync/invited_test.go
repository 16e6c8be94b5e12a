package sync_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/homeserver/authz"
	"signet/internal/homeserver/event"
	"signet/internal/homeserver/room"
	"signet/internal/matrix"
)

// theirs is the key of another server.
var theirs = event.Signer{Server: "evil.test", Key: matrix.SigningKey{ID: "ed25519:2", Private: ed25519.NewKeyFromSeed(bytes.Repeat([]byte{2}, 32))}}

// elsewhere gives bob a membership in a room of another server.
func (w *world) elsewhere(id, membership string, depth int64) {
	w.Helper()
	key := bob.String()
	e, err := event.V11.Build(event.Proto{RoomID: id, Type: "m.room.member", StateKey: &key, Sender: "@eve:evil.test",
		Content: fmt.Appendf(nil, `{"membership":%q,"reason":"buy"}`, membership), OriginServerTS: depth, Depth: depth, Hashes: map[string][sha256.Size]byte{}}, theirs)
	w.ok(err)
	o := room.Outside{RoomID: id, Version: event.V11, Event: e}
	if membership == room.Invite {
		o.State = []jsontext.Value{jsontext.Value(`{"type":"m.room.name","state_key":"","sender":"@eve:evil.test","content":{"name":"Buy"}}`)}
	}
	w.ok(w.rooms.PutOutside(w.Context(), o))
}

// An invitation that bob does not want, or of a server that is turned away, comes in by a room
// that somebody else is in, or was there before: bob is not told of it, nor of its end, by
// whichever device, until it is wanted.
func TestInvitationsThatAreNotShown(t *testing.T) {
	each(t, func(w *world) {
		data := func(typ, content string) func() {
			return func() { w.ok(w.data.SetAccountData(w.Context(), userDataOf(bob), typ, []byte(content))) }
		}
		for name, door := range map[string]struct{ shut, open func() }{
			"ignored": {data("m.ignored_user_list", `{"ignored_users":{"@alice:hs.test":{},"@eve:evil.test":{}}}`), data("m.ignored_user_list", `{}`)},
			"none":    {data("m.invite_permission_config", `{"default_action":"block"}`), data("m.invite_permission_config", `{}`)},
			"turned away": {func() {
				w.refused = errors.New("of entry 7")
				w.ok(w.data.SetAccountData(w.Context(), userDataOf(bob), "m.ignored_user_list", []byte(`{"ignored_users":{"@alice:hs.test":{}}}`)))
			}, func() { w.refused = nil; data("m.ignored_user_list", `{}`)() }},
		} {
			p, tag := w.phone(bob), fmt.Sprint(len(name))
			p.sync()
			here := w.create(room.Creation{Preset: room.PrivateChat, Invite: []matrix.UserID{bob}})
			w.elsewhere("!before"+tag+":evil.test", room.Invite, 1)
			w.want(name+": before", len(p.sync().Rooms.Invite), 2)
			door.shut()
			p.sync()
			there := "!r" + tag + ":evil.test"
			w.elsewhere(there, room.Invite, 1)
			kicked := w.create(room.Creation{Preset: room.PrivateChat, Invite: []matrix.UserID{bob}})
			w.wantNothing(name+": an invitation", p.sync())
			w.want(name+": from the beginning", len(w.phone(bob).sync().Rooms.Invite), 0)
			w.ok(w.rooms.Kick(w.Context(), room.Membership{Room: kicked, Sender: alice, Target: bob, Reason: "buy"}))
			w.ok(w.rooms.Ban(w.Context(), room.Membership{Room: kicked, Sender: alice, Target: bob, Reason: "buy"}))
			w.elsewhere("!before"+tag+":evil.test", room.Leave, 2)
			w.wantNothing(name+": its end", p.sync())

			w.elsewhere(there, room.Leave, 2)
			w.elsewhere(there, room.Invite, 3)
			door.open()
			told := p.sync().Rooms
			if len(told.Invite) != 2 || told.Invite[here].State.Events == nil || told.Invite[there].State.Events == nil {
				w.Errorf("%s: opened again, bob is told of %v", name, told.Invite)
			}
			w.leave(here, bob)
			door.shut()
			w.want(name+": what bob does", len(p.sync().Rooms.Leave), 1)
			door.open()
			w.elsewhere(there, room.Leave, 4)
			w.want(name+": the end of what was shown", len(p.sync().Rooms.Leave), 1)
		}
	})
}

// brings is an event of eve's that another server brings: it follows one, or the room's end.
func (w *world) brings(id string, p event.Proto, after ...string) *event.Event {
	w.Helper()
	p.RoomID, p.Sender, p.OriginServerTS, p.Depth, p.Hashes = id, "@eve:evil.test", 1, 100, map[string][sha256.Size]byte{}
	if p.PrevEvents = after; after == nil {
		var ends string
		w.ok(w.db.QueryRow(w.Context(), `SELECT extremities FROM room_rooms WHERE room_id = $1`, id).Scan(&ends))
		p.PrevEvents = strings.Fields(ends)
	}
	state, err := w.rooms.State(w.Context(), alice, id)
	w.ok(err)
	for _, key := range authz.NeededFor(event.V11, p) {
		for _, s := range state {
			if s.Is(key.Type, key.StateKey) {
				p.AuthEvents = append(p.AuthEvents, s.ID())
			}
		}
	}
	e, err := event.V11.Build(p, theirs)
	w.ok(err)
	_, err = w.rooms.Accept(w.Context(), id, room.Arrival{Event: e})
	w.ok(err)
	return e
}

// An invitation that fails softly is shown to nobody, nor is its end, though other events have it
// in the room's state; who joins all the same is in the room.
func TestAnInvitationThatFailsSoftly(t *testing.T) {
	each(t, func(w *world) {
		id := w.create(room.Creation{Preset: room.PublicChat, Version: "11", PowerLevels: []byte(`{"invite":0,"users":{"@alice:hs.test":100,"@eve:evil.test":50}}`)})
		eve, bobs := "@eve:evil.test", bob.String()
		w.brings(id, event.Proto{Type: "m.room.member", StateKey: &eve, Content: []byte(`{"membership":"join"}`)})
		w.rooms.Bidden = func(context.Context, *event.Event) (error, error) { return errors.New("too many"), nil }
		p := w.phone(bob)
		p.sync()
		invitation := w.brings(id, event.Proto{Type: "m.room.member", StateKey: &bobs, Content: []byte(`{"membership":"invite"}`)})
		w.wantNothing("the invitation", p.sync())
		w.brings(id, event.Proto{Type: "m.room.message", Content: []byte(`{"body":"after it"}`)}, invitation.ID())
		if s := w.rooms.Standing(bob, id); s.Membership != room.Invite {
			t.Fatalf("in the room's state bob is %q", s.Membership)
		}
		w.wantNothing("once it is in the state", p.sync())
		w.want("from the beginning", len(w.phone(bob).sync().Rooms.Invite), 0)
		w.brings(id, event.Proto{Type: "m.room.member", StateKey: &bobs, Content: []byte(`{"membership":"leave","reason":"buy"}`)})
		if s := w.rooms.Standing(bob, id); s.Membership != room.Leave {
			t.Fatalf("in the room's state bob is %q", s.Membership)
		}
		w.wantNothing("its end", p.sync())
		w.join(id, bob)
		w.want("a join", len(p.sync().Rooms.Join), 1)
	})
}

// Who is turned away ends nobody's knock unheard, and goes on in rooms in which bob is.
func TestAKnockEnds(t *testing.T) {
	each(t, func(w *world) {
		id := w.create(room.Creation{Preset: room.PrivateChat, InitialState: []room.StateEvent{{Type: "m.room.join_rules", Content: []byte(`{"join_rule":"knock"}`)}}})
		open := w.create(room.Creation{Preset: room.PublicChat})
		w.join(open, bob)
		w.ok(w.rooms.Knock(t.Context(), room.Membership{Room: id, Sender: bob}))
		p := w.phone(bob)
		p.sync()
		w.ok(w.data.SetAccountData(w.Context(), userDataOf(bob), "m.ignored_user_list", []byte(`{"ignored_users":{"@alice:hs.test":{}}}`)))
		p.sync()
		w.ok(w.rooms.Kick(w.Context(), room.Membership{Room: id, Sender: alice, Target: bob}))
		w.ok(w.rooms.Kick(w.Context(), room.Membership{Room: open, Sender: alice, Target: bob}))
		left := p.sync().Rooms.Leave
		w.want("bob is told of", len(left), 2)
	})
}

// Bob is told of the end of an invitation that he was told of, whoever ends it, and of no other's.
func TestAnInvitationThatAnotherEnds(t *testing.T) {
	each(t, func(w *world) {
		w.ok(w.data.SetAccountData(w.Context(), userDataOf(bob), "m.ignored_user_list", []byte(`{"ignored_users":{"@carol:hs.test":{}}}`)))
		p := w.phone(bob)
		p.sync()
		for inviter, told := range map[matrix.UserID]int{alice: 1, carol: 0} {
			id := w.create(room.Creation{Preset: room.PublicChat, Version: "11", PowerLevels: []byte(`{"users":{"@alice:hs.test":100,"@carol:hs.test":99}}`)})
			w.join(id, carol)
			w.ok(w.rooms.Invite(w.Context(), room.Membership{Room: id, Sender: inviter, Target: bob}))
			w.want("an invitation by "+inviter.String(), len(p.sync().Rooms.Invite), told)
			ender := map[matrix.UserID]matrix.UserID{alice: carol, carol: alice}[inviter]
			w.ok(w.rooms.Kick(w.Context(), room.Membership{Room: id, Sender: ender, Target: bob, Reason: "buy"}))
			w.want("its end by "+ender.String(), len(p.sync().Rooms.Leave), told)
		}
	})
}
