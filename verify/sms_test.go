package verify_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"signet/internal/deliver"
	"signet/internal/deliver/sms"
	"signet/verify"
	"signet/verify/fraud"
)

// provider takes text messages, or fails as it is told to.
type provider struct {
	name string
	err  error
	mu   sync.Mutex // guards the rest
	got  []deliver.SMS
}

func (p *provider) Name() string { return p.name }

func (p *provider) SendSMS(_ context.Context, m deliver.SMS) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.got = append(p.got, m)
	return p.err
}

func (p *provider) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.got)
}

func (s *story) providers(all ...sms.Provider) {
	s.Helper()
	chain, err := sms.NewChain(sms.ChainOptions{Providers: all})
	if err != nil {
		s.Fatal(err)
	}
	s.Verifier.SMS = chain
}

func (s *story) text(attempt int64) (verify.Credentials, error) {
	sid, err := s.Request(s.Context(), verify.Request{Address: phone(s.T), ClientSecret: "secret", Caller: alice, SendAttempt: attempt})
	return verify.Credentials{SID: sid, ClientSecret: "secret"}, err
}

// A provider that does not answer is failed over, each is asked once, and the message
// is paid for once.
func TestASilentProviderIsFailedOver(t *testing.T) {
	each(t, func(s *story) {
		price, err := fraud.ParseMoney("0.05")
		if err != nil {
			s.Fatal(err)
		}
		s.Sending(s.T, fraud.Policy{Countries: []string{"US"}, Prices: map[string]fraud.Money{"US": price}, CapPerDay: 10 * price})
		silent, good := &provider{name: "silent", err: deliver.ErrUnknownOutcome}, &provider{name: "good"}
		s.providers(silent, good)
		if _, err := s.text(1); err != nil {
			s.Fatal(err)
		}
		if silent.count() != 1 || good.count() != 1 {
			s.Errorf("asked %d and %d times, want once each", silent.count(), good.count())
		}
		report, err := s.Fraud.Report(s.Context())
		if err != nil || report.Today.Spent != price {
			s.Errorf("spent %v, %v; want %v", report.Today.Spent, err, price)
		}
	})
}

// Who asks for another message has most likely not received the last: it goes by a
// provider that was not tried yet.
func TestAnotherMessageGoesAnotherWay(t *testing.T) {
	each(t, func(s *story) {
		first, then := &provider{name: "first"}, &provider{name: "then"}
		s.providers(first, then)
		for attempt := range int64(3) {
			if _, err := s.text(attempt + 1); err != nil {
				s.Fatal(err)
			}
			s.Clock.Advance(10 * time.Minute)
		}
		if first.count() != 2 || then.count() != 1 {
			s.Errorf("%d and %d messages, want 2 and 1", first.count(), then.count())
		}
	})
}

// A number that no provider takes costs nothing, and the attempt is not used up.
func TestAnUnsentTextMessageCostsNothing(t *testing.T) {
	each(t, func(s *story) {
		bad := &provider{name: "bad", err: deliver.ErrRefused}
		s.providers(bad)
		if _, err := s.text(1); !errors.Is(err, verify.ErrSMSNotSent) {
			s.Fatalf("Request = %v", err)
		}
		report, err := s.Fraud.Report(s.Context())
		if err != nil || report.Today.Spent != 0 {
			s.Errorf("spent %v, %v", report.Today.Spent, err)
		}
		bad.err = nil
		if _, err := s.text(1); err != nil {
			s.Errorf("the same request = %v", err)
		}
	})
}

// What every provider was asked for and none has surely refused may arrive yet: the
// first request and the same one again are answered alike.
func TestAMessageThatMayArriveIsNotCalledUnsent(t *testing.T) {
	each(t, func(s *story) {
		silent := &provider{name: "silent", err: deliver.ErrUnknownOutcome}
		s.providers(silent)
		for range 2 {
			if _, err := s.text(1); err != nil {
				s.Errorf("Request = %v", err)
			}
		}
		run(s)
		if silent.count() != 1 {
			s.Errorf("asked %d times, want once", silent.count())
		}
	})
}

// A provider that does not send there says so to the requester.
func TestADestinationThatNoProviderServes(t *testing.T) {
	each(t, func(s *story) {
		s.providers(&provider{name: "picky", err: errors.Join(sms.ErrDestination, deliver.ErrRefused)})
		if _, err := s.text(1); !errors.Is(err, verify.ErrDestination) {
			s.Errorf("Request = %v, want %v", err, verify.ErrDestination)
		}
	})
}

// Codes are typed in whatever digits a keyboard has.
func TestACodeIsTypedInAnyDigits(t *testing.T) {
	each(t, func(s *story) {
		c := s.mustRequest(1)
		code := s.Post.Last(s.T).Code()
		arabic := strings.Map(func(r rune) rune { return r - '0' + '\u0660' }, code)
		s.submit(c, "\u200f"+arabic[:8]+" "+arabic[8:], nil)
	})
}

// Countries that are not listed, numbers that receive no text, and a switch that was
// thrown: nothing is sent, and nothing is charged.
func TestTextMessagesThatMayNotBeSent(t *testing.T) {
	each(t, func(s *story) {
		s.Sending(s.T, fraud.Policy{Countries: []string{"DE"}})
		if err := s.ask(phone(s.T), alice, "203.0.113.1"); !errors.Is(err, fraud.ErrCountry) {
			s.Errorf("a country that is not listed = %v", err)
		}
		if err := s.ask(number(s.T, "+493012345678"), alice, "203.0.113.1"); !errors.Is(err, fraud.ErrNumberType) {
			s.Errorf("a landline = %v", err)
		}
		if err := s.Fraud.SetSending(s.Context(), false, "under attack"); err != nil {
			s.Fatal(err)
		}
		mobile := number(s.T, "+4915112345678")
		if err := s.ask(mobile, alice, "203.0.113.1"); !errors.Is(err, fraud.ErrOff) {
			s.Errorf("switched off = %v", err)
		}
		if n := len(s.Post.Tried()); n != 0 {
			s.Errorf("%d messages", n)
		}
		if err := s.Fraud.SetSending(s.Context(), true, ""); err != nil {
			s.Fatal(err)
		}
		if err := s.ask(mobile, alice, "203.0.113.1"); err != nil {
			s.Errorf("switched on again = %v", err)
		}
	})
}

// Codes that come back are counted as such, those of decoys and of messages that were
// not sent do not count against anybody.
func TestConversionsAreCounted(t *testing.T) {
	each(t, func(s *story) {
		c, err := s.text(1)
		if err != nil {
			s.Fatal(err)
		}
		s.submit(c, s.Post.Last(s.T).Code(), nil)
		s.submit(c, s.Post.Last(s.T).Code(), nil)
		if _, err := s.Stop(s.Context(), s.Post.Last(s.T).Stop(), true); err != nil {
			s.Fatal(err)
		}
		s.ask(phone(s.T), mallory, "203.0.113.1") // a decoy
		s.Clock.Advance(time.Hour)
		report, err := s.Fraud.Report(s.Context())
		if err != nil || len(report.Countries) != 1 || report.Countries[0].Sent != 1 || report.Countries[0].Validated != 1 {
			s.Errorf("counted %+v, %v; want one sent and validated", report.Countries, err)
		}
	})
}
