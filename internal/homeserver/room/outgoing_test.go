package room_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"signet/internal/homeserver/room"
	"signet/internal/matrix"
	"signet/internal/store"
)

const (
	dave  matrix.UserID = "@dave:one.test"
	erin  matrix.UserID = "@erin:two.test"
	frank matrix.UserID = "@frank:two.test"
)

// outgoing remembers where events go.
type outgoing struct {
	mu     sync.Mutex // guards what follows
	queued map[string]room.Dispatch
	fails  int // so often
}

func (o *outgoing) QueueEvents(_ context.Context, _ *store.Tx, all []room.Dispatch) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.fails > 0 {
		o.fails--
		return errors.New("the disk is full")
	}
	if o.queued == nil {
		o.queued = map[string]room.Dispatch{}
	}
	for _, d := range all {
		o.queued[d.EventID] = d
	}
	return nil
}

// wantSent checks where the last event of a room went.
func (w *world) wantSent(when, id, want string) {
	w.Helper()
	r, err := w.rooms.Room(id)
	w.ok(err)
	w.out.mu.Lock()
	defer w.out.mu.Unlock()
	got := "nowhere"
	for _, d := range w.out.queued {
		if d.Pos != r.Last() {
			continue
		}
		var to []string
		for _, server := range d.To {
			to = append(to, server.String())
		}
		slices.Sort(to)
		if got = strings.Join(to, " "); d.Invites != "" {
			got += " invites " + d.Invites.String()
		}
		if d.Room != id {
			w.Errorf("%s: an event of %s goes out as of %s", when, id, d.Room)
		}
	}
	if got != want {
		w.Errorf("%s: sent to %q, want %q", when, got, want)
	}
}

// An event goes to the servers that are in the room when it is sent, and to that of whom it
// removes; whom it invites has to be asked.
func TestWhereEventsGo(t *testing.T) {
	each(t, func(w *world) {
		id := w.create(room.Creation{Preset: room.PublicChat})
		w.say(id, alice, "alone")
		w.wantSent("alone", id, "nowhere")
		w.ok(w.rooms.Invite(w.Context(), room.Membership{Room: id, Sender: alice, Target: dave}))
		w.wantSent("inviting", id, " invites one.test")
		w.say(id, alice, "invited")
		w.wantSent("while somebody is invited", id, "nowhere")
		w.ok(w.rooms.Kick(w.Context(), room.Membership{Room: id, Sender: alice, Target: dave}))
		w.wantSent("taking the invitation back", id, "one.test")
		w.join(id, dave)
		w.say(id, alice, "two of us")
		w.wantSent("with one other", id, "one.test")
		w.join(id, erin, frank, bob)
		w.wantSent("the join of a fourth", id, "one.test two.test")
		w.ok(w.set(id, alice, "m.room.topic", `{"topic":"x"}`))
		w.wantSent("with state", id, "one.test two.test")
		w.ok(w.rooms.Kick(w.Context(), room.Membership{Room: id, Sender: alice, Target: erin}))
		w.say(id, alice, "three of us")
		w.wantSent("while the server has another in the room", id, "one.test two.test")
		w.ok(w.rooms.Ban(w.Context(), room.Membership{Room: id, Sender: alice, Target: frank}))
		w.wantSent("banning the last of a server", id, "one.test two.test")
		w.say(id, alice, "two again")
		w.wantSent("after that", id, "one.test")
		w.ok(w.rooms.Unban(w.Context(), room.Membership{Room: id, Sender: alice, Target: frank}))
		w.wantSent("taking the ban back", id, "one.test two.test")
		w.ok(w.rooms.Ban(w.Context(), room.Membership{Room: id, Sender: alice, Target: "@never:three.test"}))
		w.wantSent("banning somebody who was never there", id, "one.test")
	})
}

// What another server hands over, a join, a leave, is passed on to all but itself: it has
// made it, and is told of the room by the answer.
func TestWhereHandedEventsGo(t *testing.T) {
	each(t, func(w *world) {
		id := w.create(room.Creation{Preset: room.PrivateChat, Invite: []matrix.UserID{dave, erin}})
		w.join(id, erin)
		f := w.server(id, "one.test")
		for _, membership := range []string{"join", "leave"} {
			f.sees()
			e := f.event(draft{typ: "m.room.member", key: string(dave), sender: string(dave), content: `{` + eventBody(membership) + `}`, prev: []string{w.last(id)}, depth: 60})
			v, err := w.rooms.Accept(w.Context(), id, room.Arrival{Event: e, Relay: true})
			w.ok(err)
			if v.Outcome != room.Accepted {
				w.Fatalf("a %s: %v", membership, v.Why)
			}
			w.wantSent("a "+membership, id, "two.test")
		}
		w.say(id, alice, "dave has left")
		w.wantSent("after it", id, "two.test")
	})
}

// Whether the room was read from its tables or is a new one, it goes to the same servers.
func TestWhereEventsGoAfterARestart(t *testing.T) {
	each(t, func(w *world) {
		id := w.create(room.Creation{Preset: room.PublicChat, Invite: []matrix.UserID{dave, bob}})
		sent := 0
		for _, d := range w.out.queued {
			if d.Invites == "one.test" && len(d.To) == 0 {
				sent++
			}
		}
		if sent != 1 || len(w.out.queued) != 1 {
			w.Errorf("a new room with an invitation is sent as %v", w.out.queued)
		}
		w.join(id, dave)
		w.stop()
		<-w.ended
		w.ended <- nil
		again := open(w.TB, w.db, 0)
		again.say(id, alice, "here again")
		again.wantSent("after a restart", id, "one.test")
	})
}

// An event that cannot be queued for others is not stored: the next try does both.
func TestAnEventIsStoredWithItsQueue(t *testing.T) {
	each(t, func(w *world) {
		id := w.create(room.Creation{Preset: room.PublicChat})
		w.join(id, dave)
		w.out.mu.Lock()
		w.out.fails = 1
		w.out.mu.Unlock()
		eventID := w.say(id, alice, "hello")
		w.wantSent("at the second try", id, "one.test")
		raw, err := w.rooms.Raw(w.Context(), []string{eventID, "$none"})
		if err != nil || len(raw) != 1 || !strings.Contains(string(raw[eventID]), "hello") {
			w.Errorf("Raw = %s, %v", raw, err)
		}
	})
}

// The server of who is invited is told what room it is, as long as they are invited.
func TestInvitationsForOthers(t *testing.T) {
	each(t, func(w *world) {
		id := w.create(room.Creation{Preset: room.PublicChat, Name: "tea"})
		w.ok(w.rooms.Invite(w.Context(), room.Membership{Room: id, Sender: alice, Target: dave}))
		var eventID string
		for _, d := range w.out.queued {
			eventID = d.EventID
		}
		i, err := w.rooms.Invitation(w.Context(), id, eventID)
		text := ""
		for _, e := range i.State {
			text += string(e)
		}
		if err != nil || !strings.Contains(string(i.Event), eventBody("invite")) || !strings.Contains(text, "m.room.create") || !strings.Contains(text, "tea") || strings.Contains(text, eventBody("invite")) {
			w.Errorf("Invitation = %s, %s, %v", i.Event, text, err)
		}
		w.ok(w.rooms.Kick(w.Context(), room.Membership{Room: id, Sender: alice, Target: dave}))
		if _, err := w.rooms.Invitation(w.Context(), id, eventID); !errors.Is(err, room.ErrUnknownEvent) {
			w.Errorf("after it was taken back, Invitation = %v", err)
		}
	})
}

func eventBody(membership string) string { return `"membership":"` + membership + `"` }
