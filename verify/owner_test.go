package verify_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"signet/internal/deliver"
	"signet/internal/store"
	"signet/internal/store/storetest"
	"signet/internal/threepid"
	"signet/verify"
)

// manage asks on the owner's page for a message to an address.
func (s *story) manage(a threepid.Address) (verify.Credentials, error) {
	s.Helper()
	s.asked++
	secret := fmt.Sprint("manage", s.asked)
	sid, err := s.Request(s.Context(), verify.Request{Address: a, ClientSecret: secret, Caller: verify.Page, Purpose: verify.Manage, SendAttempt: 1})
	return verify.Credentials{SID: sid, ClientSecret: secret}, err
}

// owner is the proof of whoever holds an address, for the owner's page.
func (s *story) owner(a threepid.Address) (verify.Credentials, verify.Proof) {
	s.Helper()
	c, err := s.manage(a)
	if err != nil {
		s.Fatal(err)
	}
	if err := s.Submit(s.Context(), c, verify.Page, s.Post.Last(s.T).Code()); err != nil {
		s.Fatal(err)
	}
	p, err := s.ProveOwner(s.Context(), c)
	if err != nil {
		s.Fatal(err)
	}
	return c, p
}

func TestTheOwnersPageIsOpenForHalfAnHour(t *testing.T) {
	each(t, func(s *story) {
		c, _ := s.owner(email(s.T, "alice@example.org"))
		s.Clock.Advance(30*time.Minute - time.Millisecond)
		if _, err := s.ProveOwner(s.Context(), c); err != nil {
			s.Errorf("within half an hour = %v", err)
		}
		s.Clock.Advance(time.Millisecond)
		if _, err := s.ProveOwner(s.Context(), c); !errors.Is(err, verify.ErrExpired) {
			s.Errorf("after half an hour = %v", err)
		}
	})
}

func TestWhatDoesNotOpenTheOwnersPage(t *testing.T) {
	each(t, func(s *story) {
		address := email(s.T, "alice@example.org")
		unconfirmed, err := s.manage(address)
		if err != nil {
			s.Fatal(err)
		}
		accounts, _ := s.Prove(s.T, address, alice, "account")
		verified, _ := s.Prove(s.T, address, verify.Page, "toverify")
		for name, c := range map[string]struct {
			verify.Credentials
			want error
		}{
			"nothing":                   {verify.Credentials{}, verify.ErrNoSession},
			"another secret":            {verify.Credentials{SID: verified.SID, ClientSecret: "x"}, verify.ErrNoSession},
			"a session of an account":   {accounts, verify.ErrNoSession},
			"a session to verify":       {verified, verify.ErrOtherPurpose},
			"a message nobody answered": {unconfirmed, verify.ErrNotValidated},
		} {
			if _, err := s.ProveOwner(s.Context(), c.Credentials); !errors.Is(err, c.want) {
				s.Errorf("%s = %v, want %v", name, err, c.want)
			}
		}
		_, stranger := s.Prove(s.T, address, alice, "stranger")
		if err := s.Refuse(s.Context(), stranger); !errors.Is(err, verify.ErrOtherPurpose) {
			s.Errorf("Refuse by an account = %v", err)
		}
		if err := s.Allow(s.Context(), stranger); !errors.Is(err, verify.ErrOtherPurpose) {
			s.Errorf("Allow by an account = %v", err)
		}
	})
}

// Whoever has refused all messages is reached by the owner's page alone, twice a day, and
// lifts the refusal there. Nobody learns by the third that it was not sent.
func TestAnOwnerWhoRefusedMessagesIsReached(t *testing.T) {
	for name, address := range map[string]func(t testing.TB) threepid.Address{
		"e-mail": func(t testing.TB) threepid.Address { return email(t, "alice@example.org") }, "phone": phone,
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(s *story) {
				s.Limited(s.T)
				a := address(s.T)
				_, proof := s.owner(a)
				if err := s.Refuse(s.Context(), proof); err != nil {
					s.Fatal(err)
				}
				if until, err := s.RefusedUntil(s.Context(), proof); err != nil || until.Sub(s.Clock.Now()) != 30*24*time.Hour {
					s.Errorf("refused until %v, %v", until, err)
				}
				sent := len(s.Post.Sent())
				if err := s.ask(a, alice, "203.0.113.1"); err != nil || len(s.Post.Sent()) != sent {
					s.Errorf("an account = %v, %d messages", err, len(s.Post.Sent())-sent)
				}
				for i, want := range []int{1, 2, 2} {
					s.Clock.Advance(time.Hour)
					if _, err := s.manage(a); err != nil {
						s.Errorf("the owner's page, time %d = %v", i+1, err)
					}
					if got := len(s.Post.Sent()) - sent; got != want {
						s.Errorf("after time %d: %d messages, want %d", i+1, got, want)
					}
				}
				s.Clock.Advance(24 * time.Hour)
				_, proof = s.owner(a)
				if err := s.Allow(s.Context(), proof); err != nil {
					s.Fatal(err)
				}
				if until, err := s.RefusedUntil(s.Context(), proof); err != nil || !until.IsZero() {
					s.Errorf("refused until %v, %v", until, err)
				}
				sent = len(s.Post.Sent())
				if err := s.ask(a, mallory, "203.0.113.2"); err != nil || len(s.Post.Sent()) != sent+1 {
					s.Errorf("after the refusal was lifted: %d messages, %v", len(s.Post.Sent())-sent, err)
				}
			})
		})
	}
}

// That the second message of a day uses up what reaches such an owner asks for no CAPTCHA:
// it would tell who wants no messages.
func TestReachingAnOwnerLooksLikeAnyMessage(t *testing.T) {
	each(t, func(s *story) {
		s.Limited(s.T)
		a := phone(s.T)
		_, proof := s.owner(a)
		if err := s.Refuse(s.Context(), proof); err != nil {
			s.Fatal(err)
		}
		s.Clock.Advance(24 * time.Hour)
		s.Verifier.When = verify.OnSuspicion
		for i := range 3 {
			if _, err := s.manage(a); err != nil {
				s.Errorf("time %d = %v", i+1, err)
			}
			s.Clock.Advance(5 * time.Hour)
		}
	})
}

// Everything that is stored is in what the owner takes along, without secrets, and nothing
// of it is left after an erasure but the owner's own wish.
func TestSessionsAreHeldAndErased(t *testing.T) {
	each(t, func(s *story) {
		a := email(s.T, "alice@example.org")
		s.Prove(s.T, a, alice, "s1")
		other, _ := s.Prove(s.T, email(s.T, "bob@example.org"), verify.Page, "other")
		s.hang()
		s.Verifier.Patience = time.Millisecond
		pending, err := s.Request(s.Context(), verify.Request{Address: a, ClientSecret: "s2", Caller: verify.Homeserver("hs.example"),
			Purpose: verify.Login, User: "@alice:hs.example", SendAttempt: 1})
		if err != nil {
			s.Fatal(err)
		}
		for len(s.Post.Tried()) < 3 {
			time.Sleep(time.Millisecond)
		}
		s.Post.Fail(errors.Join(deliver.ErrNoMailbox, deliver.ErrRefused))
		s.Verifier.Patience = time.Minute
		if err := s.ask(a, mallory, "203.0.113.1"); err == nil {
			s.Fatal("a message to a missing mailbox was sent")
		}
		held := s.held(a)
		for _, want := range []string{"@alice:example.org", "hs.example", `"purpose":"login"`, "validated_ts", "no_mailbox_until_ts"} {
			if !strings.Contains(held, want) {
				s.Errorf("what is held lacks %q: %s", want, held)
			}
		}
		if strings.Contains(held, pending) || strings.Contains(held, "s1") || strings.Contains(held, "bob") {
			s.Errorf("what is held tells too much: %s", held)
		}
		s.erase(a)
		if got := s.held(a); got != `{"sessions":[]}` {
			s.Errorf("held after the erasure: %s", got)
		}
		left := storetest.Dump(s.T, s.DB, "verify_sessions", "verify_suppressions", "outbox_jobs")
		if strings.Contains(left, "@alice") || strings.Contains(left, "hs.example") || !strings.Contains(left, "state=withdrawn") {
			s.Errorf("left are\n%s", left)
		}
		if _, err := s.World.Verifier.Prove(s.Context(), other, verify.Page); err != nil {
			s.Errorf("somebody else's session = %v", err)
		}
	})
}

// hang keeps the next message on its way until the end of the test.
func (s *story) hang() {
	end := make(chan struct{})
	s.Cleanup(func() { close(end) })
	var once sync.Once
	s.Post.Delay(func() {
		next := false
		once.Do(func() { next = true })
		if next {
			<-end
		}
	})
}

func (s *story) held(a threepid.Address) string {
	s.Helper()
	held, err := s.Held(s.Context(), a)
	if err != nil {
		s.Fatal(err)
	}
	text, err := json.Marshal(held)
	if err != nil {
		s.Fatal(err)
	}
	return string(text)
}

func (s *story) erase(a threepid.Address) {
	s.Helper()
	if err := s.DB.Tx(s.Context(), func(tx *store.Tx) error { return s.Erase(s.Context(), tx, a) }); err != nil {
		s.Fatal(err)
	}
}

// The owner's wish to get no messages survives the erasure, under a keyed hash.
func TestARefusalSurvivesErasure(t *testing.T) {
	each(t, func(s *story) {
		a := email(s.T, "alice@example.org")
		_, proof := s.owner(a)
		if err := s.Refuse(s.Context(), proof); err != nil {
			s.Fatal(err)
		}
		s.erase(a)
		sent := len(s.Post.Sent())
		if err := s.ask(a, alice, "203.0.113.1"); err != nil || len(s.Post.Sent()) != sent {
			s.Errorf("%d messages, %v", len(s.Post.Sent())-sent, err)
		}
		if left := storetest.Dump(s.T, s.DB, "verify_suppressions"); !strings.Contains(left, "owner") || strings.Contains(left, "alice") {
			s.Errorf("left are\n%s", left)
		}
	})
}

// A user's sessions are those the user asked for, and those a homeserver asked for the user.
func TestTheSessionsOfAUser(t *testing.T) {
	each(t, func(s *story) {
		a := email(s.T, "alice@example.org")
		s.Prove(s.T, a, alice, "s1")
		s.Prove(s.T, a, mallory, "s2")
		_, err := s.Request(s.Context(), verify.Request{Address: a, ClientSecret: "s3", Caller: verify.Homeserver("example.org"),
			Purpose: verify.Reset, User: "@alice:example.org", SendAttempt: 1})
		if err != nil {
			s.Fatal(err)
		}
		held, err := s.HeldBy(s.Context(), "@alice:example.org")
		if err != nil {
			s.Fatal(err)
		}
		if got := held.(verify.Held).Sessions; len(got) != 2 || got[0].Address != "alice@example.org" {
			s.Errorf("held by Alice: %+v", got)
		}
		err = s.DB.Tx(s.Context(), func(tx *store.Tx) error { return s.EraseUser(s.Context(), tx, "@alice:example.org") })
		if err != nil {
			s.Fatal(err)
		}
		if left := dump(s.T, s.DB, "verify_sessions"); strings.Contains(left, "@alice") || !strings.Contains(left, "@mallory") {
			s.Errorf("left are\n%s", left)
		}
	})
}
