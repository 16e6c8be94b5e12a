package people_test

import (
	"crypto/ed25519"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/matrix"
	"signet/keys/people"
	"signet/keys/value"
)

const (
	home         matrix.ServerName = "example.org"
	aliceUser                      = "mxid:@alice:example.org"
	day                            = 24 * time.Hour
	byHomeserver                   = `"how":"homeserver"`
)

func public(i byte) string { return b64(key(i).Public().(ed25519.PublicKey)) }

// wish is the right of alice's homeserver.
func (s *story) wish() people.Right {
	s.Helper()
	r, err := people.ByHomeserver(home, alice)
	s.must(err)
	return r
}

// uploaded is a value of alice's cross-signing keys, as her client has uploaded them.
func (s *story) uploaded(version uint32, i byte, previous string) []byte {
	s.Helper()
	keyOf := func(usage string, k, by byte) jsontext.Value {
		o := map[string]any{"user_id": alice, "usage": []string{usage}, "keys": map[string]string{"ed25519:" + public(k): public(k)}}
		signed := marshal(s.TB, o)
		o["signatures"] = map[string]any{alice.String(): map[string]string{"ed25519:" + public(by): b64(ed25519.Sign(key(by), signed))}}
		return marshal(s.TB, o)
	}
	object, err := value.FromCrossSigning(value.Draft{User: alice, Version: version, Previous: previous, NotBefore: s.Clock.Now(),
		Master: keyOf("master", i, i), SelfSigning: keyOf("self_signing", i+1, i), UserSigning: keyOf("user_signing", i+2, i)})
	s.must(err)
	return object
}

func (s *story) wished(object []byte) people.Ticket {
	s.Helper()
	t, err := s.people.Publish(s.Context(), s.wish(), object)
	s.must(err)
	return t
}

func (s *story) hashOf(label string) string {
	s.Helper()
	u, err := value.ParseUser(s.newest(label))
	s.must(err)
	return u.Hash()
}

// What a stock client has uploaded is published by the user's homeserver, and proven to whoever
// looks it up; new keys, which no old one has signed, wait, and erased ones are gone.
func TestAHomeserverPublishesForItsUser(t *testing.T) {
	each(t, func(s *story) {
		ticket := s.wished(s.uploaded(0, 1, ""))
		if found, err := s.await(ticket); err != nil || sum(found.Value) != ticket.Hash {
			s.Errorf("what was published is proven as %+v, %v", found, err)
		}
		s.want(aliceUser, 0, byHomeserver)
		s.Clock.Advance(time.Hour)
		next := s.wished(s.uploaded(1, 11, s.hashOf(aliceUser)))
		if !next.Due.Equal(s.Clock.Now().Add(day)) {
			s.Errorf("new keys wait until %s", next.Due)
		}
		s.want(aliceUser, 0, byHomeserver)
		s.Clock.Advance(day)
		s.seal()
		s.want(aliceUser, 1, `"how":"recovery"`)
		s.must(s.people.EraseKeys(s.Context(), s.wish()))
		s.seal()
		s.want(aliceUser, 2, "erased")
		s.wantEvents("publish 0, recovering 1, recovered 1, erased 2")
		if h, past := s.history(aliceUser); len(h.Versions) != 3 || past.Values[0] != nil {
			s.Errorf("the history of what was erased: %+v", past)
		}
		s.check()
	})
}

// What a homeserver says again, since it has not heard or remembered the answer, is no other
// version, costs nothing and is told to nobody; keys that wait do not wait longer for it.
func TestAHomeserverSaysItAgain(t *testing.T) {
	each(t, func(s *story) {
		s.limited(map[string]int{"keys.publish.label.day": 3})
		first := s.uploaded(0, 1, "")
		ticket := s.wished(first)
		for range 2 {
			if again := s.wished(first); again != ticket {
				s.Errorf("again: %+v, want %+v", again, ticket)
			}
			s.seal()
		}
		second := s.uploaded(1, 11, s.hashOf(aliceUser))
		held := s.wished(second)
		s.Clock.Advance(time.Hour)
		for range 3 {
			if again := s.wished(second); again != held {
				s.Errorf("what waits, again: %+v, want %+v", again, held)
			}
		}
		if again := s.wished(first); again != ticket {
			s.Errorf("what still holds, again: %+v", again)
		}
		s.Clock.Advance(day)
		s.seal()
		if again := s.wished(second); again.Hash != sum(s.newest(aliceUser)) || !again.Due.IsZero() {
			s.Errorf("what has waited, again: %+v", again)
		}
		s.refuseJSON(s.wish(), first, people.ErrVersion)
		s.must(s.people.EraseKeys(s.Context(), s.wish()))
		s.must(s.people.EraseKeys(s.Context(), s.wish()))
		s.refuseJSON(s.wish(), second, people.ErrVersion)
		s.wantEvents("publish 0, recovering 1, recovered 1, erased 2")
		s.check()
	})
}

// Of many that say the same at one moment, at two replicas, all are answered the same, and it is
// one version; so it is of new keys that wait.
func TestAHomeserverSaysItManyTimesAtOnce(t *testing.T) {
	each(t, func(s *story) {
		replicas := []*people.People{s.people, s.open()}
		atOnce := func(object []byte) people.Ticket {
			s.Helper()
			tickets, errs := make([]people.Ticket, 6), make([]error, 6)
			var all sync.WaitGroup
			for i := range tickets {
				r := s.wish()
				all.Go(func() { tickets[i], errs[i] = replicas[i%2].Publish(s.Context(), r, object) })
			}
			all.Wait()
			for i := range tickets {
				if errs[i] != nil || tickets[i] != tickets[0] {
					s.Errorf("answer %d is %+v, %v, and the first %+v", i, tickets[i], errs[i], tickets[0])
				}
			}
			return tickets[0]
		}
		first := atOnce(s.uploaded(0, 1, ""))
		s.seal()
		if first.Hash != sum(s.lookup(aliceUser).Value) {
			s.Error("what stands in the log is another value")
		}
		if held := atOnce(s.uploaded(1, 11, s.hashOf(aliceUser))); !held.Due.Equal(s.Clock.Now().Add(day)) {
			s.Errorf("what waits: %+v", held)
		}
		s.wantEvents("publish 0, recovering 1")
		s.check()
	})
}

// A homeserver that would have others take its own keys for its user's at once finds no way: not
// by another's signatures, not as a rotation, not after a revocation or an erasure.
func TestAHomeserverDoesNotSkipTheHoldDown(t *testing.T) {
	each(t, func(s *story) {
		s.wished(s.uploaded(0, 1, ""))
		first := s.hashOf(aliceUser)
		theirs := draft{label: aliceUser, version: 1, key: 9, prev: s.newest(aliceUser), mxid: alice, from: s.Clock.Now()}
		forged := theirs
		forged.old = 9
		s.refuseJSON(s.wish(), forged.json(s.TB), value.ErrSignature)
		wantWaits := func(what string, object []byte) {
			s.Helper()
			if t := s.wished(object); !t.Due.Equal(s.Clock.Now().Add(day)) {
				s.Errorf("%s: %+v", what, t)
			}
		}
		wantWaits("signed by self", theirs.json(s.TB))
		wantWaits("as uploaded", s.uploaded(1, 11, first))
		wantWaits("that name none before", s.uploaded(1, 11, ""))
		wantWaits("the same keys once more", s.uploaded(1, 1, first))

		revocation := draft{label: aliceUser, version: 1, prev: s.newest(aliceUser), from: s.Clock.Now()}
		if t := s.wished(revocation.json(s.TB)); !t.Due.IsZero() {
			s.Errorf("a revocation waits: %+v", t)
		}
		s.seal()
		s.want(aliceUser, 1, byHomeserver)
		wantWaits("after a revocation", s.uploaded(2, 11, s.hashOf(aliceUser)))
		s.must(s.people.EraseKeys(s.Context(), s.wish()))
		s.seal()
		wantWaits("after an erasure", s.uploaded(3, 11, ""))
		s.check()
	})
}

// A homeserver has its own users' labels, and those alone.
func TestAHomeserverHasNoOthersKeys(t *testing.T) {
	for _, c := range []struct {
		server matrix.ServerName
		user   matrix.UserID
	}{{"evil.example", alice}, {"example.org:8448", alice}, {"example.org", "@alice:example.org:8448"}, {"Example.org", alice}, {"", alice}, {home, ""}, {home, "alice"}} {
		if r, err := people.ByHomeserver(c.server, c.user); err == nil {
			t.Errorf("%q has the right %+v to the keys of %q", c.server, r, c.user)
		}
	}
	if _, err := people.ByHomeserver("evil.example", alice); !errors.Is(err, people.ErrRight) {
		t.Errorf("another's user: %v", err)
	}
	each(t, func(s *story) {
		d := s.first(bob)
		s.refuse(s.wish(), d, people.ErrRight)
		d.label = aliceUser
		s.refuse(s.wish(), d, value.ErrValue)
		d.label, d.mxid = aliceLabel, alice
		s.refuse(s.wish(), d, people.ErrRight)
	})
}

// As many users' keys as a homeserver publishes, its network is not charged as if they were one
// person's; but it is charged, unless the homeserver is the operator's, and so is the rest.
func TestAHomeserversPublicationsAreLimited(t *testing.T) {
	each(t, func(s *story) {
		s.limited(map[string]int{"keys.publish.network.day": 0, "keys.publish.site.day": 0, "keys.publish.homeserver.network.day": 1,
			"keys.publish.homeserver.day": 2, "keys.publish.deployment.hour": 3})
		publish := func(user matrix.UserID, network string) func() error {
			return func() error {
				r, err := people.ByHomeserver(user.Server(), user)
				s.must(err)
				_, err = s.people.Publish(s.Context(), r.From(prefix(network)), s.first(user).json(s.TB))
				return err
			}
		}
		s.must(publish("@a:one.example", "192.0.2.1/32")())
		s.wantRefused("another of that network", "keys.publish.homeserver.network.day", publish("@a:two.example", "192.0.2.1/32"))
		s.must(publish("@b:one.example", "192.0.2.2/32")())
		s.wantRefused("a third of the homeserver", "keys.publish.homeserver.day", publish("@c:one.example", "192.0.2.3/32"))
		s.must(publish("@a:own.example", "192.0.2.1/32")())
		s.wantRefused("all together", "keys.publish.deployment.hour", publish("@b:own.example", "192.0.2.1/32"))
	})
}
