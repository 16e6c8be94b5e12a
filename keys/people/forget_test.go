package people_test

import (
	"context"
	"testing"
	"time"

	"signet/keys/people"
)

// wantRemembered asserts whether proofs of a label are in the memory of each replica.
func (s *story) wantRemembered(label string, want bool, replicas ...*people.People) {
	s.Helper()
	for i, p := range replicas {
		if n := p.Remembered(s.label(label)); (n > 0) != want {
			s.Errorf("replica %d remembers %d proofs of %s", i, n, label)
		}
	}
}

// Every replica forgets the proofs of a label that any of them has erased, and of no other;
// whoever asks again is answered, and nothing is remembered of it until there is something new.
func TestTheProofsOfAnErasedLabelAreForgotten(t *testing.T) {
	each(t, func(s *story) {
		const label, other = "binding:email:alice@example.org", "binding:email:bob@example.org"
		replicas := []*people.People{s.people, s.open()}
		all := func(do func(p *people.People)) {
			for _, p := range replicas {
				do(p)
			}
		}
		lookups := func(p *people.People) {
			s.lookupAt(p, label)
			s.lookupAt(p, other)
			_, err := p.Monitor(s.Context(), s.label(label), 0)
			s.must(err)
		}
		s.bind("alice@example.org", alice)
		s.bind("bob@example.org", bob)
		s.seal()
		all(lookups)
		s.wantRemembered(label, true, replicas...)

		s.erase("alice@example.org")
		all(lookups) // before the tombstone is logged
		all(func(p *people.People) { s.must(p.ForgetErased(s.Context())) })
		s.wantRemembered(label, false, replicas...)
		s.wantRemembered(other, true, replicas...)
		all(lookups)
		s.seal()
		all(lookups)
		s.want(label, 1, `"im.signet.keys.erased.v1"`)
		s.history(label)
		s.wantRemembered(label, false, replicas...)

		s.bind("alice@example.org", bob)
		s.seal()
		all(lookups)
		s.wantRemembered(label, true, replicas...)
		s.must(s.directory.EraseUser(s.Context(), bob))
		all(func(p *people.People) { s.must(p.ForgetErased(s.Context())) })
		s.wantRemembered(label, false, replicas...)
		s.wantRemembered(other, false, replicas...)
		s.seal()
		s.check()
	})
}

// A replica that does nothing but run forgets, too.
func TestARunningReplicaForgets(t *testing.T) {
	each(t, func(s *story) {
		const label = "binding:email:alice@example.org"
		s.bind("alice@example.org", alice)
		s.seal()
		second := s.open()
		s.lookupAt(second, label)
		s.erase("alice@example.org")
		s.wantRemembered(label, true, second)
		ctx, stop := context.WithCancel(s.Context())
		ended := make(chan error)
		go func() { ended <- second.Run(ctx) }()
		for second.Remembered(s.label(label)) > 0 { // a cache gives no signal; or the test never ends
			time.Sleep(time.Millisecond)
		}
		stop()
		s.must(<-ended)
	})
}
