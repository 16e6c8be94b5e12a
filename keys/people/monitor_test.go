package people_test

import (
	"testing"
	"time"

	"signet/keys/proof"
)

// An owner who looks again learns whether anything was added since, also after an erasure.
func TestMonitor(t *testing.T) {
	each(t, func(s *story) {
		const label = "binding:email:alice@example.org"
		ask := func(known *uint32) proof.Monitored {
			s.Helper()
			m, err := s.people.Monitor(s.Context(), s.label(label), 0)
			s.must(err)
			read, err := proof.ParseMonitor(marshal(s.TB, m))
			s.must(err)
			got, err := proof.VerifyMonitor(read, proof.Asked{Label: label, Version: known}, s.policy(), s.Clock.Now())
			s.must(err)
			return got
		}
		s.seal()
		if got := ask(nil); got.Present || got.More {
			s.Errorf("nothing was bound: %+v", got)
		}
		s.bind("alice@example.org", alice)
		s.seal()
		first := uint32(0)
		if got := ask(&first); !got.Present || got.Version != 0 || got.More {
			s.Errorf("bound once: %+v", got)
		}
		s.Clock.Advance(time.Minute)
		s.bind("alice@example.org", bob)
		if got := ask(&first); got.More {
			s.Errorf("what is not in the log yet is told of: %+v", got)
		}
		s.seal()
		if got := ask(&first); got.Version != 1 || !got.More {
			s.Errorf("bound to somebody else: %+v", got)
		}
		second := uint32(1)
		s.erase("alice@example.org")
		s.seal()
		if got := ask(&second); got.Version != 2 || !got.More {
			s.Errorf("erased: %+v", got)
		}
	})
}
