package inbound_test

import (
	"context"
	"testing"
	"time"

	"signet/internal/homeserver/event"
	"signet/internal/homeserver/room"
	"signet/internal/matrix"
)

// speaks is alice saying something in a room that nobody holds up.
func speaks(s *server, id string) {
	s.Helper()
	said := make(chan string, 1)
	go func() { said <- s.say(id, alice, "meanwhile") }()
	select {
	case <-said:
	case <-time.After(10 * time.Second):
		s.Error("the room is held up")
	}
}

// An invitation that was brought to this server counts there; one that comes by a room that
// somebody here is in, without that, counts as it comes, once, while the room goes on. What is too much is part of the
// room and reaches nobody, also once others' events have it in the room's state.
func TestInvitationsThatComeByARoom(t *testing.T) {
	each(t, func(here, far *server) {
		for _, v := range []event.Version{event.V2, event.V12} {
			id := far.create(v, erin)
			here.join(id, alice)
			asked, left := 0, 1
			here.rooms.Bidden = here.in.Bidden
			here.in.Invited = func(_ context.Context, by, user matrix.UserID) error {
				if asked++; by != erin || user.Server() != "here.test" {
					t.Errorf("%s invites %s", by, user)
				}
				if asked == 1 {
					speaks(here, id)
				}
				if left--; left < 0 {
					return matrix.LimitExceeded{RetryAfter: time.Minute}
				}
				return nil
			}
			invited := func(user matrix.UserID, invite func(context.Context, room.Membership) error) *event.Event {
				far.ok(invite(t.Context(), room.Membership{Room: id, Sender: erin, Target: user}))
				return far.event(id, far.current(id, "m.room.member", user.String()))
			}
			first := invited("@one:here.test", far.rooms.Invite)
			here.receives(first, first)
			here.stay(id, "@one:here.test", room.Invite)
			second := invited("@two:here.test", far.rooms.Invite)
			here.receives(second, second)
			here.stay(id, "@two:here.test", "")
			here.receives(invited("@three:here.test", far.in.Invite))
			here.stay(id, "@three:here.test", room.Invite)
			if asked != 2 {
				t.Errorf("version %s: it is asked %d times, want 2", v, asked)
			}
			here.receives(far.event(id, far.say(id, erin, "hello")))
			here.reads(id, alice, "meanwhile", "hello")
			held, err := here.rooms.Held(t.Context(), mustRoom(here, id), []string{second.ID()})
			here.ok(err)
			if len(held) != 1 || !held[0].SoftFailed() {
				t.Errorf("version %s: the second is %+v", v, held)
			}
			here.ok(here.rooms.Leave(t.Context(), room.Membership{Room: id, Sender: alice}))
		}
	})
}
