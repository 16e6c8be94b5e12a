package lookup_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"signet/internal/matrix"
	"signet/lookup"
	"signet/verify"
)

func TestABoundAddressIsFound(t *testing.T) {
	each(t, func(s *story) {
		if got := s.find("alice@example.org"); got != "" {
			s.Errorf("before the bind it is %q", got)
		}
		s.bind("Alice@Example.ORG", alice)
		if got := s.find("alice@example.org"); got != alice {
			s.Errorf("found %q, want %q", got, alice)
		}
		if err := s.directory.Unbind(s.Context(), s.email("alice@example.org"), bob); err != nil {
			s.Fatal(err)
		}
		if got := s.find("alice@example.org"); got != alice {
			s.Errorf("after unbinding somebody else it is %q", got)
		}
		for range 2 {
			if err := s.directory.Unbind(s.Context(), s.email("alice@example.org"), alice); err != nil {
				s.Fatal(err)
			}
		}
		if got := s.find("alice@example.org"); got != "" {
			s.Errorf("after the unbind it is %q", got)
		}
	})
}

func TestTheAssociationIsSigned(t *testing.T) {
	each(t, func(s *story) {
		association := s.bind("alice@example.org", alice)
		var got struct {
			lookup.Association
			Signatures map[matrix.ServerName]map[matrix.KeyID]string `json:"signatures"`
		}
		if err := json.Unmarshal(association, &got); err != nil {
			s.Fatal(err)
		}
		now := s.Clock.Now().UnixMilli()
		want := lookup.Association{Address: "alice@example.org", Medium: "email", MXID: alice, NotBefore: now, NotAfter: now + 365*24*3600*1000, TS: now}
		if got.Association != want {
			s.Errorf("association = %+v, want %+v", got.Association, want)
		}
		for id := range got.Signatures["id.example.org"] {
			key, err := s.server.Public(s.Context(), id)
			if err != nil {
				s.Fatal(err)
			}
			if err := matrix.Verify("id.example.org", id, key, association); err != nil {
				s.Errorf("the signature by %s: %v", id, err)
			}
			forged := []byte(strings.Replace(string(association), "alice@", "mallory@", 1))
			if matrix.Verify("id.example.org", id, key, forged) == nil {
				s.Error("a changed association verifies")
			}
		}
		if len(got.Signatures["id.example.org"]) != 1 {
			s.Errorf("signatures = %v", got.Signatures)
		}
	})
}

// A number or mailbox that has a new owner: only the new one is found.
func TestANewOwnerReplacesTheOld(t *testing.T) {
	each(t, func(s *story) {
		s.bind("shared@example.org", alice)
		s.bind("shared@example.org", bob)
		if got := s.find("shared@example.org"); got != bob {
			s.Errorf("found %q, want %q", got, bob)
		}
		var rows int
		if err := s.DB.QueryRow(s.Context(), "SELECT COUNT(*) FROM lookup_bindings").Scan(&rows); err != nil || rows != 1 {
			s.Errorf("%d rows, %v; want 1", rows, err)
		}
	})
}

// A session is spent by one bind. The same bind again is the same answer, because
// its first may have been lost; anything else with it is refused.
func TestAProofBindsOnce(t *testing.T) {
	each(t, func(s *story) {
		proof := s.prove("alice@example.org", alice)
		first, err := s.directory.Bind(s.Context(), proof, alice)
		if err != nil {
			s.Fatal(err)
		}
		s.Clock.Advance(time.Minute)
		if again, err := s.directory.Bind(s.Context(), proof, alice); err != nil || string(again) != string(first) {
			s.Errorf("the same bind again = %s, %v", again, err)
		}
		if _, err := s.directory.Bind(s.Context(), proof, bob); !errors.Is(err, verify.ErrSpent) {
			s.Errorf("binding somebody else with it = %v, want %v", err, verify.ErrSpent)
		}
		if err := s.directory.Unbind(s.Context(), proof.Address(), alice); err != nil {
			s.Fatal(err)
		}
		if _, err := s.directory.Bind(s.Context(), proof, alice); !errors.Is(err, verify.ErrSpent) {
			s.Errorf("binding again after an unbind = %v, want %v", err, verify.ErrSpent)
		}
		if got := s.find("alice@example.org"); got != "" {
			s.Errorf("found %q after the unbind", got)
		}
	})
}

func TestManyBindOneAddressAtTheSameMoment(t *testing.T) {
	each(t, func(s *story) {
		users := []matrix.UserID{"@a:x.org", "@b:x.org", "@c:x.org", "@d:x.org", "@e:x.org", "@f:x.org"}
		var wg sync.WaitGroup
		for _, user := range users {
			proof := s.prove("shared@example.org", user)
			wg.Go(func() {
				if _, err := s.directory.Bind(context.Background(), proof, user); err != nil {
					s.Error(err)
				}
			})
		}
		wg.Wait()
		var rows int
		if err := s.DB.QueryRow(s.Context(), "SELECT COUNT(*) FROM lookup_bindings").Scan(&rows); err != nil || rows != 1 {
			s.Errorf("%d rows, %v; want 1", rows, err)
		}
		if s.find("shared@example.org") == "" {
			s.Error("nobody is found")
		}
	})
}
