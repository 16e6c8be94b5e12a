package caller_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"signet/internal/caller"
	"signet/internal/fedclient"
	"signet/internal/matrix"
)

func (s *story) firstSeen(server matrix.ServerName, want time.Time) {
	s.Helper()
	since, known, err := s.FirstSeen(s.Context(), server)
	if err != nil || known == want.IsZero() || !since.Equal(want) {
		s.Errorf("FirstSeen(%s) = %s, %t, %v; want %s", server, since, known, err, want)
	}
}

func (s *story) accountSince(user matrix.UserID, want time.Time) {
	s.Helper()
	since, known, err := s.AccountSince(s.Context(), user)
	if err != nil || known == want.IsZero() || !since.Equal(want) {
		s.Errorf("AccountSince(%s) = %s, %t, %v; want %s", user, since, known, err, want)
	}
}

func TestAHomeserverIsKnownSinceItsFirstUser(t *testing.T) {
	each(t, func(s *story) {
		s.firstSeen("example.org", time.Time{})
		s.register()
		first := s.clock.Now()
		s.clock.Advance(24 * time.Hour)
		s.register()
		for range 2 { // from the database, and from memory
			s.firstSeen("example.org", first)
			s.firstSeen("example.org:8448", first)
		}
		s.firstSeen("sub.example.org", time.Time{})
	})
}

func TestAHomeserverIsKnownSinceItsFirstSignature(t *testing.T) {
	each(t, func(s *story) {
		call := s.sign(matrix.SignedRequest{Method: "GET", URI: "/x", Origin: "example.org:8448", Destination: "id.example.org"}, nil)
		first := s.clock.Now()
		for range 3 {
			if _, err := s.Homeserver(s.Context(), call); err != nil {
				s.Fatal(err)
			}
			s.clock.Advance(time.Hour)
		}
		s.firstSeen("example.org", first)
		if n := s.count("caller_homeservers"); n != 1 {
			s.Errorf("%d homeservers are known, want 1", n)
		}
	})
}

// Nobody fills the tables with names that nobody stands behind.
func TestStrangersAreNotRecorded(t *testing.T) {
	each(t, func(s *story) {
		forged := s.sign(matrix.SignedRequest{Method: "GET", URI: "/x", Origin: "example.org", Destination: "id.example.org"},
			func(x *matrix.XMatrix) { x.Signature = matrix.EncodeBase64(make([]byte, 64)) })
		for i := range 20 {
			name := matrix.ServerName(fmt.Sprintf("s%d.example", i))
			call := s.sign(matrix.SignedRequest{Method: "GET", URI: "/x", Origin: name, Destination: "id.example.org"}, nil)
			if _, err := s.Homeserver(s.Context(), call); !errors.Is(err, caller.ErrSignature) {
				s.Errorf("Homeserver = %v", err)
			}
			if _, err := s.Register(s.Context(), caller.OpenID{AccessToken: "x", TokenType: "Bearer", Homeserver: name}); !errors.Is(err, caller.ErrOpenIDForged) {
				s.Errorf("Register = %v", err)
			}
		}
		if _, err := s.Homeserver(s.Context(), forged); !errors.Is(err, caller.ErrSignature) {
			s.Errorf("a forged signature = %v", err)
		}
		s.homeserver.down = fedclient.ErrUnreachable
		if _, err := s.Register(s.Context(), openID); !errors.Is(err, caller.ErrHomeserverDown) {
			s.Errorf("Register with a dead homeserver = %v", err)
		}
		for _, table := range []string{"caller_homeservers", "caller_accounts", "caller_tokens"} {
			if n := s.count(table); n != 0 {
				s.Errorf("%s has %d rows", table, n)
			}
		}
	})
}

// A homeserver that stays away is forgotten, and is new when it comes back; one that comes
// once a year is not.
func TestAHomeserverThatStaysAwayIsForgotten(t *testing.T) {
	each(t, func(s *story) {
		first := s.clock.Now()
		s.register()
		for range 3 {
			s.clock.Advance(390 * 24 * time.Hour)
			s.sweep()
			s.firstSeen("example.org", first)
			s.register()
		}
		if n := s.count("caller_homeservers"); n != 1 {
			s.Errorf("%d homeservers are known, want 1", n)
		}
		s.clock.Advance(400*24*time.Hour + time.Millisecond)
		s.sweep()
		s.firstSeen("example.org", time.Time{})
		s.register()
		s.firstSeen("example.org", s.clock.Now())
	})
}

func TestAnAccountIsRememberedAfterItLogsOut(t *testing.T) {
	each(t, func(s *story) {
		s.accountSince(alice, time.Time{})
		token := s.register()
		first := s.clock.Now()
		s.accountSince(alice, first)
		s.clock.Advance(25 * time.Hour)
		if err := s.Logout(s.Context(), token); err != nil {
			s.Fatal(err)
		}
		s.accountSince(alice, first)
		s.register()
		if _, err := s.Revoke(s.Context(), alice); err != nil {
			s.Fatal(err)
		}
		s.accountSince(alice, first)
		s.accountSince("@bob:example.org", time.Time{})

		var tag []byte
		if err := s.db.QueryRow(s.Context(), "SELECT account_tag FROM caller_accounts").Scan(&tag); err != nil || len(tag) != 32 {
			s.Errorf("the account stands as %q, %v; want a tag", tag, err)
		}
		s.clock.Advance(365*24*time.Hour + time.Millisecond)
		s.sweep()
		s.accountSince(alice, time.Time{})
	})
}

// A token that is used every month outlives the record, and tells as much.
func TestAnAccountWithALivingTokenIsKnown(t *testing.T) {
	each(t, func(s *story) {
		token := s.register()
		first := s.clock.Now()
		for range 14 {
			s.clock.Advance(29 * 24 * time.Hour)
			s.account(token, nil)
			s.sweep()
		}
		if n := s.count("caller_accounts"); n != 0 {
			s.Errorf("%d accounts are kept", n)
		}
		s.accountSince(alice, first)
	})
}
