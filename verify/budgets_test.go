package verify_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"signet/internal/deliver"
	"signet/internal/matrix"
	"signet/internal/store/storetest"
	"signet/internal/threepid"
	"signet/verify"
	"signet/verify/verifytest"
)

// ask is one request for a message, in a session of its own.
func (s *story) ask(address threepid.Address, caller verify.Caller, from string) error {
	s.Helper()
	s.asked++
	_, err := s.Request(s.Context(), verify.Request{
		Address: address, ClientSecret: fmt.Sprint("secret", s.asked), Caller: caller, SendAttempt: 1, Client: netip.MustParseAddr(from),
	})
	return err
}

// untilRefused counts how many messages get through before a limit is told.
func (s *story) untilRefused(ask func(i int) error) int {
	s.Helper()
	for i := range 1000 {
		err := ask(i)
		var limit matrix.LimitExceeded
		if errors.As(err, &limit) {
			if limit.RetryAfter <= 0 {
				s.Errorf("told to wait %v", limit.RetryAfter)
			}
			return i
		}
		if err != nil {
			s.Fatal(err)
		}
	}
	s.Fatal("no limit")
	return 0
}

func user(i int, server string) verify.Caller {
	return verify.Account(matrix.UserID(fmt.Sprintf("@user%d:%s", i, server)))
}

// Whoever asks, from wherever: one mailbox gets three messages in ten minutes, one
// phone two.
func TestADestinationIsNotFlooded(t *testing.T) {
	each(t, func(s *story) {
		s.Limited(s.T)
		for address, want := range map[threepid.Address]int{email(s.T, "victim@example.org"): 3, phone(s.T): 2} {
			got := s.untilRefused(func(i int) error {
				return s.ask(address, user(i, fmt.Sprintf("hs%d.example", i)), fmt.Sprintf("203.0.113.%d", i))
			})
			if got != want {
				s.Errorf("%d messages to one %s, want %d", got, address.Medium(), want)
			}
		}
	})
}

// An account, all accounts of one homeserver, and all that comes from one network
// each have an end, however many addresses they name.
func TestNobodyFloodsTheWorld(t *testing.T) {
	each(t, func(s *story) {
		s.Limited(s.T)
		victim := func(i int) threepid.Address { return email(s.T, fmt.Sprintf("victim@example%d.org", i)) }
		for who, c := range map[string]struct {
			want int
			ask  func(i int) error
		}{
			"account": {5, func(i int) error {
				return s.ask(victim(i), user(0, "one.example"), fmt.Sprintf("198.51.100.%d", i))
			}},
			"homeserver": {100, func(i int) error {
				return s.ask(victim(1000+i), user(i, "free.example"), fmt.Sprintf("192.0.2.%d", i))
			}},
			"IPv4 address": {10, func(i int) error {
				return s.ask(victim(2000+i), user(i, fmt.Sprintf("a%d.example", i)), "203.0.113.200")
			}},
			"IPv6 /64": {10, func(i int) error {
				return s.ask(victim(3000+i), verify.Page, fmt.Sprintf("2001:db8:1:2::%d", i))
			}},
		} {
			if got := s.untilRefused(c.ask); got != c.want {
				s.Errorf("%d messages of one %s, want %d", got, who, c.want)
			}
		}
	})
}

// What was refused for one budget is charged to none, a message that was not sent
// gives back what it cost, and time gives back the rest.
func TestRefusedMessagesCostNothing(t *testing.T) {
	each(t, func(s *story) {
		s.Limited(s.T)
		victim := email(s.T, "victim@example.org")
		s.Post.Fail(deliver.ErrNotNow)
		for range 10 {
			if err := s.ask(victim, alice, "203.0.113.1"); !errors.Is(err, verify.ErrEmailNotSent) {
				s.Fatalf("Request = %v", err)
			}
		}
		s.Post.Fail(nil)
		toVictim := func(int) error { return s.ask(victim, mallory, "203.0.113.2") }
		if got := s.untilRefused(toVictim); got != 3 {
			s.Errorf("%d messages after ten unsent ones, want 3", got)
		}
		for range 20 {
			if err := toVictim(0); err == nil {
				s.Fatal("a used up budget lets through")
			}
		}
		if err := s.ask(email(s.T, "other@example.org"), mallory, "203.0.113.2"); err != nil {
			s.Errorf("another address after 20 refusals = %v", err)
		}
		s.Clock.Advance(12 * time.Minute)
		if err := s.ask(victim, alice, "203.0.113.1"); err != nil {
			s.Errorf("twelve minutes later = %v", err)
		}
	})
}

// A thousand accounts of one homeserver that nobody has heard of get no more than it
// does, and no CAPTCHA lifts that.
func TestAThousandAccountsOfAFreshHomeserverGetItsBudget(t *testing.T) {
	each(t, func(s *story) {
		s.Limited(s.T)
		s.Verifier.When, s.Verifier.Acquaintance = verify.OnSuspicion, strangers{}
		for i := range 1000 {
			err := s.ask(email(s.T, fmt.Sprintf("victim@example%d.org", i)), user(i, "fresh.example"), fmt.Sprintf("10.%d.%d.1", i/250, i%250))
			if i >= 10 {
				wantLimit(s, err)
			} else if err != nil {
				s.Fatal(err)
			}
		}
		if n := len(s.Post.Sent()); n != 10 {
			s.Errorf("%d messages, want 10", n)
		}
	})
}

// strangers have never been seen before.
type strangers struct{}

func (strangers) FirstSeen(context.Context, matrix.ServerName) (time.Time, bool, error) {
	return time.Time{}, false, nil
}

func (strangers) AccountSince(context.Context, matrix.UserID) (time.Time, bool, error) {
	return time.Time{}, false, nil
}

func wantLimit(s *story, err error) {
	s.Helper()
	if _, ok := errors.AsType[matrix.LimitExceeded](err); !ok {
		s.Errorf("Request = %v, want a limit", err)
	}
}

// The operator's own homeservers are no newcomers.
func TestOwnHomeserversAreNoNewcomers(t *testing.T) {
	each(t, func(s *story) {
		s.Limited(s.T)
		s.Verifier.Acquaintance = strangers{}
		s.Verifier.OwnHomeservers = map[matrix.ServerName]bool{"own.example": true}
		got := s.untilRefused(func(i int) error {
			return s.ask(email(s.T, fmt.Sprintf("victim@example%d.org", i)), user(i, "own.example"), fmt.Sprintf("10.1.%d.1", i))
		})
		if got != 100 {
			s.Errorf("%d messages, want 100", got)
		}
	})
}

// A homeserver that asks as itself is charged, and its own address is not: everybody
// behind it would share that. The person's is, where it names it.
func TestAHomeserversCallsAreChargedToIt(t *testing.T) {
	each(t, func(s *story) {
		s.Limited(s.T)
		ask := func(i int, client netip.Addr) error {
			_, err := s.Request(s.Context(), verify.Request{
				Address: email(s.T, fmt.Sprintf("new@example%d.org", i)), ClientSecret: "secret", Caller: verify.Homeserver("hs.example"),
				Purpose: verify.Register, SendAttempt: 1, Client: client,
			})
			return err
		}
		person := netip.MustParseAddr("203.0.113.9")
		if got := s.untilRefused(func(i int) error { return ask(i, person) }); got != 10 {
			s.Errorf("%d messages for one person, want 10", got)
		}
		if got := s.untilRefused(func(i int) error { return ask(100+i, netip.Addr{}) }); got != 90 {
			s.Errorf("%d further messages for the homeserver, want 90", got)
		}
	})
}

// A domain gets what fits its size; the large providers are not one domain to us.
func TestADomainIsNotFlooded(t *testing.T) {
	each(t, func(s *story) {
		s.Limited(s.T)
		ask := func(domain string) func(int) error {
			return func(i int) error {
				return s.ask(email(s.T, fmt.Sprintf("user%d@mail%d.%s", i, i%3, domain)), user(i, fmt.Sprintf("hs%d.example", i)), fmt.Sprintf("10.2.%d.1", i))
			}
		}
		if got := s.untilRefused(ask("victim.co.uk")); got != 50 {
			s.Errorf("%d messages to one domain, want 50", got)
		}
		for i := range 60 {
			if err := s.ask(email(s.T, fmt.Sprintf("user%d@gmail.com", i)), user(i, fmt.Sprintf("other%d.example", i)), fmt.Sprintf("10.3.%d.1", i)); err != nil {
				s.Fatalf("message %d to a large provider = %v", i, err)
			}
		}
	})
}

// Numbers that differ in their last four digits are one block.
func TestABlockOfNumbersIsNotFlooded(t *testing.T) {
	each(t, func(s *story) {
		s.Limited(s.T)
		got := s.untilRefused(func(i int) error {
			return s.ask(number(s.T, fmt.Sprintf("+4915112345%03d", i)), user(i, fmt.Sprintf("hs%d.example", i)), fmt.Sprintf("10.4.%d.1", i))
		})
		if got != 5 {
			s.Errorf("%d messages to one block, want 5", got)
		}
	})
}

// Two replicas share every limit, and a restart refills none.
func TestReplicasShareLimits(t *testing.T) {
	storetest.EachLaidOut(t, verifytest.Owners, func(t *testing.T, url string) {
		s := &story{T: t, World: verifytest.New(t, storetest.Open(t, url, nil)).Limited(t)}
		second := &story{T: t, World: s.Replica(t, storetest.Open(t, url, nil)).Limited(t)}
		victim := email(t, "victim@example.org")
		got := s.untilRefused(func(i int) error {
			who := []*story{s, second}[i%2]
			who.asked = 100 * i
			return who.ask(victim, user(i, fmt.Sprintf("hs%d.example", i)), fmt.Sprintf("203.0.113.%d", i))
		})
		restarted := &story{T: t, World: s.Replica(t, storetest.Open(t, url, nil)).Limited(t), asked: 5000}
		wantLimit(restarted, restarted.ask(victim, alice, "203.0.113.99"))
		if got != 3 {
			t.Errorf("%d messages by two replicas, want 3", got)
		}
	})
}

// Guesses at one address are counted together, whichever replica they come to.
func TestReplicasShareGuesses(t *testing.T) {
	storetest.EachLaidOut(t, verifytest.Owners, func(t *testing.T, url string) {
		s := &story{T: t, World: verifytest.New(t, storetest.Open(t, url, nil)).Limited(t)}
		second := s.Replica(t, storetest.Open(t, url, nil)).Limited(t)
		for i := range 3 {
			c := user(i, fmt.Sprintf("hs%d.example", i))
			sid, err := s.Request(t.Context(), verify.Request{Address: email(t, "victim@example.org"), ClientSecret: "s", Caller: c, SendAttempt: 1})
			if err != nil {
				t.Fatal(err)
			}
			for guess := range 5 {
				at := []*verifytest.World{s.World, second}[guess%2]
				err := at.Submit(t.Context(), verify.Credentials{SID: sid, ClientSecret: "s"}, c, other(s.Post.Last(t).Code()))
				if i < 2 && !errors.Is(err, verify.ErrWrongCode) {
					t.Errorf("guess %d = %v", 5*i+guess, err)
				}
				if i == 2 {
					wantLimit(s, err)
				}
			}
		}
	})
}

// In dry run everything is counted and nothing is refused.
func TestDryRunRefusesNothing(t *testing.T) {
	each(t, func(s *story) { // whose budgets are in dry run
		for i := range 30 {
			if err := s.ask(email(s.T, "victim@example.org"), user(i%2, "one.example"), "203.0.113.1"); err != nil {
				s.Fatalf("message %d = %v", i, err)
			}
		}
	})
}
