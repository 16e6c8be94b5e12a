package verify_test

import (
	"errors"
	"testing"
	"time"

	"signet/internal/deliver"
	"signet/internal/outbox"
	"signet/internal/store"
	"signet/verify"
	"signet/verify/fraud"
)

// late makes a request that is answered while its message is under way, and lets the
// message end so afterwards.
func (s *story) late(end error, request func() error) {
	s.Helper()
	release := make(chan struct{})
	s.Verifier.Patience = time.Millisecond
	s.Post.Delay(func() { <-release })
	s.Post.Fail(end)
	if err := request(); err != nil {
		s.Fatal(err)
	}
	tried := len(s.Post.Tried())
	close(release)
	s.Verifier.Patience = time.Minute
	s.settled(tried)
	s.Post.Delay(nil)
	s.Post.Fail(nil)
}

// settled waits until the attempts under way are written down.
func (s *story) settled(tried int) {
	s.Helper()
	for deadline := time.Now().Add(5 * time.Minute); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		var leased int
		if err := s.DB.QueryRow(s.Context(), "SELECT COUNT(*) FROM outbox_jobs WHERE state = 'pending' AND lease_until_ms > 0").Scan(&leased); err != nil {
			s.Fatal(err)
		}
		if leased == 0 {
			return
		}
	}
	s.Fatalf("an attempt of %d is not written down", tried)
}

func priced(s *story) fraud.Money {
	price, err := fraud.ParseMoney("0.05")
	if err != nil {
		s.Fatal(err)
	}
	s.Sending(s.T, fraud.Policy{Countries: []string{"US"}, Prices: map[string]fraud.Money{"US": price}, CapPerDay: 10 * price})
	return price
}

func (s *story) spent(want fraud.Money) {
	s.Helper()
	report, err := s.Fraud.Report(s.Context())
	if err != nil || report.Today.Spent != want {
		s.Errorf("spent %v, %v; want %v", report.Today.Spent, err, want)
	}
}

// A text message that dies after its requester was answered is not paid for, nor
// counted as one whose code did not come back.
func TestADeadTextMessageIsNotPaidFor(t *testing.T) {
	each(t, func(s *story) {
		price := priced(s)
		s.late(deliver.ErrRefused, func() error { return second(s.text(1)) })
		s.spent(0)
		s.Clock.Advance(time.Hour)
		if report, err := s.Fraud.Report(s.Context()); err != nil || len(report.Countries) != 0 {
			s.Errorf("counted %+v, %v; want nothing", report.Countries, err)
		}
		if _, err := s.text(1); err != nil || len(s.Post.Sent()) != 1 {
			s.Errorf("the same request = %v, %d sent; want 1", err, len(s.Post.Sent()))
		}
		s.spent(price)
	})
}

// A message that waits in the outbox is withdrawn when a newer one kills its code, and
// when its session is stopped.
func TestAMessageWithADeadCodeIsNotSent(t *testing.T) {
	each(t, func(s *story) {
		price := priced(s)
		s.late(deliver.ErrNotNow, func() error { return second(s.text(1)) })
		s.Clock.Advance(2 * time.Minute)
		c, err := s.text(2)
		if err != nil {
			s.Fatal(err)
		}
		newest := s.Post.Last(s.T)
		s.spent(price)
		s.Clock.Advance(2 * time.Minute)
		s.late(deliver.ErrNotNow, func() error { return second(s.text(3)) })
		if _, err := s.Stop(s.Context(), newest.Stop(), true); err != nil {
			s.Fatal(err)
		}
		s.Clock.Advance(2 * time.Minute)
		run(s)
		s.pending(0)
		if n := len(s.Post.Sent()); n != 1 {
			s.Errorf("%d messages, want the one whose code lived", n)
		}
		s.spent(price)
		s.submit(c, newest.Code(), verify.ErrWrongCode)
	})
}

// pending waits until so many jobs wait.
func (s *story) pending(want int) {
	s.Helper()
	got := -1
	for deadline := time.Now().Add(5 * time.Minute); got != want && time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		if err := s.DB.QueryRow(s.Context(), "SELECT COUNT(*) FROM outbox_jobs WHERE state = 'pending'").Scan(&got); err != nil {
			s.Fatal(err)
		}
	}
	if got != want {
		s.Fatalf("%d jobs wait, want %d", got, want)
	}
}

// The switch stops the queue, too, and what it stops is not paid for.
func TestTheSwitchStopsTheQueue(t *testing.T) {
	each(t, func(s *story) {
		priced(s)
		s.late(deliver.ErrNotNow, func() error {
			s.providers(&provider{name: "away", err: errors.Join(deliver.ErrNotNow, errors.New("not chained"))}, s.Post)
			return second(s.text(1))
		})
		if err := s.Fraud.SetSending(s.Context(), false, "attack"); err != nil {
			s.Fatal(err)
		}
		s.Clock.Advance(5 * time.Minute)
		run(s)
		s.pending(0)
		if n := len(s.Post.Sent()); n != 0 {
			s.Errorf("%d messages after the switch", n)
		}
		s.spent(0)
	})
}

// The same request with the same answer is answered the same, long after the CAPTCHA.
func TestARepeatedAnswerIsNotChecked(t *testing.T) {
	each(t, func(s *story) {
		s.Verifier.When = verify.Always
		r := verify.Request{Address: email(s.T, "alice@example.org"), ClientSecret: "secret", Caller: alice, SendAttempt: 1}
		needed := s.needsCaptcha(second(s.Request(s.Context(), r)))
		r.Answer = verify.Answer{ID: needed.Challenge.ID, Text: s.Captcha.Answer(needed.Challenge.ID)}
		sid, err := s.Request(s.Context(), r)
		if err != nil {
			s.Fatal(err)
		}
		s.Clock.Advance(11 * time.Minute)
		if again, err := s.Request(s.Context(), r); err != nil || again != sid {
			s.Errorf("the same request = %q, %v; want %q", again, err, sid)
		}
	})
}

// A homeserver that names neither user nor network asks again, and again.
func TestARequestOfNobodyInParticularIsSentAgain(t *testing.T) {
	each(t, func(s *story) {
		r := verify.Request{Address: email(s.T, "new@example.org"), ClientSecret: "secret", Caller: verify.Homeserver("hs.example"), Purpose: verify.Register}
		for attempt := range int64(3) {
			r.SendAttempt = attempt + 1
			if attempt == 2 {
				s.Post.Fail(deliver.ErrNotNow)
			}
			_, err := s.Request(s.Context(), r)
			if want := map[bool]error{true: verify.ErrEmailNotSent}[attempt == 2]; !errors.Is(err, want) {
				s.Errorf("attempt %d = %v, want %v", attempt, err, want)
			}
			s.Clock.Advance(5 * time.Minute)
		}
	})
}

// A message that an earlier release put into the outbox is sent by this one.
func TestAMessageOfAnEarlierReleaseIsSent(t *testing.T) {
	each(t, func(s *story) {
		err := s.DB.Tx(s.Context(), func(tx *store.Tx) error {
			_, err := s.Outbox.Put(s.Context(), tx, outbox.Work{Kind: "verify.email", Key: "k", Expires: s.Clock.Now().Add(15 * time.Minute),
				Payload: []byte(`{"medium":"email","address":"alice@example.org","code":"12345678","code_expires":1700000900000,` +
					`"link":"https://x.example/y","link_expires":1700003600000,"asker":"@alice:example.org"}`)})
			return err
		})
		if err != nil {
			s.Fatal(err)
		}
		run(s)
		if m := s.Post.Wait(s.T); m.Code() != "12345678" {
			s.Errorf("the message is:\n%s", m.Text)
		}
	})
}
