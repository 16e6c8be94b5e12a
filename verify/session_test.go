package verify_test

import (
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"signet/internal/deliver"
	"signet/internal/store"
	"signet/internal/store/storetest"
	"signet/verify"
	"signet/verify/verifytest"
)

func TestTheRightCodeValidates(t *testing.T) {
	each(t, func(s *story) {
		c := s.mustRequest(1)
		if _, err := s.World.Verifier.Prove(s.Context(), c, alice); !errors.Is(err, verify.ErrNotValidated) {
			s.Errorf("Prove before = %v, want %v", err, verify.ErrNotValidated)
		}
		code := s.Post.Last(s.T).Code()
		if len(code) != 8 {
			s.Fatalf("an e-mail's code has %d digits, want 8", len(code))
		}
		s.submit(c, code[:4]+" "+code[4:], nil) // as it is printed
		s.Clock.Advance(time.Hour)
		s.submit(c, code, nil) // the first answer was lost
		proof, err := s.World.Verifier.Prove(s.Context(), c, alice)
		if err != nil || proof.Address() != email(s.T, "alice@example.org") {
			s.Errorf("Prove = %v, %v", proof.Address(), err)
		}
	})
}

// The right code after five wrong ones is refused, after a re-send too; the link
// still works, so a stranger cannot keep the owner out.
func TestWrongCodesKillTheCodeButNotTheLink(t *testing.T) {
	each(t, func(s *story) {
		c := s.mustRequest(1)
		code := s.Post.Last(s.T).Code()
		for range 5 {
			s.submit(c, other(code), verify.ErrWrongCode)
		}
		s.submit(c, code, verify.ErrWrongCode)
		s.Clock.Advance(time.Minute)
		s.mustRequest(2)
		s.submit(c, s.Post.Last(s.T).Code(), verify.ErrWrongCode)
		if _, err := s.Confirm(s.Context(), s.Post.Last(s.T).Link()); err != nil {
			s.Errorf("the link = %v", err)
		}
		if _, err := s.World.Verifier.Prove(s.Context(), c, alice); err != nil {
			s.Errorf("Prove = %v", err)
		}
	})
}

// A hundred guesses at the same moment count like a hundred in a row: at
// most five are looked at.
func TestParallelGuessesGainNothing(t *testing.T) {
	each(t, func(s *story) {
		c := s.mustRequest(1)
		code := s.Post.Last(s.T).Code()
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				if err := s.Submit(s.Context(), c, alice, other(code)); !errors.Is(err, verify.ErrWrongCode) {
					s.Errorf("Submit = %v", err)
				}
			})
		}
		wg.Wait()
		var wrong int
		if err := s.DB.QueryRow(s.Context(), "SELECT wrong_codes FROM verify_sessions WHERE sid = $1", c.SID).Scan(&wrong); err != nil || wrong != 5 {
			s.Errorf("%d guesses counted, %v; want 5", wrong, err)
		}
		s.submit(c, code, verify.ErrWrongCode)
	})
}

func TestLives(t *testing.T) {
	each(t, func(s *story) {
		c := s.mustRequest(1)
		m := s.Post.Last(s.T)
		s.Clock.Advance(15 * time.Minute)
		s.submit(c, m.Code(), verify.ErrExpired)
		if _, err := s.Link(s.Context(), m.Link()); err != nil {
			s.Errorf("the link after 15 minutes = %v", err)
		}
		s.Clock.Advance(45 * time.Minute)
		if _, err := s.Confirm(s.Context(), m.Link()); !errors.Is(err, verify.ErrExpired) {
			s.Errorf("the link after an hour = %v, want %v", err, verify.ErrExpired)
		}
		s.mustRequest(2)
		s.submit(c, s.Post.Last(s.T).Code(), nil)
		s.Clock.Advance(24 * time.Hour)
		if _, err := s.World.Verifier.Prove(s.Context(), c, alice); !errors.Is(err, verify.ErrExpired) {
			s.Errorf("the session after a day = %v, want %v", err, verify.ErrExpired)
		}
		if fresh := s.mustRequest(1); fresh == c {
			s.Error("a session that has expired is used again")
		}
	})
}

func TestASessionBelongsToItsCaller(t *testing.T) {
	each(t, func(s *story) {
		c := s.mustRequest(1)
		code := s.Post.Last(s.T).Code()
		if err := s.Submit(s.Context(), c, mallory, code); !errors.Is(err, verify.ErrNoSession) {
			s.Errorf("another account's Submit = %v, want %v", err, verify.ErrNoSession)
		}
		s.submit(verify.Credentials{SID: c.SID, ClientSecret: "guess"}, code, verify.ErrNoSession)
		s.submit(verify.Credentials{SID: "unknown", ClientSecret: "secret"}, code, verify.ErrNoSession)
		s.submit(c, code, nil)
		if _, err := s.World.Verifier.Prove(s.Context(), c, mallory); !errors.Is(err, verify.ErrNoSession) {
			s.Errorf("another account's Prove = %v, want %v", err, verify.ErrNoSession)
		}
	})
}

// Looking at a link as often as one likes changes nothing.
func TestALinkIsConfirmedAndNotOnlyOpened(t *testing.T) {
	each(t, func(s *story) {
		c := s.mustRequest(1)
		token := s.Post.Last(s.T).Link()
		for range 3 {
			if l, err := s.Link(s.Context(), token); err != nil || l.Validated {
				s.Fatalf("Link = %+v, %v", l, err)
			}
		}
		if _, err := s.World.Verifier.Prove(s.Context(), c, alice); !errors.Is(err, verify.ErrNotValidated) {
			s.Errorf("Prove after opening the link = %v, want %v", err, verify.ErrNotValidated)
		}
		for range 2 {
			if l, err := s.Confirm(s.Context(), token); err != nil || !l.Validated || l.Caller != alice {
				s.Errorf("Confirm = %+v, %v", l, err)
			}
		}
		if _, err := s.Link(s.Context(), "no such token"); !errors.Is(err, verify.ErrNoLink) {
			s.Errorf("an unknown link = %v, want %v", err, verify.ErrNoLink)
		}
	})
}

// Of many who spend one proof at the same moment, one does.
func TestAProofIsSpentOnce(t *testing.T) {
	each(t, func(s *story) {
		_, proof := s.Prove(s.T, email(s.T, "alice@example.org"), alice, "secret")
		var firsts atomic.Int32
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() {
				var first bool
				err := s.DB.Tx(s.Context(), func(tx *store.Tx) (err error) {
					first, err = s.Spend(s.Context(), tx, proof)
					return err
				})
				if err != nil {
					s.Error(err)
				}
				if first {
					firsts.Add(1)
				}
			})
		}
		wg.Wait()
		if n := firsts.Load(); n != 1 {
			s.Errorf("%d spent the same proof, want 1", n)
		}
	})
}

// Two replicas on one database: what one began the other ends.
func TestReplicasShareSessions(t *testing.T) {
	storetest.EachLaidOut(t, verifytest.Owners, func(t *testing.T, url string) {
		s := &story{T: t, World: verifytest.New(t, storetest.Open(t, url, nil))}
		second := s.Replica(t, storetest.Open(t, url, nil))
		c := s.mustRequest(1)
		if err := second.Submit(s.Context(), c, alice, s.Post.Last(s.T).Code()); err != nil {
			s.Fatal(err)
		}
		if _, err := s.World.Verifier.Prove(s.Context(), c, alice); err != nil {
			s.Error(err)
		}
	})
}

// While commits fail, as on a full disk, a guess is not told whether it was right:
// it was not counted.
func TestAGuessThatIsNotCountedIsNotAnswered(t *testing.T) {
	each(t, func(s *story) {
		c := s.mustRequest(1)
		code := s.Post.Last(s.T).Code()
		storetest.FailCommits(s.T, s.DB, "verify_sessions")
		for _, guess := range []string{other(code), code} {
			if err := s.Submit(s.Context(), c, alice, guess); err == nil || errors.Is(err, verify.ErrWrongCode) {
				s.Errorf("Submit = %v", err)
			}
		}
	})
}

// Asking for further messages does not prolong what was shown once: the address may
// have another owner by now.
func TestAProofIsNotProlonged(t *testing.T) {
	each(t, func(s *story) {
		c, _ := s.Prove(s.T, email(s.T, "alice@example.org"), alice, "secret")
		for attempt := range int64(2) {
			s.Clock.Advance(13 * time.Hour)
			s.mustRequest(attempt + 2)
		}
		if _, err := s.World.Verifier.Prove(s.Context(), c, alice); err == nil {
			s.Error("a proof of 26 hours ago still proves")
		}
	})
}

// A dump of the tables shows no address, secret, code, link or CAPTCHA's answer, neither
// while a message is under way nor afterwards.
func TestADumpShowsNothing(t *testing.T) {
	each(t, func(s *story) {
		s.Post.Fail(deliver.ErrUnknownOutcome) // it stays in the outbox
		s.Request(s.Context(), verify.Request{Address: email(s.T, "bob@example.org"), ClientSecret: "unguessable", Caller: alice, SendAttempt: 1})
		s.Post.Fail(nil)
		s.Prove(s.T, email(s.T, "alice@example.org"), alice, "unguessable")
		_, err := s.Request(s.Context(), verify.Request{Address: email(s.T, "dora@example.org"), ClientSecret: "unguessable", Caller: alice, SendAttempt: 1,
			NextLink: "https://app.example.org/?secret=unguessable&email=dora@example.org"})
		if err != nil {
			s.Fatal(err)
		}
		s.shows(email(s.T, "erin@example.org"), hs, verify.Register, false)
		if _, err := s.text(1); err != nil {
			s.Fatal(err)
		}
		if _, err := s.Stop(s.Context(), s.Post.Last(s.T).Stop(), true); err != nil {
			s.Fatal(err)
		}
		s.Verifier.When = verify.Always
		open := s.needsCaptcha(second(s.request(7)))
		passed := s.needsCaptcha(second(s.Request(s.Context(), verify.Request{
			Address: email(s.T, "carol@example.org"), ClientSecret: "unguessable", Caller: alice, SendAttempt: 1,
		})))
		s.pass(passed)
		secrets := []string{"alice@", "bob@", "carol@", "dora@", "erin@", "\x89PNG", "12015550123", "unguessable", s.Captcha.Answer(open.Challenge.ID), s.Captcha.Answer(passed.Challenge.ID)}
		for _, m := range s.Post.Tried() {
			secrets = append(secrets, m.Code(), m.Stop())
			if m.Link() != "" {
				secrets = append(secrets, m.Link())
			}
		}
		for _, table := range []string{"verify_sessions", "verify_suppressions", "verify_shown", "outbox_jobs", "captcha_challenges", "quota_buckets", "fraud_sends", "fraud_totals"} {
			dump := dump(s.T, s.DB, table)
			for _, secret := range secrets {
				if strings.Contains(dump, secret) {
					s.Errorf("%s shows %q", table, secret)
				}
			}
		}
	})
}
