package people_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"signet/keys/log"
	"signet/keys/people"
	"signet/keys/proof"
	"signet/keys/value"
)

// rotate has another key sign values.
func (s *story) rotate() {
	s.Helper()
	_, err := s.server.Ring.Rotate(s.Context())
	s.must(err)
}

// follows is a client that has kept a trust root from before: it refreshes that and verifies what it
// asks for.
func (s *story) follows(kept proof.Config, at *people.People, labels ...string) proof.Config {
	s.Helper()
	now, err := kept.Follow(s.root(at))
	s.must(err)
	for _, label := range labels {
		if _, _, err := s.asks(label, s.policyOf(now)); err != nil {
			s.Errorf("%s is not believed: %v", label, err)
		}
	}
	return now
}

// The key by which the server signs values is rotated. Who has kept a trust root from before believes
// nothing that the new key signs until they have refreshed it, and then all: the log has vouched for
// the key, whichever replica is asked.
func TestANewKeyIsVouchedFor(t *testing.T) {
	each(t, func(s *story) {
		const bound = "binding:email:bob@example.org"
		s.seal()
		kept, behind := s.root(s.people), s.open()
		s.must(behind.Tiles().Follow(s.Context()))
		for i := range uint32(2) {
			d := s.draft(i, 1)
			if i > 0 {
				d.prev, d.old = s.current(), 1
			}
			s.rotate()
			s.bind("bob@example.org", bob)
			s.publish(d)
			s.seal()
			for _, label := range []string{aliceLabel, bound} {
				if _, _, err := s.asks(label, s.policyOf(kept)); !errors.Is(err, value.ErrServerKey) {
					s.Errorf("before the refresh %s: %v, want %v", label, err, value.ErrServerKey)
				}
			}
			kept = s.follows(kept, behind, aliceLabel, bound)
		}
		s.check()
	})
}

// What a key has signed is believed by who kept the trust root from before it was there, if it was
// in the log when the key was revoked, and so is what its successor signs.
func TestANewKeyIsVouchedForAfterARevocation(t *testing.T) {
	each(t, func(s *story) {
		const bound = "binding:email:bob@example.org"
		s.seal()
		kept := s.root(s.people)
		s.rotate()
		s.publish(s.draft(0, 1))
		s.seal()
		s.revoke()
		s.bind("bob@example.org", bob)
		s.seal()
		s.follows(kept, s.people, bound)
		s.Clock.Advance(2 * time.Minute)
		s.seal()
		now := s.follows(kept, s.people, bound, aliceLabel)
		if len(now.Revoked) != 1 || len(now.Keys) != 2 {
			s.Errorf("believed are %v and revoked %v", now.Keys, now.Revoked)
		}
		s.check()
	})
}

// hasty is a Signer whose key is rotated before and after it signs what a pass has ready.
type hasty struct {
	people.Signer
	rotate func()
}

func (h hasty) SignAll(ctx context.Context, values []any) ([][]byte, error) {
	h.rotate()
	defer h.rotate()
	return h.Signer.SignAll(ctx, values)
}

// A key is rotated in the middle of a pass, and signs nothing but what that pass has ready: the log
// vouches for it all the same.
func TestAKeyIsRotatedDuringAPass(t *testing.T) {
	each(t, func(s *story) {
		s.seal()
		kept, o := s.root(s.people), s.options()
		o.Signer = hasty{s.server, s.rotate}
		p, err := people.Open(s.Context(), o)
		s.must(err)
		s.Clock.Advance(time.Minute)
		s.people = p
		s.bind("alice@example.org", alice)
		s.seal()
		s.follows(kept, s.people, "binding:email:alice@example.org")
		s.check()
	})
}

var errFull = errors.New("the disk is full")

// full is a guard that cannot remember more than a size: what is committed is not signed.
type full struct {
	log.Guard
	size int64
}

func (f full) Signed(ctx context.Context, t tlog.Tree) error {
	if t.N > f.size {
		return errFull
	}
	return f.Guard.Signed(ctx, t)
}

// A process ends when a value of a new key is in the log and no note covers it: whoever comes next
// shows it with the CONFIG that names the key.
func TestAProcessEndsWithANewKey(t *testing.T) {
	each(t, func(s *story) {
		s.seal()
		kept := s.root(s.people)
		s.rotate()
		s.publish(s.draft(0, 1))
		o := s.options()
		o.Guard = full{o.Guard, int64(len(s.entries()))}
		s.Clock.Advance(time.Minute)
		p, err := people.Open(s.Context(), o)
		s.must(err)
		if _, err := p.Tiles().Seal(s.Context()); !errors.Is(err, errFull) {
			s.Fatalf("Seal = %v", err)
		}
		if found := s.lookup(aliceLabel); found.Present {
			s.Error("it is shown before it is signed")
		}
		s.Clock.Advance(time.Minute)
		s.people = s.open()
		s.seal()
		s.follows(kept, s.people, aliceLabel)
		s.check()
	})
}
