package verify_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"signet/internal/deliver"
	"signet/internal/matrix"
	"signet/internal/outbox"
	"signet/internal/store"
	"signet/verify"
)

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
