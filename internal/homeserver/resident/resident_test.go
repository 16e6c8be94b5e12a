package resident_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/homeserver/authz"
	"signet/internal/homeserver/event"
	"signet/internal/homeserver/resident"
	"signet/internal/homeserver/room"
	"signet/internal/matrix"
)

// readings are all the ways to read in a room.
func (w *world) readings(server matrix.ServerName, id, eventID string) map[string]error {
	ctx, errs := w.Context(), map[string]error{}
	_, _, errs["the state"] = w.StateBefore(ctx, server, id, eventID)
	_, errs["an auth chain"] = w.AuthChain(ctx, server, id, eventID)
	_, errs["an event"] = w.Event(ctx, server, eventID)
	_, errs["the history"] = w.Backfill(ctx, server, id, []string{eventID}, 10)
	_, errs["a gap"] = w.Missing(ctx, server, id, resident.Gap{Latest: []string{eventID}, Limit: 10})
	_, errs["the event of a time"] = w.EventAt(ctx, server, id, 0, false)
	return errs
}

// Only servers that are in a room read there, as long as they are, and its ACLs let them.
func TestWhoReads(t *testing.T) {
	each(t, func(w *world) {
		id := w.create(room.PublicChat)
		wants := func(who string, server matrix.ServerName, want error) {
			t.Helper()
			eventID := w.say(id, "now")
			for what, err := range w.readings(server, id, eventID) {
				w.wants(who+" reads "+what, err, want)
			}
		}
		wants("a stranger", far, resident.ErrNotInRoom)
		w.join(id, erin)
		wants("a member", far, nil)
		wants("another stranger", "evil.test", resident.ErrNotInRoom)
		wants("a server by a name that begins alike", "far.test:8448", resident.ErrNotInRoom)
		w.set(id, "m.room.server_acl", `{"allow":["*"],"deny":["far.*"]}`)
		wants("who is turned away", far, resident.ErrDenied)
		w.set(id, "m.room.server_acl", `{"allow":["*"]}`)
		wants("who is let in again", far, nil)
		w.ok(w.Leave(t.Context(), signed(w.membership(id, erin, `{"membership":"leave"}`))))
		wants("who has left", far, resident.ErrNotInRoom)
		for what, err := range w.readings(far, "!nothing:here.test", w.say(id, "elsewhere")) {
			if err == nil {
				t.Errorf("%s of a room that is not there is read", what)
			}
		}
	})
}

// A member reads events of the room that is asked for, and of no other, by whatever ids.
func TestEventsOfAnotherRoom(t *testing.T) {
	each(t, func(w *world) {
		id, secret := w.create(room.PublicChat), w.create(room.PrivateChat)
		w.join(id, erin)
		hidden := w.say(secret, "secret")
		for _, eventID := range []string{hidden, "$\x00", "", "$" + strings.Repeat("x", 1<<16)} {
			_, _, err := w.StateBefore(t.Context(), far, id, eventID)
			w.wants("the state", err, room.ErrUnknownEvent)
			_, err = w.AuthChain(t.Context(), far, id, eventID)
			w.wants("an auth chain", err, room.ErrUnknownEvent)
			if e, err := w.Event(t.Context(), far, eventID); err == nil {
				t.Errorf("it reads %s", e.JSON())
			}
			past, err := w.Backfill(t.Context(), far, id, []string{eventID}, 10)
			gap, gapErr := w.Missing(t.Context(), far, id, resident.Gap{Latest: []string{eventID}, Earliest: []string{eventID}, Limit: 10})
			if err != nil || gapErr != nil || len(past)+len(gap) > 0 {
				t.Errorf("the history of %.20q: %d and %d events, %v, %v", eventID, len(past), len(gap), err, gapErr)
			}
		}
	})
}

// Walks are bounded, whatever numbers they are asked for.
func TestWalksAreBounded(t *testing.T) {
	each(t, func(w *world) {
		id := w.create(room.PublicChat)
		w.join(id, erin)
		last := ""
		for range 130 {
			last = w.say(id, "on")
		}
		for limit, want := range map[int]int{-1: 0, 0: 0, 7: 7, 1 << 40: 100} {
			if past, err := w.Backfill(t.Context(), far, id, []string{last}, limit); err != nil || len(past) != want {
				t.Errorf("a limit of %d: %d events of history, %v, want %d", limit, len(past), err, want)
			}
			if gap, err := w.Missing(t.Context(), far, id, resident.Gap{Latest: []string{last}, Limit: limit}); err != nil || len(gap) != min(want, 20) {
				t.Errorf("a limit of %d: %d events of a gap, %v, want %d", limit, len(gap), err, min(want, 20))
			}
		}
		if gap, err := w.Missing(t.Context(), far, id, resident.Gap{Latest: []string{last}, Limit: 20, MinDepth: 1 << 62}); err != nil || len(gap) > 0 {
			t.Errorf("beyond all depths: %d events, %v", len(gap), err)
		}
		many := make([]string, 101)
		_, err := w.Backfill(t.Context(), far, id, many, 1)
		w.wants("many events of which the history is asked for", err, resident.ErrTooMany)
		_, err = w.Missing(t.Context(), far, id, resident.Gap{Latest: many})
		w.wants("many ends of a gap", err, resident.ErrTooMany)
		_, err = w.Missing(t.Context(), far, id, resident.Gap{Earliest: many})
		w.wants("many beginnings of a gap", err, resident.ErrTooMany)
	})
}

// Of what was said before a server's users came, where only members read, it reads what
// redaction leaves.
func TestWhatWasSaidBefore(t *testing.T) {
	each(t, func(w *world) {
		id := w.create(room.PublicChat)
		w.set(id, "m.room.history_visibility", `{"history_visibility":"joined"}`)
		before := w.say(id, "before")
		w.join(id, erin)
		after := w.say(id, "after")
		for eventID, want := range map[string]string{before: `{}`, after: `{"body":"after"}`} {
			e, err := w.Event(t.Context(), far, eventID)
			if w.ok(err); string(e.Content()) != want {
				t.Errorf("the event says %s, want %s", e.Content(), want)
			}
		}
		past, err := w.Backfill(t.Context(), far, id, []string{after}, 100)
		w.ok(err)
		for _, e := range past {
			if e.ID() == before && string(e.Content()) != `{}` {
				t.Errorf("the history says %s", e.Content())
			}
		}
	})
}

// A membership that is over is not the user's any more, though the server that signed it
// sends it again: it opens nothing.
func TestAMembershipThatIsOver(t *testing.T) {
	each(t, func(w *world) {
		id := w.create(room.PublicChat)
		join := w.join(id, erin)
		if again, err := w.Join(t.Context(), signed(join)); err != nil || len(again.State.IDs) == 0 {
			t.Errorf("sent again: %v", err)
		}
		w.ok(w.rooms.Kick(t.Context(), room.Membership{Room: id, Sender: alice, Target: erin}))
		in, err := w.Join(t.Context(), signed(join))
		w.wants("who was kicked", err, resident.ErrRefused)
		if len(in.State.IDs)+len(in.Chain.IDs) > 0 {
			t.Error("they are told the state")
		}

		w.set(id, "m.room.join_rules", `{"join_rule":"knock"}`)
		knock := w.membership(id, eve, `{"membership":"knock"}`)
		_, err = w.Knock(t.Context(), signed(knock))
		w.ok(err)
		w.ok(w.rooms.Ban(t.Context(), room.Membership{Room: id, Sender: alice, Target: eve}))
		w.set(id, "m.room.name", `{"name":"what we speak of now"}`)
		shown, err := w.Knock(t.Context(), signed(knock))
		w.wants("who is banned", err, resident.ErrRefused)
		if len(shown) > 0 {
			t.Errorf("they are shown %s", shown[0].JSON())
		}
	})
}

// A membership is taken as what it is sent as, of whom it is, and with all its signatures.
func TestWhatIsNotTaken(t *testing.T) {
	each(t, func(w *world) {
		id, other := w.create(room.PublicChat), w.create(room.PublicChat)
		join := w.membership(id, erin, `{"membership":"join"}`)
		unsigned := strings.Replace(string(join.JSON()), `"ed25519:1":"`, `"ed25519:1":"AAAA`, 1)
		changed := strings.Replace(string(join.JSON()), `"membership":"join"`, `"membership":"join","x":1`, 1)
		for name, bad := range map[string]struct {
			change func(*resident.Signed)
			want   error
		}{
			"another's user": {func(s *resident.Signed) { s.Server = "evil.test" }, resident.ErrNotOwnUser},
			"as a leave":     {func(s *resident.Signed) { s.Change = resident.Leave }, resident.ErrOtherEvent},
			"another room":   {func(s *resident.Signed) { s.Room = other }, resident.ErrOtherEvent},
			"no room":        {func(s *resident.Signed) { s.Room = "!nothing:here.test" }, room.ErrUnknownRoom},
			"another id":     {func(s *resident.Signed) { s.EventID = "$" + strings.Repeat("x", 43) }, resident.ErrEventID},
			"not signed":     {func(s *resident.Signed) { s.Event = jsontext.Value(unsigned) }, resident.ErrSignature},
			"changed":        {func(s *resident.Signed) { s.Event = jsontext.Value(changed) }, resident.ErrEventHash},
			"nothing":        {func(s *resident.Signed) { s.Event = nil }, event.ErrJSON},
			"a list":         {func(s *resident.Signed) { s.Event = jsontext.Value(`[]`) }, event.ErrJSON},
		} {
			s := signed(join)
			bad.change(&s)
			_, err := w.Join(t.Context(), s)
			w.wants(name, err, bad.want)
		}
		r, err := w.rooms.Room(id)
		w.ok(err)
		if is, err := w.rooms.MembershipNow(t.Context(), r, erin); err != nil || is != "" {
			t.Errorf("somebody is %q, %v", is, err)
		}
	})
}

// This server lets nobody in by its signature where no rule asks for it, or who may not come.
func TestWhomASignatureLetsIn(t *testing.T) {
	each(t, func(w *world) {
		key, id := w.create(room.PublicChat), w.create(room.PrivateChat)
		granted := `{"membership":"join","join_authorised_via_users_server":"` + string(alice) + `"}`
		allow := `{"join_rule":"restricted","allow":[{"type":"m.room_membership","room_id":"` + key + `"}]}`
		w.set(id, "m.room.join_rules", allow)
		_, err := w.Join(t.Context(), signed(w.membership(id, erin, granted)))
		w.wants("who is not in the other room", err, authz.ErrJoinRule)
		w.join(key, erin)
		early := w.membership(id, erin, granted)
		w.set(id, "m.room.join_rules", `{"join_rule":"invite"}`)
		_, err = w.Join(t.Context(), signed(early)) // of when it was restricted
		w.wants("a room that is not restricted any more", err, resident.ErrSignature)
		w.set(id, "m.room.join_rules", allow)
		in, err := w.Join(t.Context(), signed(w.membership(id, erin, granted)))
		w.ok(err)
		if signatures, err := in.Event.RequiredSignatures(); err != nil || len(signatures) != 2 {
			t.Errorf("it is signed by %v, %v", signatures, err)
		}
		if _, _, err := w.Propose(t.Context(), resident.Proposal{Server: "evil.test", Room: id, User: string(erin), Change: resident.Join, Versions: []string{"11"}}); !errors.Is(err, resident.ErrNotOwnUser) {
			t.Errorf("a proposal for somebody else's user: %v", err)
		}
		if _, _, err := w.Propose(t.Context(), resident.Proposal{Server: far, Room: id, User: string(erin), Change: resident.Leave}); err != nil || !slices.Equal(w.settled, []string{id + " " + string(erin)}) {
			t.Errorf("a proposal: %v; waited for the invitations of %q", err, w.settled)
		}
	})
}
