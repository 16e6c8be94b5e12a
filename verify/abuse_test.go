package verify_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"signet/internal/deliver"
	"signet/internal/locale"
	"signet/verify"
	"signet/verify/fraud"
)

// Ports and names below one domain cost nothing, so they buy no budgets.
func TestPortsAndSubdomainsBuyNothing(t *testing.T) {
	for name, server := range map[string]string{
		"ports":      "fresh.example.org:%d",
		"subdomains": "n%d.fresh.example.org",
		"one /64":    "[2001:db8:1:2::%d]",
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(s *story) {
				s.Limited(s.T)
				s.Verifier.When, s.Verifier.Acquaintance = verify.OnSuspicion, strangers{}
				for i := range 30 {
					_ = s.ask(email(s.T, fmt.Sprintf("victim@example%d.org", i)), user(i, fmt.Sprintf(server, 1000+i/5)), fmt.Sprintf("10.7.%d.1", i))
				}
				if n := len(s.Post.Sent()); n != 10 {
					s.Errorf("%d messages, want 10", n)
				}
			})
		})
	}
}

// Newcomers share what is for newcomers, so that many of them cannot use up a country.
func TestNewcomersShareACountry(t *testing.T) {
	each(t, func(s *story) {
		s.Limited(s.T)
		s.Verifier.Acquaintance = strangers{}
		s.Verifier.OwnHomeservers = nil
		got := s.untilRefused(func(i int) error {
			return s.ask(number(s.T, fmt.Sprintf("+49151%02d345678", 10+i)), user(i, fmt.Sprintf("fresh%d.example", i)), fmt.Sprintf("10.8.%d.1", i))
		})
		if got != 10 {
			s.Errorf("%d text messages of newcomers, want 10", got)
		}
		s.Verifier.Acquaintance = nil
		got = s.untilRefused(func(i int) error {
			return s.ask(number(s.T, fmt.Sprintf("+49160%02d345678", 10+i)), user(i, "known.example"), fmt.Sprintf("10.9.%d.1", i))
		})
		if got != 15 {
			s.Errorf("%d text messages of one known homeserver, want 15", got)
		}
		if err := s.ask(number(s.T, "+4917012345678"), alice, "203.0.113.1"); err != nil {
			s.Errorf("everybody else = %v", err)
		}
	})
}

// Behind a plus is the same mailbox, and at Gmail dots make no other.
func TestOneMailboxHasOneBudget(t *testing.T) {
	each(t, func(s *story) {
		s.Limited(s.T)
		for _, address := range []string{"victim+%d@example.org", "v.ic.tim+%d@gmail.com"} {
			got := s.untilRefused(func(i int) error {
				return s.ask(email(s.T, fmt.Sprintf(address, i)), user(i, fmt.Sprintf("hs%d.example", i)), fmt.Sprintf("10.3.%d.1", i))
			})
			if got != 3 {
				s.Errorf("%d messages to one mailbox, want 3", got)
			}
		}
	})
}

// An owner who wants no messages gets none at alice+anything@ either.
func TestSilenceIsTheMailboxs(t *testing.T) {
	each(t, func(s *story) {
		s.mustRequest(1)
		if _, err := s.Stop(s.Context(), s.Post.Last(s.T).Stop(), true); err != nil {
			s.Fatal(err)
		}
		if err := s.ask(email(s.T, "alice+2@example.org"), mallory, "203.0.113.1"); err != nil || len(s.Post.Tried()) != 1 {
			s.Errorf("%d messages, %v; want 1", len(s.Post.Tried()), err)
		}
	})
}

// Trying out which mailboxes a domain has costs like messages do.
func TestRefusedMailIsNotFree(t *testing.T) {
	each(t, func(s *story) {
		s.Limited(s.T)
		s.Post.Fail(errors.Join(deliver.ErrNoMailbox, deliver.ErrRefused))
		for i := range 8 {
			err := s.ask(email(s.T, fmt.Sprintf("guess%d@example.org", i)), mallory, "203.0.113.1")
			if i < 5 && !errors.Is(err, verify.ErrEmailNotSent) {
				s.Errorf("try %d = %v", i, err)
			}
			if i >= 5 {
				wantLimit(s, err)
			}
		}
		if n := len(s.Post.Tried()); n != 5 {
			s.Errorf("the mail server was asked %d times, want 5", n)
		}
	})
}

// dns knows which domains take mail, and counts the questions.
type dns struct{ asked int }

func (d *dns) LookupMX(_ context.Context, name string) ([]*net.MX, error) {
	d.asked++
	if strings.HasPrefix(name, "nomail") {
		return []*net.MX{{Host: "."}}, nil
	}
	return []*net.MX{{Host: "mx.example.org."}}, nil
}

func (d *dns) LookupHost(context.Context, string) ([]string, error) { return nil, nil }

// A domain that takes no mail is refused; the DNS is asked only for those who have a
// message left.
func TestDomainsThatTakeNoMail(t *testing.T) {
	each(t, func(s *story) {
		s.Limited(s.T)
		d := &dns{}
		s.Verifier.Resolver = d
		if err := s.ask(email(s.T, "a@example.org"), alice, "203.0.113.1"); err != nil {
			s.Errorf("a domain that takes mail = %v", err)
		}
		for i := range 8 {
			err := s.ask(email(s.T, fmt.Sprintf("a@nomail%d.example", i)), mallory, "203.0.113.2")
			if i < 5 && !errors.Is(err, verify.ErrUndeliverable) {
				s.Errorf("a domain that takes none = %v", err)
			}
		}
		if d.asked != 6 || len(s.Post.Tried()) != 1 {
			s.Errorf("the DNS was asked %d times and %d messages left, want 6 and 1", d.asked, len(s.Post.Tried()))
		}
	})
}

// A homeserver can name anybody's network: what it says counts for its own people alone.
func TestAHomeserverCannotLockOutANetwork(t *testing.T) {
	each(t, func(s *story) {
		s.Limited(s.T)
		victim := netip.MustParseAddr("203.0.113.9")
		s.untilRefused(func(i int) error {
			_, err := s.Request(s.Context(), verify.Request{Address: email(s.T, fmt.Sprintf("x@example%d.org", i)), ClientSecret: "x",
				Caller: verify.Homeserver("evil.example"), Purpose: verify.Register, SendAttempt: 1, Client: victim})
			return err
		})
		if err := s.ask(email(s.T, "a@example.org"), verify.Page, victim.String()); err != nil {
			s.Errorf("a person at that address = %v", err)
		}
	})
}

// A message of two segments is paid for twice.
func TestSegmentsArePaidFor(t *testing.T) {
	each(t, func(s *story) {
		price, err := fraud.ParseMoney("0.10")
		if err != nil {
			s.Fatal(err)
		}
		s.Sending(s.T, fraud.Policy{Countries: []string{"DE"}, Prices: map[string]fraud.Money{"DE": price}, CapPerDay: 5 * price})
		ask := func(i int, language string) error {
			_, err := s.Request(s.Context(), verify.Request{Address: number(s.T, fmt.Sprintf("+49151123450%02d", i)), ClientSecret: "x",
				Caller: alice, SendAttempt: 1, Language: locale.Match(language)})
			return err
		}
		for i, language := range []string{"ru", "en", "ru"} {
			if err := ask(i, language); err != nil {
				s.Fatal(err)
			}
		}
		if err := ask(9, "en"); !errors.Is(err, fraud.ErrCap) {
			s.Errorf("after five segments = %v, want %v", err, fraud.ErrCap)
		}
	})
}

// While the way out is barred, an owner who wants no messages looks like all others.
func TestADecoyFailsWithTheRest(t *testing.T) {
	each(t, func(s *story) {
		s.mustRequest(1)
		if _, err := s.Stop(s.Context(), s.Post.Last(s.T).Stop(), true); err != nil {
			s.Fatal(err)
		}
		s.Post.Fail(deliver.ErrMisconfigured)
		if err := s.ask(email(s.T, "bob@example.org"), mallory, "203.0.113.1"); !errors.Is(err, verify.ErrEmailNotSent) {
			s.Fatalf("anybody = %v", err)
		}
		if err := s.ask(email(s.T, "alice@example.org"), mallory, "203.0.113.1"); !errors.Is(err, verify.ErrEmailNotSent) {
			s.Errorf("an owner who wants no messages = %v", err)
		}
		s.Post.Fail(nil)
		if err := s.ask(email(s.T, "bob@example.org"), mallory, "203.0.113.1"); err != nil {
			s.Fatal(err)
		}
		if err := s.ask(email(s.T, "alice@example.org"), mallory, "203.0.113.1"); err != nil {
			s.Errorf("afterwards = %v", err)
		}
	})
}

// Whoever opened a session that was stopped sees one whose code does not come, also in a
// further message, and cannot take the owner's link away.
func TestAStoppedSessionLooksUntouched(t *testing.T) {
	each(t, func(s *story) {
		c := s.mustRequest(1)
		m := s.Post.Last(s.T)
		if _, err := s.Stop(s.Context(), m.Stop(), false); err != nil {
			s.Fatal(err)
		}
		if _, err := s.World.Verifier.Prove(s.Context(), c, alice); !errors.Is(err, verify.ErrNotValidated) {
			s.Errorf("Prove = %v", err)
		}
		s.submit(c, m.Code(), verify.ErrWrongCode)
		if again := s.mustRequest(1); again != c {
			s.Error("the same request is another session")
		}
		wantLimit(s, second(s.request(2)))
		s.Clock.Advance(time.Minute)
		if again := s.mustRequest(2); again != c || len(s.Post.Tried()) != 1 {
			s.Errorf("a further message: the same session %v, %d messages; want 1", again == c, len(s.Post.Tried()))
		}
		s.Clock.Advance(25 * time.Hour)
		if again := s.mustRequest(1); again == c {
			s.Error("a session goes on beyond its life")
		}
		if _, err := s.Unsilence(s.Context(), m.Stop()); err != nil {
			s.Errorf("the owner's link = %v", err)
		}
	})
}

// A pass is good for a message that leaves: one that was not sent gives it back.
func TestAPassIsNotLostWithAnUnsentMessage(t *testing.T) {
	each(t, func(s *story) {
		s.Verifier.When = verify.Always
		s.pass(s.needsCaptcha(second(s.request(1))))
		s.Post.Fail(deliver.ErrNotNow)
		if _, err := s.request(1); !errors.Is(err, verify.ErrEmailNotSent) {
			s.Fatalf("Request = %v", err)
		}
		s.Post.Fail(nil)
		s.mustRequest(1)
		s.Clock.Advance(time.Minute)
		s.needsCaptcha(second(s.request(2)))
	})
}

// A text message whose code would open nothing is not paid for.
func TestADeadSessionSendsNoTextMessage(t *testing.T) {
	each(t, func(s *story) {
		c, err := s.text(1)
		if err != nil {
			s.Fatal(err)
		}
		for range 5 {
			s.submit(c, other(s.Post.Last(s.T).Code()), verify.ErrWrongCode)
		}
		s.Clock.Advance(time.Minute)
		if _, err := s.text(2); !errors.Is(err, verify.ErrExpired) || len(s.Post.Sent()) != 1 {
			s.Errorf("a further message = %v, %d sent; want %v and 1", err, len(s.Post.Sent()), verify.ErrExpired)
		}
	})
}

// Who solves CAPTCHAs gets messages for themselves and no others: the owner, who asks with
// one solved, is another asker.
func TestSolvedCaptchasDoNotSilenceTheOwner(t *testing.T) {
	each(t, func(s *story) {
		s.Limited(s.T)
		s.Verifier.When = verify.OnSuspicion
		victim := email(s.T, "victim@example.org")
		solving := func(r verify.Request) error {
			_, err := s.Request(s.Context(), r)
			if needed, ok := errors.AsType[verify.CaptchaNeeded](err); ok {
				s.pass(needed)
				_, err = s.Request(s.Context(), r)
			}
			return err
		}
		for i := range 12 {
			_ = solving(verify.Request{Address: victim, ClientSecret: fmt.Sprint("x", i), Caller: user(i%3, "evil.example"), SendAttempt: 1,
				Client: netip.MustParseAddr("203.0.113.5")})
		}
		owner := verify.Request{Address: victim, ClientSecret: "owner", Caller: alice, SendAttempt: 1, Client: netip.MustParseAddr("198.51.100.1")}
		if err := solving(owner); err != nil {
			s.Errorf("the owner with a CAPTCHA passed = %v", err)
		}
	})
}

// Challenges are bounded for a whole IPv6 site, too.
func TestChallengesOfASiteAreLimited(t *testing.T) {
	each(t, func(s *story) {
		s.Limited(s.T)
		s.Verifier.When = verify.Always
		got := 0
		for i := range 90 {
			err := s.ask(email(s.T, fmt.Sprintf("a%d@example.org", i)), verify.Page, fmt.Sprintf("2001:db8:1:%x::1", i/10))
			if _, ok := errors.AsType[verify.CaptchaNeeded](err); ok {
				got++
			}
		}
		if got != 60 {
			s.Errorf("%d challenges for one /48, want 60", got)
		}
	})
}
