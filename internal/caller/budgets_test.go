package caller_test

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"signet/internal/caller"
	"signet/internal/matrix"
)

// registers tells how many of so many strangers in a row get in, each a user of a server
// and from a network of its own making.
func (s *story) registers(tries int, server func(i int) string, network func(i int) string) (in int) {
	s.Helper()
	for i := range tries {
		_, err := s.Register(s.Context(), caller.OpenID{AccessToken: fmt.Sprintf("%04d", i), TokenType: "Bearer",
			Homeserver: matrix.ServerName(server(i)), Network: netip.MustParsePrefix(network(i))})
		if _, limited := errors.AsType[matrix.LimitExceeded](err); err != nil && !limited {
			s.Fatal(err)
		}
		if err == nil {
			in++
		}
	}
	return in
}

func numbered(pattern string) func(int) string {
	return func(i int) string { return strings.ReplaceAll(pattern, "#", fmt.Sprint(i)) }
}

// Whoever has every name below a domain, or a whole site of addresses, leaves so many
// rows and no more, and others get in all the while.
func TestRegistrationsHaveBudgets(t *testing.T) {
	for _, c := range []struct {
		what            string
		server, network string
		want            int
	}{
		{"one network, any servers", "hs.s#.example", "192.0.2.1/32", 60},
		{"one site, any servers", "hs.s#.example", "2001:db8:0:#::/64", 480},
		{"one new owner, any networks", "h#.evil.example:8448", "10.0.#.0/32", 100},
		{"one new address, any networks", "192.0.2.7:1#", "10.1.#.0/32", 100},
	} {
		t.Run(c.what, func(t *testing.T) {
			each(t, func(s *story) {
				s.Federation = vouching{}
				network := numbered(c.network)
				if strings.HasPrefix(c.network, "10.") {
					network = func(i int) string { return fmt.Sprintf("10.%d.%d.1/32", i/200, i%200) }
				}
				if in := s.registers(c.want+20, numbered(c.server), network); in != c.want {
					s.Errorf("%d got in, want %d", in, c.want)
				}
				if n := s.count("caller_homeservers"); n > c.want {
					s.Errorf("%d homeservers are known", n)
				}
				if in := s.registers(1, numbered("good.example.net"), numbered("198.51.100.1/32")); in != 1 {
					s.Error("another owner and network did not get in")
				}
			})
		})
	}
}

// A homeserver is no newcomer after a week, nor ever where it is the operator's.
func TestAKnownHomeserverHasTheLargerBudget(t *testing.T) {
	each(t, func(s *story) {
		s.Federation = vouching{}
		anywhere := func(i int) string { return fmt.Sprintf("10.%d.%d.1/32", i/200, i%200) }
		s.registers(1, numbered("hs.example.net"), anywhere)
		s.clock.Advance(7 * 24 * time.Hour)
		if in := s.registers(610, numbered("hs.example.net"), anywhere); in != 600 {
			s.Errorf("%d of a known homeserver got in, want 600", in)
		}
		s.Own = map[matrix.ServerName]bool{"own.example.com": true}
		s.clock.Advance(24 * time.Hour)
		if in := s.registers(150, numbered("own.example.com"), anywhere); in != 150 {
			s.Errorf("%d of the operator's own got in, want 150", in)
		}
	})
}

// Tokens that strangers invent use up their own budgets, not those of the homeserver.
func TestForgedTokensCostTheHomeserverNothing(t *testing.T) {
	each(t, func(s *story) {
		s.homeserver.status = 401
		o := openID
		for i := range 300 {
			o.Network = netip.MustParsePrefix(fmt.Sprintf("10.0.0.%d/32", i%5))
			if _, err := s.Register(s.Context(), o); !errors.Is(err, caller.ErrOpenIDRefused) {
				s.Fatalf("forgery %d = %v", i, err)
			}
		}
		asked := len(s.homeserver.asked)
		if _, err := s.Register(s.Context(), o); !errors.As(err, new(matrix.LimitExceeded)) || len(s.homeserver.asked) != asked {
			s.Errorf("the 61st forgery of a network = %v", err)
		}
		s.homeserver.status = 200
		s.register()
	})
}
