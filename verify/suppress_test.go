package verify_test

import (
	"errors"
	"testing"
	"time"

	"signet/internal/deliver"
	"signet/verify"
)

// Opening the "this was not me" link as often as one likes changes nothing.
func TestAStopLinkIsOpenedWithoutHarm(t *testing.T) {
	each(t, func(s *story) {
		c := s.mustRequest(1)
		token := s.Post.Last(s.T).Stop()
		for range 3 {
			page, err := s.StopPage(s.Context(), token)
			if err != nil || page.Stopped || page.Asker != "@alice:example.org" || page.Purpose != verify.Verify {
				s.Fatalf("StopPage = %+v, %v", page, err)
			}
		}
		if _, err := s.StopPage(s.Context(), "AAAAAAAAAAAA"); !errors.Is(err, verify.ErrNoLink) {
			s.Errorf("an unknown link = %v", err)
		}
		s.submit(c, s.Post.Last(s.T).Code(), nil)
	})
}

// "This was not me" ends the session: neither code nor link opens it, and what was
// shown already proves nothing.
func TestThisWasNotMeEndsTheSession(t *testing.T) {
	for _, validated := range []bool{false, true} {
		each(t, func(s *story) {
			c := s.mustRequest(1)
			m := s.Post.Last(s.T)
			if validated {
				s.submit(c, m.Code(), nil)
			}
			if page, err := s.Stop(s.Context(), m.Stop(), false); err != nil || !page.Stopped || !page.Suppressed.IsZero() {
				s.Fatalf("Stop = %+v, %v", page, err)
			}
			s.submit(c, m.Code(), verify.ErrWrongCode)
			if _, err := s.Confirm(s.Context(), m.Link()); !errors.Is(err, verify.ErrExpired) {
				s.Errorf("the link = %v", err)
			}
			if _, err := s.World.Verifier.Prove(s.Context(), c, alice); !errors.Is(err, verify.ErrNotValidated) {
				s.Errorf("Prove = %v", err)
			}
		})
	}
}

// An owner who wants no messages gets none, and nobody is told: every request is
// answered as ever, in the time that a message takes.
func TestASilencedAddressLooksLikeAnyOther(t *testing.T) {
	each(t, func(s *story) {
		s.Limited(s.T)
		s.mustRequest(1)
		if page, err := s.Stop(s.Context(), s.Post.Last(s.T).Stop(), true); err != nil || page.Suppressed.Sub(s.Clock.Now()) != 30*24*time.Hour {
			s.Fatalf("Stop = %+v, %v", page, err)
		}
		sent := len(s.Post.Tried())
		c, err := s.Request(s.Context(), verify.Request{Address: email(s.T, "alice@example.org"), ClientSecret: "other", Caller: mallory, SendAttempt: 1})
		if err != nil || c == "" {
			s.Fatalf("Request = %q, %v", c, err)
		}
		if n := len(s.Post.Tried()); n != sent {
			s.Errorf("%d messages were sent to whoever wants none", n-sent)
		}
		if len(s.Slept) != 1 {
			s.Errorf("the decoy took its time %d times, want once", len(s.Slept))
		}
		if again, err := s.Request(s.Context(), verify.Request{Address: email(s.T, "alice@example.org"), ClientSecret: "other", Caller: mallory, SendAttempt: 1}); err != nil || again != c {
			s.Errorf("the same request = %q, %v", again, err)
		}
		if err := s.Submit(s.Context(), verify.Credentials{SID: c, ClientSecret: "other"}, mallory, "12345678"); !errors.Is(err, verify.ErrWrongCode) {
			s.Errorf("a guess = %v", err)
		}
		s.ask(email(s.T, "alice@example.org"), alice, "203.0.113.1")
		wantLimit(s, s.ask(email(s.T, "alice@example.org"), alice, "203.0.113.1")) // counted as ever
	})
}

// The same link lets messages come again, and so does time.
func TestSilenceEnds(t *testing.T) {
	for name, end := range map[string]func(s *story, token string){
		"by the link": func(s *story, token string) {
			if page, err := s.Unsilence(s.Context(), token); err != nil || !page.Suppressed.IsZero() || !page.Stopped {
				s.Fatalf("Unsilence = %+v, %v", page, err)
			}
		},
		"after 30 days": func(s *story, _ string) { s.Clock.Advance(30 * 24 * time.Hour) },
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(s *story) {
				s.mustRequest(1)
				token := s.Post.Last(s.T).Stop()
				if _, err := s.Stop(s.Context(), token, true); err != nil {
					s.Fatal(err)
				}
				s.silent(true)
				end(s, token)
				s.silent(false)
				sent := len(s.Post.Sent())
				if err := s.ask(email(s.T, "alice@example.org"), alice, "203.0.113.1"); err != nil || len(s.Post.Sent()) != sent+1 {
					s.Errorf("%d messages, %v; want 1", len(s.Post.Sent())-sent, err)
				}
			})
		})
	}
}

// silent checks whether Alice wants no messages, at any spelling of her inbox.
func (s *story) silent(want bool) {
	s.Helper()
	for _, address := range []string{"alice@example.org", "alice+news@example.org"} {
		if got, err := s.Suppressed(s.Context(), email(s.T, address)); err != nil || got != want {
			s.Errorf("Suppressed(%s) = %v, %v, want %v", address, got, err, want)
		}
	}
	if got, err := s.Suppressed(s.Context(), email(s.T, "bob@example.org")); err != nil || got {
		s.Errorf("Suppressed of somebody else = %v, %v", got, err)
	}
}

// Where the mail server knows no such mailbox, it is not asked again for a day, and the
// requester is told the same. A refusal for another reason is no such thing.
func TestAMailboxThatIsNotThereIsNotAskedAgain(t *testing.T) {
	each(t, func(s *story) {
		ask := func() error { return s.ask(email(s.T, "nobody@example.org"), alice, "203.0.113.1") }
		s.Post.Fail(deliver.ErrRefused)
		if err := ask(); !errors.Is(err, verify.ErrEmailNotSent) {
			s.Fatalf("Request = %v", err)
		}
		s.Post.Fail(errors.Join(deliver.ErrNoMailbox, deliver.ErrRefused))
		if err := ask(); !errors.Is(err, verify.ErrEmailNotSent) {
			s.Fatalf("Request = %v", err)
		}
		tried := len(s.Post.Tried())
		s.Post.Fail(nil)
		if err := ask(); !errors.Is(err, verify.ErrEmailNotSent) {
			s.Errorf("Request to a mailbox that is not there = %v", err)
		}
		if n := len(s.Post.Tried()); tried != 2 || n != tried {
			s.Errorf("the mail server was asked %d times, then %d times more; want 2 and 0", tried, n-tried)
		}
		s.Clock.Advance(24 * time.Hour)
		if err := ask(); err != nil {
			s.Errorf("a day later = %v", err)
		}
	})
}

// Addresses that are open to everybody prove nothing, subdomains included.
func TestDisposableDomainsAreRefused(t *testing.T) {
	each(t, func(s *story) {
		s.Verifier.Disposable = verify.Domains(verify.DisposableDomains + "# more\n\nEvil.Example\n")
		for address, want := range map[string]error{
			"a@mailinator.com":     verify.ErrDisposable,
			"a@sub.mailinator.com": verify.ErrDisposable,
			"a@evil.example":       verify.ErrDisposable,
			"a@notmailinator.com":  nil,
			"a@example.org":        nil,
		} {
			if err := s.ask(email(s.T, address), alice, "203.0.113.1"); !errors.Is(err, want) {
				s.Errorf("Request = %v, want %v", err, want)
			}
		}
	})
}

// A mailbox that a server does not know is sent nothing for a while; its neighbours are.
func TestAMailboxThatIsNotThere(t *testing.T) {
	each(t, func(s *story) {
		suppressed := func(address string, want bool) {
			s.Helper()
			if got, err := s.Suppressed(s.Context(), email(s.T, address)); err != nil || got != want {
				s.Errorf("Suppressed(%s) = %v, %v, want %v", address, got, err, want)
			}
		}
		suppressed("alice@example.org", false)
		if err := s.NoMailbox(s.Context(), email(s.T, "alice@example.org")); err != nil {
			s.Fatal(err)
		}
		suppressed("alice@example.org", true)
		suppressed("alice+news@example.org", false)
		suppressed("bob@example.org", false)
		s.Clock.Advance(24 * time.Hour)
		suppressed("alice@example.org", false)
	})
}
