package inbound_test

import (
	"context"
	"errors"
	"net/http"
	"runtime"
	"testing"

	"signet/internal/fedclient"
	"signet/internal/homeserver/event"
	"signet/internal/homeserver/inbound"
	"signet/internal/homeserver/room"
	"signet/internal/matrix"
)

// is wants a user of any server to be something in a room, as this server knows it.
func (s *server) is(id string, user matrix.UserID, want string) {
	s.Helper()
	if got, err := s.rooms.MembershipNow(s.Context(), mustRoom(s, id), user); err != nil || got != want {
		s.Errorf("%s is %q, %v, want %q", user, got, err, want)
	}
}

// Whom a new room invites from elsewhere can come in at once, and their server has signed
// that they were invited. Those of here are invited once, too.
func TestANewRoomInvites(t *testing.T) {
	each(t, func(here, far *server) {
		for _, v := range []event.Version{event.V2, event.V11, event.V12} {
			id, err := far.in.Create(t.Context(), room.Creation{Creator: erin, Version: v.String(), Preset: room.TrustedPrivateChat, Direct: true,
				Invite: []matrix.UserID{alice, frank, alice}})
			far.ok(err)
			far.is(id, frank, room.Invite)
			here.stay(id, alice, room.Invite)
			invite := far.event(id, far.current(id, "m.room.member", string(alice)))
			if !says(invite.JSON(), `"here.test":{"ed25519:1"`) || !says(invite.JSON(), `"is_direct":true`) {
				t.Errorf("version %s: the invitation is %s", v, invite.JSON())
			}
			here.ok(here.in.Join(t.Context(), inbound.Wish{Membership: room.Membership{Room: id, Sender: alice}}))
			here.is(id, alice, room.Join)
			far.is(id, alice, room.Join)
		}
	})
}

// Whom a server refuses is not invited, whose server is away is, and the room is there all
// the same. A room that would not let its creator invite is not.
func TestANewRoomInvitesInVain(t *testing.T) {
	each(t, func(here, far *server) {
		creation := room.Creation{Creator: erin, Version: "11", Invite: []matrix.UserID{alice}}
		for refusal, want := range map[fedclient.Refusal]string{
			{Status: http.StatusForbidden, Errcode: matrix.Forbidden}:       "",
			{Status: http.StatusForbidden, Errcode: matrix.Unknown}:         room.Invite, // a proxy that speaks for it
			{Status: http.StatusTooManyRequests, Errcode: matrix.Forbidden}: room.Invite,
			{Status: http.StatusBadGateway, Errcode: matrix.Forbidden}:      room.Invite,
		} {
			far.far.lies = map[string]func() (any, error){"invite": func() (any, error) { return nil, refusal }}
			id, err := far.in.Create(t.Context(), creation)
			far.ok(err)
			far.is(id, alice, want)
			far.say(id, erin, "hello?")
		}
		far.far.lies, far.far.server = nil, nil
		id, err := far.in.Create(t.Context(), creation)
		far.ok(err)
		far.is(id, alice, room.Invite)

		creation.PowerLevels = []byte(`{"invite":101}`)
		if _, err := far.in.Create(t.Context(), creation); !errors.Is(err, room.ErrRoomState) {
			t.Errorf("who may not invite: %v", err)
		}
	})
}

// Who comes as soon as their server has signed the invitation waits for what becomes of it.
func TestWhoComesWhileBeingInvited(t *testing.T) {
	each(t, func(here, far *server) {
		id := far.create(event.V11, erin)
		came := make(chan struct{})
		far.far.lies = map[string]func() (any, error){"invite": func() (any, error) {
			go func() {
				defer close(came)
				far.in.Settle(t.Context(), id, alice)
			}()
			for far.in.Inviting(id, alice) < 2 {
				select {
				case <-came:
					t.Error("who comes does not wait")
					return nil, errUnreachable
				default:
					runtime.Gosched()
				}
			}
			return nil, errUnreachable
		}}
		if err := far.in.Invite(t.Context(), room.Membership{Room: id, Sender: erin, Target: alice}); !errors.Is(err, errUnreachable) {
			t.Errorf("Invite = %v", err)
		}
		<-came
		gone, stop := context.WithCancel(t.Context())
		stop()
		far.in.Settle(gone, id, alice) // nobody is being invited
		if n := far.in.Inviting(id, alice); n != 0 {
			t.Errorf("%d wait still", n)
		}
	})
}
