package verify_test

import (
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"signet/internal/deliver"
	"signet/internal/matrix"
	"signet/internal/threepid"
	"signet/verify"
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
		victim := func(i int) threepid.Address { return email(s.T, fmt.Sprintf("victim%d@example.org", i)) }
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
		s.Post.Fail(deliver.ErrRefused)
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
