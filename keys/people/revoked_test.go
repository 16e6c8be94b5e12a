package people_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"signet/internal/keyring"
	"signet/internal/matrix"
	"signet/keys/people"
	"signet/keys/proof"
)

// trust is what GET config answers now, which a client has just taken.
func (s *story) trust() proof.Policy {
	s.Helper()
	return s.policyOf(s.root(s.people))
}

// root is the trust root that a replica answers now.
func (s *story) root(at *people.People) proof.Config {
	s.Helper()
	s.Clock.Advance(time.Second)
	c, err := at.Trust(s.Context())
	s.must(err)
	all, err := s.server.All(s.Context())
	s.must(err)
	c.Server, c.Keys = name, map[matrix.KeyID]proof.Hash{}
	for id, k := range all {
		c.Keys[id] = proof.Hash(k)
	}
	return c
}

func (s *story) policyOf(c proof.Config) proof.Policy {
	s.Helper()
	p, err := c.Policy()
	s.must(err)
	return p
}

// asks looks a label up and verifies the answer, and its history.
func (s *story) asks(label string, p proof.Policy) (r proof.Result, past proof.Past, err error) {
	s.Helper()
	l, err := s.people.Lookup(s.Context(), s.label(label), 0)
	s.must(err)
	read, err := proof.Parse(marshal(s.TB, l))
	s.must(err)
	r, one := proof.Verify(read, proof.Asked{Label: label}, p, s.Clock.Now())
	h, err := s.people.History(s.Context(), s.label(label), people.Page{}, 0)
	s.must(err)
	past, two := proof.VerifyHistory(h, proof.Asked{Label: label}, p, s.Clock.Now())
	return r, past, errors.Join(one, two)
}

// revoke revokes the server's key for associations.
func (s *story) revoke() {
	s.Helper()
	k, err := s.server.Ring.Current(s.Context())
	s.must(err)
	_, err = s.server.Ring.Revoke(s.Context(), k.ID, "stolen")
	s.must(err)
}

// The server's key is stolen and revoked. What it signed before is believed by its place in the
// log, in a look-up as in a history; what is signed after, by the new key.
func TestAKeyOfTheServerIsRevoked(t *testing.T) {
	each(t, func(s *story) {
		const bound = "binding:email:alice@example.org"
		s.bind("alice@example.org", alice)
		s.publish(s.draft(0, 1))
		s.seal()
		if r, _, err := s.asks(bound, s.trust()); err != nil || r.Revoked {
			s.Errorf("before: %v, revoked: %t", err, r.Revoked)
		}
		if l, err := s.people.Lookup(s.Context(), s.label(bound), 0); err != nil || l.Place != nil {
			s.Errorf("before, a look-up has a place: %v", err)
		}
		s.revoke()
		s.seal()
		if _, _, err := s.asks(bound, s.trust()); err == nil {
			s.Error("a revoked key is believed before it is known from where on it is not")
		}
		s.Clock.Advance(2 * time.Minute)
		s.seal()
		for _, label := range []string{bound, aliceLabel} {
			if r, past, err := s.asks(label, s.trust()); err != nil || !r.Revoked || len(past.Revoked) != 1 {
				s.Errorf("%s: %v, revoked: %t, %v", label, err, r.Revoked, past.Revoked)
			}
		}
		p := s.trust()
		s.bind("alice@example.org", bob)
		s.seal()
		if r, past, err := s.asks(bound, s.trust()); err != nil || r.Revoked || len(past.Revoked) != 1 {
			s.Errorf("after the next binding: %v, revoked: %t, %v", err, r.Revoked, past.Revoked)
		}
		for id, r := range s.trust().Revoked {
			if p.Revoked[id].Before != r.Before {
				s.Errorf("%s was revoked from %d on, and is from %d on", id, p.Revoked[id].Before, r.Before)
			}
		}
		s.people = s.reopen()
		s.seal()
		if _, _, err := s.asks(aliceLabel, s.trust()); err != nil {
			s.Errorf("after a restart: %v", err)
		}
		s.check()
	})
}

// What was signed just before the revocation and is logged after it is believed, too: from where
// on nothing is, is written down when nothing of then waits any more.
func TestAValueWaitsWhenItsKeyIsRevoked(t *testing.T) {
	each(t, func(s *story) {
		s.seal()
		s.publish(s.draft(0, 1))
		s.revoke()
		s.Clock.Advance(time.Hour) // and nobody sequenced in all that time
		s.seal()
		s.Clock.Advance(time.Second)
		s.seal()
		if r, _, err := s.asks(aliceLabel, s.trust()); err != nil || !r.Revoked {
			s.Errorf("%v, revoked: %t", err, r.Revoked)
		}
		s.check()
	})
}

// Keys that wait for an objection are signed anew when they come into force, since the log would
// have them after the revocation.
func TestARecoveryWaitsWhenItsKeyIsRevoked(t *testing.T) {
	each(t, func(s *story) {
		s.publish(s.draft(0, 1))
		s.seal()
		ticket, err := s.people.Publish(s.Context(), s.right("alice@example.org"), draft{label: aliceLabel, version: 1, key: 2, prev: s.current(), from: s.Clock.Now()}.json(s.TB))
		s.must(err)
		s.revoke()
		s.Clock.Advance(time.Hour)
		s.seal()
		s.Clock.Advance(people.DefaultHoldDown)
		s.seal()
		r, past, err := s.asks(aliceLabel, s.trust())
		if err != nil || r.Revoked || r.Version != 1 || len(past.Revoked) != 1 {
			s.Errorf("%v: version %d, revoked: %t, %v", err, r.Version, r.Revoked, past.Revoked)
		}
		if found, err := s.people.Lookup(s.Context(), s.label(aliceLabel), 0); err != nil || sum(found.Value) == ticket.Hash {
			s.Errorf("it was not signed anew: %v", err)
		}
		s.wantEvents("publish 0, recovering 1, recovered 1")
		s.check()
	})
}

// What cannot be read of one label, and waits, keeps nobody else's keys from being believed by their
// places.
func TestADamagedVersionWaitsWhenAKeyIsRevoked(t *testing.T) {
	each(t, func(s *story) {
		const bound = "binding:email:alice@example.org"
		s.bind("alice@example.org", alice)
		s.seal()
		s.publish(s.draft(0, 1))
		s.damaged("people_versions", "value_sealed", "position = 0")
		s.revoke()
		s.Clock.Advance(time.Hour)
		s.seal()
		s.seal()
		s.wantDamaged(1)
		if r, past, err := s.asks(bound, s.trust()); err != nil || !r.Revoked || len(past.Revoked) != 1 {
			s.Errorf("%v, revoked: %t, %v", err, r.Revoked, past.Revoked)
		}
	})
}

// A replica that is behind writes down from where on a key is not believed, while another has logged
// what the key has signed: that is believed all the same.
func TestAReplicaIsBehindWhenAKeyIsRevoked(t *testing.T) {
	each(t, func(s *story) {
		s.seal()
		behind := s.open()
		s.must(behind.Tiles().Follow(s.Context()))
		s.publish(s.draft(0, 1))
		s.revoke()
		s.Clock.Advance(time.Hour)
		s.seal()
		s.must(behind.EndRevoked(s.Context()))
		if r, _, err := s.asks(aliceLabel, s.trust()); err != nil || !r.Revoked {
			s.Errorf("%v, revoked: %t", err, r.Revoked)
		}
		s.check()
	})
}

// slow is a Signer whose keys are not to be read for a while.
type slow struct {
	people.Signer
	revoked func(context.Context) error
}

func (s *slow) Revoked(ctx context.Context) ([]keyring.Key, error) {
	if err := s.revoked(ctx); err != nil {
		return nil, err
	}
	return s.Signer.Revoked(ctx)
}

// While one look-up waits to read which keys were revoked, others are answered by what was known a
// moment ago.
func TestALookupWaitsForNoOther(t *testing.T) {
	each(t, func(s *story) {
		o, signer := s.options(), &slow{s.server, func(context.Context) error { return nil }}
		o.Signer = signer
		p, err := people.Open(s.Context(), o)
		s.must(err)
		s.people = p
		s.publish(s.draft(0, 1))
		s.seal()
		s.revoke()
		s.Clock.Advance(time.Hour)
		s.seal()
		if _, _, err := s.asks(aliceLabel, s.trust()); err != nil {
			s.Fatal(err)
		}
		s.Clock.Advance(time.Second)
		answered := make(chan error, 1)
		signer.revoked = func(ctx context.Context) error {
			go func() {
				found, err := p.Lookup(s.Context(), s.label(aliceLabel), 0)
				if err == nil && found.Place == nil {
					err = errors.New("it has no place")
				}
				answered <- err
			}()
			select {
			case err := <-answered:
				return err
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		ctx, cancel := context.WithTimeout(s.Context(), 5*time.Minute)
		defer cancel()
		if _, err := p.Lookup(ctx, s.label(aliceLabel), 0); err != nil {
			s.Errorf("the other was not answered meanwhile: %v", err)
		}
		signer.revoked = func(context.Context) error { return errors.New("the database is gone") }
		for range 2 { // the failure is not taken for an answer
			s.Clock.Advance(time.Second)
			if _, err := p.Lookup(s.Context(), s.label(aliceLabel), 0); err == nil {
				s.Error("nobody asked")
			}
		}
		signer.revoked = func(context.Context) error { return nil }
		if found, err := p.Lookup(s.Context(), s.label(aliceLabel), 0); err != nil || found.Place == nil {
			s.Errorf("when it is back: %v", err)
		}
	})
}
