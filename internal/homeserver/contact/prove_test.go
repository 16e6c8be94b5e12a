package contact_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"signet/internal/fedclient"
	"signet/internal/homeserver/contact"
	"signet/internal/idclient"
	"signet/internal/idclient/idclienttest"
	"signet/internal/matrix"
)

// An address is proven once it was shown, and used once.
func TestProveAndSpend(t *testing.T) {
	each(t, func(w *world) {
		s := w.request(w.wish(idclient.Register, ""))
		w.wantNoProof("before the code", s, idclient.Register, "", contact.ErrNotValidated)
		w.shown(w.wish(idclient.Register, ""))
		p := w.prove(s, idclient.Register, "")
		if p.Address() != w.email() || p.Purpose() != idclient.Register || p.User() != "" || !p.ValidatedAt().Equal(time.UnixMilli(1_600_000_000_000)) {
			t.Errorf("proven is %+v", p)
		}
		w.prove(s, idclient.Register, "") // it may be looked at again
		if err := w.use(p, alice); err != nil {
			t.Fatal(err)
		}
		w.wantNoProof("used", s, idclient.Register, "", contact.ErrSession)
		if err := w.use(p, bob); !errors.Is(err, contact.ErrSession) || w.owner() != alice {
			t.Errorf("used twice: %v, and %s has it", err, w.owner())
		}
		w.request(w.wish(idclient.Register, "")) // asked for again it stays so
		w.wantNoProof("asked for again", s, idclient.Register, "", contact.ErrSession)
	})
}

// Of many who use a session at the same time one does.
func TestSpentOnce(t *testing.T) {
	each(t, func(w *world) {
		p := w.prove(w.shown(w.wish(idclient.Register, "")), idclient.Register, "")
		var race sync.WaitGroup
		errs := make([]error, 8)
		for i := range errs {
			race.Go(func() { errs[i] = w.use(p, matrix.UserID("@user"+string(rune('a'+i))+":hs.test")) })
		}
		race.Wait()
		won := 0
		for _, err := range errs {
			if err == nil {
				won++
			} else if !errors.Is(err, contact.ErrSession) {
				t.Errorf("%v", err)
			}
		}
		if won != 1 {
			t.Errorf("%d used it, want 1", won)
		}
	})
}

// A session is good for what it was asked for, by whom it was, and for a day.
func TestOthersSessions(t *testing.T) {
	each(t, func(w *world) {
		w.id.Sessions["theirs"] = map[string]any{"medium": "email", "address": "alice@example.org", "validated_at": 1}
		w.id.Validated["theirs"] = true
		theirs := idclient.Session{SID: "theirs", ClientSecret: secret}
		mine, registering := w.shown(w.wish(idclient.Add, alice)), w.shown(w.wish(idclient.Register, ""))
		asked := len(w.id.Asked)
		for _, purpose := range []idclient.Purpose{idclient.Register, idclient.Add, idclient.Reset, idclient.Login, "", "verify"} {
			for _, user := range []matrix.UserID{"", alice, bob} {
				w.wantNoProof("another server's, or a client's own", theirs, purpose, user, contact.ErrSession)
				if purpose != idclient.Add || user != alice {
					w.wantNoProof("alice's for "+string(purpose)+" of "+user.String(), mine, purpose, user, contact.ErrSession)
				}
				if purpose != idclient.Register || user != "" {
					w.wantNoProof("a sign-up's for "+string(purpose), registering, purpose, user, contact.ErrSession)
				}
			}
		}
		w.wantNoProof("a secret that is not its own", idclient.Session{SID: mine.SID, ClientSecret: "x"}, idclient.Add, alice, contact.ErrSession)
		if len(w.id.Asked) != asked {
			t.Errorf("the identity server was asked %q", w.id.Asked[asked:])
		}
		p := w.prove(mine, idclient.Add, alice)
		w.clock.Advance(24*time.Hour + time.Millisecond)
		w.wantNoProof("a day later", mine, idclient.Add, alice, contact.ErrSession)
		if err := w.use(p, alice); !errors.Is(err, contact.ErrSession) || w.owner() != "" {
			t.Errorf("used a day later: %v, and %q has the address", err, w.owner())
		}
		if err := w.Sweep(t.Context()); err != nil || w.rows() != "" {
			t.Errorf("swept: %v, left is %q", err, w.rows())
		}
	})
}

// Some clients ask with no token: then the session is whosever has both halves of its name.
func TestAddWithNoToken(t *testing.T) {
	each(t, func(w *world) {
		s := w.shown(w.wish(idclient.Add, ""))
		w.wantNoProof("nobody", s, idclient.Add, "", contact.ErrSession)
		if err := w.use(w.prove(s, idclient.Add, bob), bob); err != nil || w.owner() != bob {
			t.Errorf("added: %v, and %q has the address", err, w.owner())
		}
	})
}

// An identity server that says something else than it was asked for, one that knows no
// extensions, and one that does not answer.
func TestWhatTheIdentityServerSays(t *testing.T) {
	each(t, func(w *world) {
		s := w.shown(w.wish(idclient.Add, alice))
		set := func(member string, value any) func(map[string]any) {
			return func(answer map[string]any) { answer[member] = value }
		}
		for _, tt := range []struct {
			what string
			lie  func(map[string]any)
			want error
		}{
			{"another address", set("address", "bob@example.org"), fedclient.ErrBadAnswer},
			{"another medium", func(a map[string]any) { a["medium"], a["address"] = "msisdn", "4915112345678" }, fedclient.ErrBadAnswer},
			{"no medium", set("medium", "fax"), fedclient.ErrBadAnswer},
			{"no address", set("address", "alice"), fedclient.ErrBadAnswer},
			{"no time", set("validated_at", 0), fedclient.ErrBadAnswer},
			{"a time before all", set("validated_at", -5), fedclient.ErrBadAnswer},
			{"another purpose", set("im.signet.purpose", "register"), contact.ErrSession},
			{"another caller", set("im.signet.caller", "evil.test"), contact.ErrSession},
			{"a user as the caller", set("im.signet.caller", "@alice:hs.test"), contact.ErrSession},
			{"another user", set("im.signet.user_id", "@bob:hs.test"), contact.ErrSession},
		} {
			w.id.Lie = tt.lie
			w.wantNoProof(tt.what, s, idclient.Add, alice, tt.want)
		}
		w.id.Lie = nil
		for want, answers := range map[error][]fedclient.Response{
			contact.ErrNotValidated: {idclienttest.Refusal(400, "M_SESSION_NOT_VALIDATED")},
			contact.ErrSession:      {idclienttest.Refusal(404, "M_NO_VALID_SESSION"), idclienttest.Refusal(400, "M_SESSION_EXPIRED")},
			fedclient.Refusal{Status: 500, Errcode: "M_UNKNOWN", Message: "no"}:   {idclienttest.Refusal(500, "M_UNKNOWN")},
			fedclient.Refusal{Status: 403, Errcode: "M_FORBIDDEN", Message: "no"}: {idclienttest.Refusal(403, "M_FORBIDDEN")},
			fedclient.ErrBadAnswer: {{Status: 200, Body: []byte(`[]`)}},
		} {
			for _, answer := range answers {
				w.id.Says = &answer
				w.wantNoProof(string(answer.Body), s, idclient.Add, alice, want)
			}
		}
		w.id.Says, w.id.Down = nil, true
		w.wantNoProof("away", s, idclient.Add, alice, fedclient.ErrUnreachable)
		w.id.Down = false

		w.id.Lie = func(answer map[string]any) { // knows no extensions, and not the time
			answer["validated_at"] = w.clock.Now().Add(time.Hour).UnixMilli()
			for member := range answer {
				if strings.HasPrefix(member, "im.signet.") {
					delete(answer, member)
				}
			}
		}
		if p := w.prove(s, idclient.Add, alice); p.Address() != w.email() || !p.ValidatedAt().Equal(w.clock.Now()) {
			t.Errorf("proven is %+v", p)
		}
		w.Trusted = nil
		w.wantNoProof("at a server that is not used any more", s, idclient.Add, alice, contact.ErrSession)
	})
}

// A new password is for the account that had the address when the code was asked for. Whoever
// has it afterwards is not reached by what was shown before.
func TestWhoseAddressItWas(t *testing.T) {
	each(t, func(w *world) {
		nobodys := w.shown(w.wish(idclient.Reset, ""))
		w.wantNoProof("of nobody", nobodys, idclient.Reset, "", contact.ErrUnknown)
		w.has(alice)
		w.wantNoProof("of nobody then", nobodys, idclient.Reset, "", contact.ErrUnknown)
		if _, err := w.RequestToken(t.Context(), w.wish(idclient.Reset, "")); !errors.Is(err, contact.ErrSession) {
			t.Errorf("asked for again since alice has the address: %v", err)
		}

		wish := w.wish(idclient.Reset, "")
		wish.ClientSecret = "another"
		s := w.shown(wish)
		w.wantNoProof("bob's", s, idclient.Reset, bob, contact.ErrSession)
		p := w.prove(s, idclient.Reset, alice)
		if p := w.prove(s, idclient.Reset, ""); p.User() != alice {
			t.Errorf("it is for %q", p.User())
		}
		if err := w.remove(alice); err != nil {
			t.Fatal(err)
		}
		w.wantNoProof("of nobody any more", s, idclient.Reset, "", contact.ErrSession)
		w.has(bob)
		w.wantNoProof("of bob since", s, idclient.Reset, "", contact.ErrSession)
		if err := w.use(p, alice); !errors.Is(err, contact.ErrSession) {
			t.Errorf("spent since the address is bob's: %v", err)
		}
	})
}
