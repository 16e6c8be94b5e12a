package people_test

import (
	"errors"
	"testing"
	"time"

	"signet/keys/people"
	"signet/keys/proof"
)

// Who has seen the log before is shown that it continues, also where it is the same still.
func TestTheLogContinuesWhatWasSeen(t *testing.T) {
	each(t, func(s *story) {
		const label = "binding:email:alice@example.org"
		s.seal()
		asked := proof.Asked{Label: label}
		last := int64(0)
		for i := range 4 {
			if i%2 == 1 {
				s.bind("alice@example.org", alice)
				s.seal()
			}
			found, err := s.people.Lookup(s.Context(), s.label(label), last)
			s.must(err)
			result, err := proof.Verify(found, asked, s.policy(), s.Clock.Now())
			if err != nil {
				s.Fatalf("look-up %d, after a log of %d: %v", i, last, err)
			}
			asked.Head, last = &result.Head, result.Head.N
		}
		for unseen, want := range map[int64]error{-1: people.ErrLastSize, 1 << 53: people.ErrLastSize, last + 1: people.ErrNotYet} {
			if _, err := s.people.Lookup(s.Context(), s.label(label), unseen); !errors.Is(err, want) {
				s.Errorf("Lookup after a log of %d = %v, want %v", unseen, err, want)
			}
		}
	})
}

// A clock that was put back does not turn versions around.
func TestAClockThatWasPutBack(t *testing.T) {
	each(t, func(s *story) {
		s.bind("alice@example.org", alice)
		s.publish(s.draft(0, 1))
		first := s.current()
		s.Clock.Advance(-time.Minute)
		s.bind("alice@example.org", bob)
		s.publish(draft{label: aliceLabel, version: 1, key: 2, prev: first, old: 1, from: s.Clock.Now()})
		s.seal()
		s.want("binding:email:alice@example.org", 1, string(bob))
		s.want(aliceLabel, 1, "")
		s.check()
	})
}
