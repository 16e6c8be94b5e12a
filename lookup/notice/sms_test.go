package notice_test

import (
	"testing"
	"time"

	"signet/internal/deliver"
	"signet/verify/fraud"
)

// texting is s with notices by text message, at a price.
func (s *story) texting() {
	s.Helper()
	price, err := fraud.ParseMoney("0.05")
	if err != nil {
		s.Fatal(err)
	}
	s.Sending(s.T, fraud.Policy{Countries: []string{"US"}, Prices: map[string]fraud.Money{"US": price}})
	s.notices.Fraud, s.notices.SMS = s.Verifier.Fraud, s.post
}

// spent is what all text messages have cost, in messages of one segment.
func (s *story) spent() int {
	s.Helper()
	report, err := s.Verifier.Fraud.Report(s.Context())
	if err != nil {
		s.Fatal(err)
	}
	return int(report.Today.Spent / 50_000)
}

func TestNumbersAreNotTextedUnlessConfigured(t *testing.T) {
	each(t, func(s *story) {
		s.bind("12015550123", alice)
		s.unbind("12015550123", alice)
		s.want()
		if s.count(`1 = 1`) != 0 {
			s.Error("there is a notice")
		}
	})
}

func TestANumberIsTextedAtItsPrice(t *testing.T) {
	each(t, func(s *story) {
		s.texting()
		s.bind("12015550123", alice)
		s.want("12015550123 id.example.org: You can now be found on Matrix by this number.\nNot you? " + page)
		if got := s.spent(); got != 2 { // with that of the code
			s.Errorf("spent %d messages, want 2", got)
		}
		s.bind("12015550123", bob)
		s.want("12015550123 This number now belongs to another Matrix account.")
		s.unbind("12015550123", bob)
		s.want("12015550123 You are not found on Matrix by this number any more.")
	})
}

// The policy for text messages counts for notices too, also for those that wait.
func TestTheSwitchHoldsNotices(t *testing.T) {
	each(t, func(s *story) {
		s.texting()
		s.bind("12015550123", alice)
		if err := s.Verifier.Fraud.SetSending(s.Context(), false, "the bill"); err != nil {
			s.Fatal(err)
		}
		before := s.spent()
		s.want()
		if got := s.spent(); got != before || s.count(`state = 'done'`) != 1 {
			s.Errorf("spent %d messages for none, or it waits for the switch", got-before)
		}
	})
}

// A text message is tried once. One that has not left costs nothing, one that may have is
// paid for.
func TestATextMessageIsTriedOnce(t *testing.T) {
	for _, test := range []struct {
		err  error
		paid int
	}{{deliver.ErrRefused, 0}, {deliver.ErrNotNow, 0}, {deliver.ErrUnknownOutcome, 1}} {
		each(t, func(s *story) {
			s.texting()
			s.bind("12015550123", alice)
			before := s.spent()
			s.post.Fail(test.err)
			s.want()
			s.post.Fail(nil)
			s.Clock.Advance(10 * time.Minute)
			s.want()
			if got := s.spent() - before; got != test.paid || len(s.post.Tried()) != 1 {
				s.Errorf("after %v: paid for %d, tried %d times, want %d and once", test.err, got, len(s.post.Tried()), test.paid)
			}
		})
	}
}
