package people_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"signet/internal/matrix"
	"signet/keys/log"
	"signet/keys/log/keeper/keepertest"
	"signet/keys/people"
	"signet/keys/replay"
)

// Two replicas answer alike: the one that stands by at once, though it has not passed since.
func TestAReplicaThatStandsByProves(t *testing.T) {
	each(t, func(s *story) {
		s.seal()
		second := s.open()
		for i := range 5 {
			user := []matrix.UserID{alice, bob}[i%2]
			s.bind("alice@example.org", user)
			s.seal()
			if found := s.lookupAt(second, "binding:email:alice@example.org"); int(found.Version) != i {
				s.Errorf("the second proves version %d of %d", found.Version, i)
			}
		}
		s.Clock.Advance(time.Minute) // the first has ended
		s.bind("alice@example.org", bob)
		if n, err := second.Tiles().Seal(s.Context()); n != 2 || err != nil {
			s.Errorf("the second has sealed %d entries, %v", n, err)
		}
		s.want("binding:email:alice@example.org", 5, string(bob))
		s.check()
	})
}

// What was committed and not sealed when a process ended is sealed by the next, once.
func TestWhatWasAcknowledgedIsLogged(t *testing.T) {
	each(t, func(s *story) {
		s.bind("bob@example.org", bob)
		ticket := s.publish(s.draft(0, 1))
		s.people = s.reopen()
		s.seal()
		if found, err := s.people.Await(s.Context(), ticket); err != nil || sum(found.Value) != ticket.Hash {
			s.Errorf("what was promised is proven as %+v, %v", found, err)
		}
		s.want("binding:email:bob@example.org", 0, string(bob))
		s.people = s.reopen()
		if n := s.seal(); n > 1 { // the heartbeat's EPOCH
			s.Errorf("%d entries were appended again", n)
		}
		s.check()
	})
}

// Replicas run, people bind, publish, unbind and are erased meanwhile; then every version is in
// the log once, in order, and every proof holds.
func TestReplicasRunWhileMuchChanges(t *testing.T) {
	each(t, func(s *story) {
		ctx, stop := context.WithCancel(s.Context())
		replicas := []*people.People{s.people, s.open()}
		var running sync.WaitGroup
		for _, p := range replicas {
			running.Go(func() {
				if err := p.Run(ctx); err != nil {
					s.Errorf("Run = %v", err)
				}
			})
		}
		for i := range 6 {
			address := fmt.Sprintf("u%d@example.org", i%3)
			s.bind(address, alice)
			d := s.draft(uint32(0), 1)
			d.label = "email:" + address
			_, err := replicas[i%2].Publish(s.Context(), s.right(address), d.json(s.TB))
			if i < 3 && err != nil || i >= 3 && !errors.Is(err, people.ErrVersion) {
				s.Errorf("publishing %d: %v", i, err)
			}
			switch i {
			case 2:
				s.erase("u0@example.org")
			case 4:
				s.must(s.directory.Unbind(s.Context(), s.email(address), alice))
			}
		}
		stop()
		running.Wait()
		s.Clock.Advance(time.Minute)
		s.seal()
		s.want("binding:email:u0@example.org", s.last("binding:email:u0@example.org"), string(alice))
		s.want("binding:email:u1@example.org", 2, `"mxid":null`)
		s.want("email:u2@example.org", 0, "")
		s.check()
	})
}

// Readers at two replicas are proven one and the same past while it grows, though few proofs of
// the VRF have a place in memory.
func TestReadersWhileTheLogGrows(t *testing.T) {
	each(t, func(s *story) {
		const label, versions = "binding:email:alice@example.org", 8
		var replicas [2]*people.People
		for i := range replicas {
			o := s.options()
			o.Feed, o.Limit, o.Cached = moody(versions), 1, 3
			var err error
			replicas[i], err = people.Open(s.Context(), o)
			s.must(err)
		}
		s.people = replicas[0]
		s.seal()
		grown := make(chan struct{})
		var readers sync.WaitGroup
		for i := range 4 {
			readers.Go(func() { s.read(replicas[i%2], label, versions-1, grown) })
		}
		for range versions - 1 {
			s.seal()
		}
		close(grown)
		readers.Wait()
		s.check()
	})
}

// read looks a label up until the log has grown, and once more: then its version is the last.
func (s *story) read(p *people.People, label string, last uint32, grown <-chan struct{}) {
	newest := uint32(0)
	for again := true; again; {
		select {
		case <-grown:
			again = false
		default:
		}
		found, err := p.Lookup(s.Context(), s.label(label), 0)
		if err == nil {
			_, err = s.verify(label, found)
		}
		if err != nil || found.Version < newest {
			s.Errorf("after version %d: %+v, %v", newest, found, err)
			return
		}
		newest = found.Version
	}
	if newest != last {
		s.Errorf("the last version is %d, want %d", newest, last)
	}
}

// last is the number of the newest version of a label.
func (s *story) last(label string) int {
	s.Helper()
	h, _ := s.history(label)
	return len(h.Versions) - 1
}

// Somebody who has the entries alone comes to the same map.
func TestTheLogReplays(t *testing.T) {
	each(t, func(s *story) {
		s.bind("alice@example.org", alice)
		s.publish(s.draft(0, 1))
		s.seal()
		s.erase("alice@example.org")
		s.seal()
		auditor := replay.New(replay.Inserts, people.Origin(name))
		entries := s.entries()
		s.must(auditor.Follow(entries))
		if newest, ok := auditor.Newest(); !ok || int(newest.Position) != len(entries)-1 || newest.Tree.Len() != 4 {
			s.Errorf("the replay ends at %+v of %d entries", newest.Epoch, len(entries))
		}
	})
}

// A log that was begun with other keys is not gone on with.
func TestOtherKeysAreRefused(t *testing.T) {
	each(t, func(s *story) {
		s.bind("alice@example.org", alice)
		s.seal()
		o := s.options()
		o.Keys = keepertest.Fixed(key(9))
		if _, err := people.Open(s.Context(), o); !errors.Is(err, log.ErrConfig) {
			s.Errorf("Open with another key of the log = %v, want ErrConfig", err)
		}
		o = s.options()
		o.VRF = otherVRF(s.TB)
		if _, err := people.Open(s.Context(), o); !errors.Is(err, log.ErrConfig) {
			s.Errorf("Open with another key of the VRF = %v, want ErrConfig", err)
		}
	})
}
