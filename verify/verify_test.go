package verify_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"signet/internal/deliver"
	"signet/internal/matrix"
	"signet/internal/outbox"
	"signet/internal/store"
	"signet/internal/store/storetest"
	"signet/internal/threepid"
	"signet/verify"
	"signet/verify/verifytest"
)

const alice, mallory = verify.Caller("account @alice:example.org"), verify.Caller("account @mallory:example.org")

// story is a test's world with words for what people do.
type story struct {
	*testing.T
	*verifytest.World
	asked int // requests, for a secret of its own each
}

func each(t *testing.T, tell func(s *story)) {
	storetest.Each(t, verifytest.Owners, func(t *testing.T, db *store.DB) {
		tell(&story{T: t, World: verifytest.New(t, db)})
	})
}

func email(t testing.TB, text string) threepid.Address {
	t.Helper()
	a, err := threepid.ParseEmail(text)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func phone(t testing.TB) threepid.Address {
	t.Helper()
	a, err := threepid.ParsePhone("+12015550123", "US")
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func (s *story) request(attempt int64) (verify.Credentials, error) {
	sid, err := s.Request(s.Context(), verify.Request{
		Address: email(s.T, "alice@example.org"), ClientSecret: "secret", Caller: alice, SendAttempt: attempt,
	})
	return verify.Credentials{SID: sid, ClientSecret: "secret"}, err
}

func (s *story) mustRequest(attempt int64) verify.Credentials {
	s.Helper()
	c, err := s.request(attempt)
	if err != nil {
		s.Fatal(err)
	}
	return c
}

func (s *story) submit(c verify.Credentials, code string, want error) {
	s.Helper()
	if err := s.Submit(s.Context(), c, alice, code); !errors.Is(err, want) {
		s.Errorf("Submit = %v, want %v", err, want)
	}
}

// other is a code that is not the right one.
func other(code string) string {
	flipped := []byte(code)
	flipped[0] = '0' + (flipped[0]-'0'+1)%10
	return string(flipped)
}

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

func TestATextMessageHasSixDigitsAndNoLink(t *testing.T) {
	each(t, func(s *story) {
		sid, err := s.Request(s.Context(), verify.Request{Address: phone(s.T), ClientSecret: "secret", Caller: alice, SendAttempt: 1})
		if err != nil {
			s.Fatal(err)
		}
		m := s.Post.Last(s.T)
		if len(m.Code()) != 6 || m.Link() != "" || len(m.Text) > 160 {
			s.Errorf("the text message is %d characters long with %d digits", len(m.Text), len(m.Code()))
		}
		if !strings.HasSuffix(m.Text, "\n@id.example.org #"+m.Code()) {
			s.Error("the last line does not bind the code to the page's host")
		}
		s.submit(verify.Credentials{SID: sid, ClientSecret: "secret"}, m.Code(), nil)
	})
}

// Three identical requests, one message; the next attempt sends another, and its
// code kills the old one.
func TestSendAttempt(t *testing.T) {
	each(t, func(s *story) {
		first := s.mustRequest(1)
		for range 2 {
			if again := s.mustRequest(1); again != first {
				s.Errorf("the same request is another session")
			}
		}
		s.mustRequest(0)
		if n := len(s.Post.Sent()); n != 1 {
			s.Fatalf("%d messages, want 1", n)
		}
		old := s.Post.Last(s.T)
		s.Clock.Advance(time.Minute)
		if again := s.mustRequest(2); again != first {
			s.Errorf("a re-send is another session")
		}
		if n := len(s.Post.Sent()); n != 2 {
			s.Fatalf("%d messages, want 2", n)
		}
		if old.Code() != s.Post.Last(s.T).Code() {
			s.submit(first, old.Code(), verify.ErrWrongCode)
		}
		if _, err := s.Link(s.Context(), old.Link()); !errors.Is(err, verify.ErrNoLink) {
			s.Errorf("the old link = %v, want %v", err, verify.ErrNoLink)
		}
		s.submit(first, s.Post.Last(s.T).Code(), nil)
	})
}

// Further messages wait 1, 2, 5 and then 10 minutes; the wait is told, and a request
// that is told to wait has not used up its attempt.
func TestResendDelays(t *testing.T) {
	each(t, func(s *story) {
		s.mustRequest(1)
		for i, delay := range []time.Duration{1, 2, 5, 10, 10} {
			s.Clock.Advance(delay*time.Minute - time.Second)
			attempt := int64(i + 2)
			if _, err := s.request(attempt); !errors.Is(err, matrix.LimitExceeded{RetryAfter: time.Second}) {
				s.Errorf("attempt %d a second early = %v", attempt, err)
			}
			s.mustRequest(attempt - 1) // what was seen is still answered
			s.Clock.Advance(time.Second)
			s.mustRequest(attempt)
			if n := len(s.Post.Sent()); n != i+2 {
				s.Fatalf("%d messages, want %d", n, i+2)
			}
		}
	})
}

func TestIdenticalRequestsAtTheSameMomentSendOneMessage(t *testing.T) {
	each(t, func(s *story) {
		var wg sync.WaitGroup
		sids := make([]string, 12)
		for i := range sids {
			wg.Go(func() {
				c, err := s.request(1)
				if err != nil {
					s.Error(err)
				}
				sids[i] = c.SID
			})
		}
		wg.Wait()
		for _, sid := range sids {
			if sid != sids[0] {
				s.Errorf("sessions %s and %s", sid, sids[0])
			}
		}
		if n := len(s.Post.Sent()); n != 1 {
			s.Errorf("%d messages, want 1", n)
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

// Forty guesses at the same moment count like forty in a row: at
// most five are looked at.
func TestParallelGuessesGainNothing(t *testing.T) {
	each(t, func(s *story) {
		c := s.mustRequest(1)
		code := s.Post.Last(s.T).Code()
		var wg sync.WaitGroup
		for range 40 {
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

// A message that is refused leaves everything as if never asked: the same request
// may be made again, and the code that was sent before still works.
func TestAnUnsentMessageIsAsIfNeverAsked(t *testing.T) {
	for _, failure := range []error{deliver.ErrRefused, deliver.ErrNotNow} {
		each(t, func(s *story) {
			s.Post.Fail(failure)
			if _, err := s.request(1); !errors.Is(err, verify.ErrEmailNotSent) {
				s.Fatalf("Request = %v, want %v", err, verify.ErrEmailNotSent)
			}
			var rows int
			err := s.DB.QueryRow(s.Context(), `SELECT (SELECT COUNT(*) FROM verify_sessions) + (SELECT COUNT(*) FROM outbox_jobs WHERE state = 'pending')`).Scan(&rows)
			if err != nil || rows != 0 {
				s.Errorf("%d rows are left, %v", rows, err)
			}
			s.Post.Fail(nil)
			c := s.mustRequest(1)
			code := s.Post.Last(s.T).Code()
			s.Post.Fail(failure)
			s.Clock.Advance(time.Minute)
			if _, err := s.request(2); !errors.Is(err, verify.ErrEmailNotSent) {
				s.Fatalf("the re-send = %v, want %v", err, verify.ErrEmailNotSent)
			}
			s.submit(c, code, nil)
			s.Post.Fail(nil)
			s.Clock.Advance(time.Second)
			if again := s.mustRequest(2); again != c || len(s.Post.Sent()) != 2 {
				s.Errorf("%d messages, want 2", len(s.Post.Sent()))
			}
			if _, err := s.Link(s.Context(), s.Post.Last(s.T).Link()); err != nil {
				s.Errorf("the link of the message that was sent at last = %v", err)
			}
		})
	}
}

func TestBadRequestsWriteAndSendNothing(t *testing.T) {
	each(t, func(s *story) {
		good := verify.Request{Address: email(s.T, "alice@example.org"), ClientSecret: "secret", Caller: alice, SendAttempt: 1}
		for _, c := range []struct {
			change func(*verify.Request)
			want   error
		}{
			{func(r *verify.Request) { r.ClientSecret = "" }, verify.ErrClientSecret},
			{func(r *verify.Request) { r.ClientSecret = "a b" }, verify.ErrClientSecret},
			{func(r *verify.Request) { r.ClientSecret = strings.Repeat("a", 256) }, verify.ErrClientSecret},
			{func(r *verify.Request) { r.SendAttempt = -1 }, verify.ErrSendAttempt},
			{func(r *verify.Request) { r.NextLink = "javascript:alert(1)" }, verify.ErrNextLink},
			{func(r *verify.Request) { r.NextLink = "/relative" }, verify.ErrNextLink},
			{func(r *verify.Request) { r.NextLink = "https://user@evil.example/" }, verify.ErrNextLink},
			{func(r *verify.Request) { r.NextLink = "https://e.example/" + strings.Repeat("a", 2000) }, verify.ErrNextLink},
		} {
			r := good
			c.change(&r)
			if _, err := s.Request(s.Context(), r); !errors.Is(err, c.want) {
				s.Errorf("Request(%+v) = %v, want %v", r, err, c.want)
			}
		}
		var rows int
		if err := s.DB.QueryRow(s.Context(), "SELECT COUNT(*) FROM verify_sessions").Scan(&rows); err != nil || rows != 0 || len(s.Post.Sent()) != 0 {
			s.Errorf("%d sessions, %d messages, %v; want none", rows, len(s.Post.Sent()), err)
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
	storetest.EachURL(t, func(t *testing.T, url string) {
		s := &story{T: t, World: verifytest.New(t, storetest.Open(t, url, verifytest.Owners))}
		second := s.Replica(t, storetest.Open(t, url, verifytest.Owners))
		c := s.mustRequest(1)
		if err := second.Submit(s.Context(), c, alice, s.Post.Last(s.T).Code()); err != nil {
			s.Fatal(err)
		}
		if _, err := s.World.Verifier.Prove(s.Context(), c, alice); err != nil {
			s.Error(err)
		}
	})
}

// The message says who asks: an account by its name, a visitor of our page as
// somebody.
func TestTheMessageSaysWhoAsks(t *testing.T) {
	each(t, func(s *story) {
		s.mustRequest(1)
		if text := s.Post.Last(s.T).Text; !strings.Contains(text, "@alice:example.org asked id.example.org") {
			s.Errorf("the message to an account's address is:\n%s", text)
		}
		_, err := s.Request(s.Context(), verify.Request{Address: email(s.T, "bob@example.org"), ClientSecret: "secret", Caller: verify.Page, SendAttempt: 1})
		if text := s.Post.Last(s.T).Text; err != nil || !strings.Contains(text, "Somebody asked on the page of id.example.org") {
			s.Errorf("%v; the message to a visitor's address is:\n%s", err, text)
		}
	})
}

// A homeserver can give an account any name; it cannot write our mail.
func TestAStrangersSentenceIsNotInTheMessage(t *testing.T) {
	each(t, func(s *story) {
		sentence := matrix.UserID("@Your\u00a0account\u2028is\u00a0locked:evil.example")
		_, err := s.Request(s.Context(), verify.Request{Address: email(s.T, "bob@example.org"), ClientSecret: "secret", Caller: verify.Account(sentence), SendAttempt: 1})
		if text := s.Post.Last(s.T).Text; err != nil || strings.Contains(text, "locked") || !strings.Contains(text, "an account of evil.example asked") {
			s.Errorf("%v; the message is:\n%s", err, text)
		}
	})
}

// A message that goes out late says what is left of its code's life.
func TestALateMessageTellsWhatIsLeft(t *testing.T) {
	each(t, func(s *story) {
		s.Post.Delay(func() { s.Clock.Advance(14 * time.Minute) })
		s.Post.Fail(deliver.ErrUnknownOutcome)
		s.mustRequest(1) // the outcome is unknown: it goes out again
		s.Post.Fail(nil)
		s.Post.Delay(nil)
		s.Clock.Advance(5 * time.Second)
		run(s)
		if text := s.Post.Wait(s.T).Text; !strings.Contains(text, "The code works for 1 minutes, the page for 46.") {
			s.Errorf("the message is:\n%s", text)
		}
	})
}

// run starts the workers of the outbox, which take up what was not sent.
func run(s *story) {
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- s.Outbox.Run(ctx) }()
	s.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
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

// A request with a used secret whose message is refused leaves the used session as
// it was: it still shows the owner.
func TestAnUnsentMessageBringsTheSpentSessionBack(t *testing.T) {
	each(t, func(s *story) {
		c, proof := s.Prove(s.T, email(s.T, "alice@example.org"), alice, "secret")
		if err := s.DB.Tx(s.Context(), func(tx *store.Tx) error { _, err := s.Spend(s.Context(), tx, proof); return err }); err != nil {
			s.Fatal(err)
		}
		s.Post.Fail(deliver.ErrRefused)
		if _, err := s.request(1); !errors.Is(err, verify.ErrEmailNotSent) {
			s.Fatalf("Request = %v", err)
		}
		if again, err := s.World.Verifier.Prove(s.Context(), c, alice); err != nil || again != proof {
			s.Errorf("Prove = %v, %v", again, err)
		}
		if err := s.DB.Tx(s.Context(), func(tx *store.Tx) error {
			first, err := s.Spend(s.Context(), tx, proof)
			if first {
				s.Error("the session is unspent again")
			}
			return err
		}); err != nil {
			s.Fatal(err)
		}
	})
}

// The same request while the first one's message is under way is answered as the
// first: here, that it was refused.
func TestARepeatedRequestWaitsForTheFirst(t *testing.T) {
	each(t, func(s *story) {
		sending, refuse := make(chan struct{}), make(chan struct{})
		s.Post.Delay(func() { close(sending); <-refuse })
		s.Post.Fail(deliver.ErrRefused)
		answers := make(chan error, 2)
		go func() { _, err := s.request(1); answers <- err }()
		<-sending
		go func() { _, err := s.request(1); answers <- err }()
		close(refuse)
		for range 2 {
			if err := <-answers; !errors.Is(err, verify.ErrEmailNotSent) {
				s.Errorf("Request = %v, want %v", err, verify.ErrEmailNotSent)
			}
		}
	})
}

// The mail server takes the message, somebody confirms its link, and only then does it
// say that it has not taken it: what was shown stays shown.
func TestWhatWasConfirmedIsNotUndone(t *testing.T) {
	each(t, func(s *story) {
		s.Post.Fail(deliver.ErrNotNow)
		s.Post.Delay(func() {
			if _, err := s.Confirm(s.Context(), s.Post.Tried()[0].Link()); err != nil {
				s.Error(err)
			}
		})
		if _, err := s.request(1); !errors.Is(err, verify.ErrEmailNotSent) {
			s.Errorf("Request = %v, want %v", err, verify.ErrEmailNotSent)
		}
		var validated int64
		if err := s.DB.QueryRow(s.Context(), "SELECT validated_ms FROM verify_sessions").Scan(&validated); err != nil || validated == 0 {
			s.Errorf("validated_ms = %d, %v", validated, err)
		}
	})
}

// A message that was answered as under way and died later is sent anew when the same
// request is made again.
func TestAMessageThatDiedLaterIsSentAnew(t *testing.T) {
	each(t, func(s *story) {
		s.Post.Fail(deliver.ErrUnknownOutcome)
		c := s.mustRequest(1)
		s.Clock.Advance(20 * time.Minute)
		run(s) // too late for its code: the job dies
		if err := s.Outbox.Wait(s.Context(), "verify.email", s.key()); !errors.Is(err, outbox.ErrRefused) {
			s.Fatalf("the job ends with %v", err)
		}
		s.Post.Fail(nil)
		if again := s.mustRequest(1); again != c || len(s.Post.Sent()) != 1 {
			s.Errorf("%d messages", len(s.Post.Sent()))
		}
		s.submit(c, s.Post.Last(s.T).Code(), nil)
	})
}

// key is the outbox key of the only message there is.
func (s *story) key() (key string) {
	s.Helper()
	if err := s.DB.QueryRow(s.Context(), "SELECT idempotency_key FROM outbox_jobs").Scan(&key); err != nil {
		s.Fatal(err)
	}
	return key
}

// A dump of the tables shows no address, secret, code or link, neither while a
// message is under way nor afterwards.
func TestADumpShowsNothing(t *testing.T) {
	each(t, func(s *story) {
		s.Post.Fail(deliver.ErrUnknownOutcome) // it stays in the outbox
		s.Request(s.Context(), verify.Request{Address: email(s.T, "bob@example.org"), ClientSecret: "unguessable", Caller: alice, SendAttempt: 1})
		s.Post.Fail(nil)
		s.Prove(s.T, email(s.T, "alice@example.org"), alice, "unguessable")
		secrets := []string{"alice@", "bob@", "unguessable"}
		for _, m := range s.Post.Tried() {
			secrets = append(secrets, m.Code(), m.Link())
		}
		for _, table := range []string{"verify_sessions", "outbox_jobs"} {
			dump := dump(s.T, s.DB, table)
			for _, secret := range secrets {
				if strings.Contains(dump, secret) {
					s.Errorf("%s shows %q", table, secret)
				}
			}
		}
	})
}

func dump(t *testing.T, db *store.DB, table string) string {
	t.Helper()
	rows, err := db.Query(context.Background(), "SELECT * FROM "+table)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for rows.Next() {
		values := make([]any, len(columns))
		for i := range values {
			values[i] = new(any)
		}
		if err := rows.Scan(values...); err != nil {
			t.Fatal(err)
		}
		for i, v := range values {
			fmt.Fprintf(&b, "%s=%s ", columns[i], fmt.Sprintf("%s", *v.(*any)))
		}
	}
	if b.Len() == 0 {
		t.Fatalf("%s is empty", table)
	}
	return b.String()
}
