package lookup_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"signet/internal/matrix"
	"signet/lookup"
)

func TestManyHashesAtOnce(t *testing.T) {
	each(t, func(s *story) {
		s.bind("alice@example.org", alice)
		s.bind("bob@example.org", bob)
		pepper := s.directory.Details().Pepper
		for _, others := range []int{0, 1, 14, 15, 126, 511, 600, 2000} {
			asked := []string{clientHash("alice@example.org", "email", pepper)}
			for i := range others {
				asked = append(asked, clientHash(fmt.Sprintf("nobody%d@example.org", i), "email", pepper))
			}
			asked = append(asked, clientHash("bob@example.org", "email", pepper))
			answer, err := s.directory.Lookup(s.Context(), ask(lookup.SHA256, pepper, asked))
			users := answer.Users
			if err != nil || len(users) != 2 || users[asked[0]] != alice || users[asked[len(asked)-1]] != bob {
				s.Errorf("of %d: %v, %v", len(asked), users, err)
			}
		}
	})
}

func TestLookupRefuses(t *testing.T) {
	each(t, func(s *story) {
		pepper := s.directory.Details().Pepper
		var wrong lookup.WrongPepper
		if _, err := s.directory.Lookup(s.Context(), ask(lookup.SHA256, "old", nil)); !errors.As(err, &wrong) || wrong.Pepper != pepper {
			s.Errorf("another pepper = %v", err)
		}
		if _, err := s.directory.Lookup(s.Context(), ask("none", pepper, nil)); !errors.Is(err, lookup.ErrAlgorithm) {
			s.Errorf("none = %v, want %v", err, lookup.ErrAlgorithm)
		}
		if _, err := s.directory.Lookup(s.Context(), ask(lookup.SHA256, pepper, make([]string, 10_001))); !errors.Is(err, lookup.ErrTooMany) {
			s.Errorf("10,001 = %v, want %v", err, lookup.ErrTooMany)
		}
		for _, odd := range [][]string{nil, {""}, {"alice@example.org email"}, {strings.Repeat("x", 10_000)}, {"same", "same"}} {
			if answer, err := s.directory.Lookup(s.Context(), ask(lookup.SHA256, pepper, odd)); err != nil || len(answer.Users) != 0 {
				s.Errorf("Lookup(%.40q) = %v, %v; want nobody", odd, answer, err)
			}
		}
	})
}

// An old pepper is accepted for a while, and then told apart by the new one.
func TestAnOldPepperIsAcceptedForAWhile(t *testing.T) {
	each(t, func(s *story) {
		s.bind("alice@example.org", alice)
		old := s.directory.Details().Pepper
		hash := clientHash("alice@example.org", "email", old)
		s.Clock.Advance(s.directory.UntilNextEpoch())
		if next := s.directory.Details().Pepper; next == old || len(next) != 32 {
			s.Fatalf("the next pepper is %q after %q", next, old)
		}
		ask := func(pepper string) (matrix.UserID, error) {
			answer, err := s.directory.Lookup(s.Context(), ask(lookup.SHA256, pepper, []string{hash}))
			return answer.Users[hash], err
		}
		s.Clock.Advance(lookup.Afterlife - time.Millisecond)
		if got, err := ask(old); got != alice || err != nil {
			s.Errorf("with the old pepper in its afterlife: %q, %v", got, err)
		}
		s.Clock.Advance(time.Millisecond)
		var wrong lookup.WrongPepper
		if _, err := ask(old); !errors.As(err, &wrong) || wrong.Pepper != s.directory.Details().Pepper {
			s.Errorf("with the old pepper after it: %v", err)
		}
		if got := s.find("alice@example.org"); got != alice {
			s.Errorf("with the new pepper, whose hashes nobody made in time: %q", got)
		}
	})
}

// Addresses in the clear are looked up only where the operator wants it.
func TestNoneIsOfferedIfWanted(t *testing.T) {
	each(t, func(s *story) {
		s.bind("alice@example.org", alice)
		o := s.directory.Options
		o.OfferNone = true
		open, err := lookup.New(s.Context(), o)
		if err != nil {
			s.Fatal(err)
		}
		if got := open.Details().Algorithms; !slices.Equal(got, []lookup.Algorithm{lookup.SHA256, lookup.None}) {
			s.Errorf("algorithms %q", got)
		}
		asked := []string{"Alice@example.org email", "alice@example.org msisdn", "alice@example.org", " email", "email"}
		answer, err := open.Lookup(s.Context(), ask(lookup.None, open.Details().Pepper, asked))
		if err != nil || len(answer.Users) != 1 || answer.Users[asked[0]] != alice {
			s.Errorf("Lookup = %v, %v", answer, err)
		}
	})
}
