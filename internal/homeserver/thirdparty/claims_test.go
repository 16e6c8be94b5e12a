package thirdparty_test

import (
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"signet/internal/fedclient"
	"signet/internal/homeserver/authz"
	"signet/internal/homeserver/event"
	"signet/internal/homeserver/remote"
	"signet/internal/homeserver/room"
	"signet/internal/homeserver/thirdparty"
	"signet/internal/matrix"
	"signet/internal/store"
)

// What was taken outlives the process, and is tried until it is fulfilled: the server of who has
// invited first, and then that which the room is named after.
func TestAClaimOutlivesTheProcess(t *testing.T) {
	each(t, func(w *world) {
		c := w.claim("!r:other.test", erin, "t")
		w.ok(w.invites.Bound(t.Context(), []thirdparty.Claim{c, c}))
		w.wantClaims("taken", 1, 0)
		w.restart()
		w.fulfil()
		w.far.wants(t, "at once", "far.test !r:other.test", "other.test !r:other.test")
		w.fulfil()
		w.far.wants(t, "before it is due")
		w.ok(w.invites.Bound(t.Context(), []thirdparty.Claim{c}))
		w.fulfil()
		w.far.wants(t, "told again")
		w.clock.Advance(5 * time.Second)
		w.far.says = func(server matrix.ServerName, i remote.ThirdPartyInvite) error {
			if server == "far.test" {
				return fedclient.Refusal{Status: http.StatusNotFound, Errcode: matrix.NotFound}
			}
			w.comes(i)
			return nil
		}
		w.fulfil()
		w.far.wants(t, "when it is due", "far.test !r:other.test", "other.test !r:other.test")
		if is := w.rooms.Standing(carol, "!r:other.test").Membership; is != room.Invite {
			t.Errorf("carol is %q", is)
		}
		w.wantClaims("fulfilled", 0, 1)
		w.ok(w.invites.Bound(t.Context(), []thirdparty.Claim{c}))
		w.clock.Advance(time.Hour)
		w.fulfil()
		w.far.wants(t, "told when it is fulfilled")
		w.clock.Advance(31 * 24 * time.Hour)
		w.ok(w.invites.Sweep(t.Context()))
		w.wantClaims("swept", 0, 0)
	})
}

// comes is the invitation that a server was asked for, as it comes in.
func (w *world) comes(i remote.ThirdPartyInvite) {
	key := i.User.String()
	e, err := event.V11.Build(event.Proto{RoomID: i.Room.String(), Type: "m.room.member", StateKey: &key, Sender: i.Sender.String(), Depth: 1,
		Content: fmt.Appendf(nil, `{"membership":"invite","third_party_invite":{"display_name":"c","signed":%s}}`, i.Signed)}, ours)
	w.ok(err)
	w.ok(w.rooms.PutOutside(w.Context(), room.Outside{RoomID: i.Room.String(), Version: event.V11, Event: e}))
}

// A server that has not sent what it says that it has is asked again; one that refuses is too,
// a few times; what nobody can be asked about ends after a week.
func TestAClaimThatIsNotFulfilled(t *testing.T) {
	for what, tt := range map[string]struct {
		says  error
		tries int // until it ends
	}{
		"it has not come":     {nil, 0},
		"refused":             {fedclient.Refusal{Status: http.StatusForbidden, Errcode: matrix.Forbidden}, 3},
		"unknown":             {fedclient.Refusal{Status: http.StatusNotFound, Errcode: matrix.Unrecognized}, 3},
		"a proxy knows none":  {fedclient.Refusal{Status: http.StatusNotFound, Errcode: matrix.Unknown}, 0},
		"a proxy forbids":     {fedclient.Refusal{Status: http.StatusForbidden, Errcode: matrix.Unknown}, 0},
		"a proxy's bound":     {fedclient.Refusal{Status: http.StatusRequestEntityTooLarge, Errcode: matrix.Unknown}, 0},
		"too often":           {fedclient.Refusal{Status: http.StatusTooManyRequests}, 0},
		"who we are":          {fedclient.Refusal{Status: http.StatusUnauthorized}, 0},
		"a server that fails": {fedclient.Refusal{Status: http.StatusBadGateway}, 0},
		"unreachable":         {fedclient.ErrUnreachable, 0},
	} {
		each(t, func(w *world) {
			w.far.says = func(matrix.ServerName, remote.ThirdPartyInvite) error { return tt.says }
			w.ok(w.invites.Bound(t.Context(), []thirdparty.Claim{w.claim("!r:far.test", erin, "t")}))
			for n := 1; n <= 10; n++ {
				w.fulfil()
				if waiting, _ := w.claims(); (waiting == 0) != (tt.tries > 0 && n >= tt.tries) {
					t.Errorf("%s, after %d attempts: %d wait", what, n, waiting)
				}
				w.clock.Advance(time.Hour)
			}
			w.clock.Advance(8 * 24 * time.Hour)
			w.fulfil()
			w.wantClaims(what+", after a week", 0, 1)
		})
	}
}

// One server that does not answer holds up its own claims only; each server is asked for one at
// a time.
func TestASlowServerHoldsUpItsOwn(t *testing.T) {
	each(t, func(w *world) {
		slow, reached := make(chan struct{}), make(chan string, 100)
		w.far.says = func(server matrix.ServerName, i remote.ThirdPartyInvite) error {
			if server == "far.test" {
				<-slow
			}
			reached <- server.String()
			return fedclient.Refusal{Status: http.StatusForbidden}
		}
		var claims []thirdparty.Claim
		for i := range 30 {
			claims = append(claims, w.claim("!r:far.test", erin, fmt.Sprint(i)))
		}
		for i := range 20 {
			claims = append(claims, w.claim(fmt.Sprintf("!r:s%d.test", i), matrix.UserID(fmt.Sprintf("@x:s%d.test", i)), "t"))
		}
		w.ok(w.invites.Bound(t.Context(), claims))
		done := make(chan error)
		go func() { done <- w.invites.Fulfil(t.Context()) }()
		for range 20 {
			if server := <-reached; server == "far.test" {
				t.Error("far.test has answered")
			}
		}
		w.far.mu.Lock()
		atSlow := 0
		for _, asked := range w.far.asked {
			if asked == "far.test !r:far.test" {
				atSlow++
			}
		}
		w.far.mu.Unlock()
		if atSlow != 1 {
			t.Errorf("far.test is asked %d times at once", atSlow)
		}
		close(slow)
		w.ok(<-done)
	})
}

// Many claims that come to nothing do not keep a true one out: those that have failed most
// often give way.
func TestManyClaimsOfOneUser(t *testing.T) {
	each(t, func(w *world) {
		var many []thirdparty.Claim
		for i := range 1000 {
			many = append(many, w.claim("!r:far.test", erin, fmt.Sprint(i)))
		}
		if err := w.invites.Bound(t.Context(), append(many, many[0])); !errors.Is(err, thirdparty.ErrTooMany) {
			t.Errorf("too many at once: %v", err)
		}
		w.ok(w.invites.Bound(t.Context(), many))
		w.ok(w.invites.Bound(t.Context(), many[:1]))
		w.wantClaims("full", 1000, 0)
		_, err := w.db.Exec(t.Context(), `UPDATE third_party_claims SET attempts = attempts + 1`)
		w.ok(err)
		w.clock.Advance(time.Second)
		good := w.claim("!r:far.test", erin, "good")
		w.ok(w.invites.Bound(t.Context(), []thirdparty.Claim{good}))
		w.wantClaims("over-full", 1000, 1)
		if s, err := w.invites.Status(t.Context()); err != nil || s.Waiting != 1000 || !s.Oldest.Equal(w.clock.Now().Add(-time.Second)) {
			t.Errorf("Status = %+v, %v", s, err)
		}
		var waits int
		w.ok(w.db.QueryRow(t.Context(), `SELECT COUNT(*) FROM third_party_claims WHERE ended_ms = 0 AND attempts = 0`).Scan(&waits))
		if waits != 1 {
			t.Errorf("%d new ones wait", waits)
		}
		for _, user := range []matrix.UserID{alice, carol} {
			w.ok(w.db.Tx(t.Context(), func(tx *store.Tx) error { return thirdparty.Leaver{}.Leave(t.Context(), tx, user, false) }))
			if waiting, _ := w.claims(); (waiting == 0) != (user == carol) {
				t.Errorf("after the end of %s %d wait", user, waiting)
			}
		}
		if s, err := w.invites.Status(t.Context()); err != nil || s != (thirdparty.Status{}) {
			t.Errorf("in the end Status = %+v, %v", s, err)
		}
	})
}

// Who presents what is signed for somebody else, or where nobody can be asked, is not invited.
func TestPresentRefuses(t *testing.T) {
	each(t, func(w *world) {
		if err := w.invites.Present(t.Context(), alice, w.claim("!r:far.test", erin, "t"), nil); !errors.Is(err, authz.ErrInviteUser) {
			t.Errorf("for somebody else: %v", err)
		}
		if err := w.invites.Present(t.Context(), carol, w.claim("!abc", alice, "t"), nil); !errors.Is(err, thirdparty.ErrNoServer) {
			t.Errorf("of a room of nobody: %v", err)
		}
		if err := w.invites.Exchange(t.Context(), w.claim("!abc", alice, "t")); !errors.Is(err, room.ErrUnknownRoom) {
			t.Errorf("an exchange in an unknown room: %v", err)
		}
		w.far.wants(t, "in vain")
		w.far.says = func(matrix.ServerName, remote.ThirdPartyInvite) error { return nil }
		if err := w.invites.Present(t.Context(), carol, w.claim("!abc", alice, "t"), []matrix.ServerName{"via.test", here}); !errors.Is(err, thirdparty.ErrNotCome) {
			t.Errorf("an invitation that does not come: %v", err)
		}
		w.far.wants(t, "by a server that the client names", "via.test !abc")
	})
}
