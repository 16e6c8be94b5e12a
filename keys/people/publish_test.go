package people_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"signet/internal/matrix"
	"signet/internal/store/storetest"
	"signet/keys/people"
	"signet/keys/proof"
	"signet/keys/value"
	"signet/verify"
)

var b64 = base64.RawStdEncoding.EncodeToString

func key(i byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{i}, ed25519.SeedSize))
}

// draft is what a client publishes for alice@example.org.
type draft struct {
	label   string
	version uint32
	key     byte   // 0: it is a revocation
	prev    []byte // the value before it
	old     byte   // the key that signs as the previous one; 0: none
	mxid    matrix.UserID
	from    time.Time
}

func (d draft) json(t testing.TB) []byte {
	t.Helper()
	o := map[string]any{"type": "im.signet.keys.user.v1", "label": d.label, "version": d.version, "keys": map[string]string{}, "not_before": d.from.UnixMilli()}
	if d.mxid != "" {
		o["mxid"] = d.mxid
	}
	if d.prev != nil {
		u, err := value.ParseUser(d.prev)
		if err != nil {
			t.Fatal(err)
		}
		o["prev"] = u.Hash()
	}
	if d.key == 0 {
		o["revoked"] = "stolen"
	} else {
		o["keys"] = map[string]string{"ed25519:master": b64(key(d.key).Public().(ed25519.PublicKey))}
	}
	signatures := map[string]any{}
	sign := func(who string, i byte) {
		if i != 0 {
			signatures[who] = map[string]string{"ed25519:master": b64(ed25519.Sign(key(i), marshal(t, o)))}
		}
	}
	sign("self", d.key)
	sign("prev", d.old)
	rest := marshal(t, o)
	if len(signatures) == 0 {
		return rest
	}
	o["signatures"] = signatures
	return marshal(t, o)
}

func marshal(t testing.TB, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

const aliceLabel = "email:alice@example.org"

// draft begins a value of alice's address.
func (s *story) draft(version uint32, key byte) draft {
	return draft{label: aliceLabel, version: version, key: key, from: s.Clock.Now()}
}

// current is the newest value of alice's address, logged or not.
func (s *story) current() []byte {
	s.Helper()
	s.seal()
	return s.lookup(aliceLabel).Value
}

func (s *story) right(address string) people.Right {
	s.Helper()
	r, err := people.ByProof(s.prove(address, alice))
	s.must(err)
	return r
}

// publish publishes by a session of its own.
func (s *story) publish(d draft) people.Ticket {
	s.Helper()
	t, err := s.people.Publish(s.Context(), s.right("alice@example.org"), d.json(s.TB))
	s.must(err)
	return t
}

func (s *story) kinds() string {
	var all []string
	for _, e := range s.events {
		all = append(all, fmt.Sprint(e.Kind, " ", e.Version))
	}
	s.events = nil
	return strings.Join(all, ", ")
}

func (s *story) wantEvents(want string) {
	s.Helper()
	if got := s.kinds(); got != want {
		s.Errorf("the owner was told %q, want %q", got, want)
	}
}

// The whole life of a person's keys, each step proven.
func TestKeysArePublishedRotatedAndRevoked(t *testing.T) {
	each(t, func(s *story) {
		s.seal()
		s.wantNone(aliceLabel)
		d := s.draft(0, 1)
		d.mxid = alice
		ticket := s.publish(d)
		if found, err := s.await(ticket); err != nil || found.Version != 0 || !strings.Contains(string(found.Value), `"how":"session"`) {
			s.Errorf("what was published is proven as %+v, %v", found, err)
		}
		first := s.lookup(aliceLabel).Value
		if ticket.Hash != sum(first) {
			s.Error("the ticket is of another value")
		}
		s.publish(draft{label: aliceLabel, version: 1, key: 2, prev: first, old: 1, from: s.Clock.Now()})
		second := s.current()
		s.want(aliceLabel, 1, `"how":"prev-key"`)
		if _, err := s.people.Revoke(s.Context(), draft{label: aliceLabel, version: 2, prev: second, old: 2, from: s.Clock.Now()}.json(s.TB)); err != nil {
			s.Fatal(err)
		}
		s.seal()
		s.want(aliceLabel, 2, `"revoked":"stolen"`)
		s.wantEvents("publish 0, rotate 1, revoke-key 2")
		h, _ := s.history(aliceLabel)
		if len(h.Versions) != 3 || string(h.Versions[0].Value) != string(first) || string(h.Versions[1].Value) != string(second) {
			s.Errorf("the history has %d versions", len(h.Versions))
		}
		s.check()
	})
}

func (s *story) await(t people.Ticket) (*proof.Lookup, error) {
	s.Helper()
	s.seal()
	return s.people.Await(s.Context(), t)
}

func TestAUserPublishesByToken(t *testing.T) {
	each(t, func(s *story) {
		r, err := people.ByToken(alice)
		s.must(err)
		d := draft{label: "mxid:" + string(alice), version: 0, key: 1, mxid: alice, from: s.Clock.Now()}
		_, err = s.people.Publish(s.Context(), r, d.json(s.TB))
		s.must(err)
		s.seal()
		s.want(d.label, 0, `"how":"token"`)
		d.label, d.mxid = "mxid:"+string(bob), bob
		s.refuse(r, d, people.ErrRight)
		s.must(s.directory.EraseUser(s.Context(), alice))
		s.seal()
		s.want("mxid:"+string(alice), 1, "erased")
		s.check()
	})
}

// refuse asserts that a draft is refused, and that nothing is left of it.
func (s *story) refuse(r people.Right, d draft, want error) {
	s.Helper()
	s.refuseJSON(r, d.json(s.TB), want)
}

func (s *story) refuseJSON(r people.Right, object []byte, want error) {
	s.Helper()
	before := storetest.Dump(s.TB, s.DB, tables...)
	if _, err := s.people.Publish(s.Context(), r, object); !errors.Is(err, want) {
		s.Errorf("Publish = %v, want %v", err, want)
	}
	if storetest.Dump(s.TB, s.DB, tables...) != before {
		s.Error("what was refused has left something")
	}
}

func TestPublishRefuses(t *testing.T) {
	each(t, func(s *story) {
		s.publish(s.draft(0, 1))
		first := s.current()
		good := draft{label: aliceLabel, version: 1, key: 2, prev: first, old: 1, from: s.Clock.Now()}
		tests := []struct {
			name   string
			change func(d *draft)
			want   error
		}{
			{"another address", func(d *draft) { d.label = "email:bob@example.org" }, people.ErrRight},
			{"a user id", func(d *draft) { d.label = "mxid:" + string(alice) }, people.ErrRight},
			{"who is behind an address", func(d *draft) { d.label = "binding:" + aliceLabel }, value.ErrValue},
			{"another user", func(d *draft) { d.mxid = bob }, people.ErrRight},
			{"the same version", func(d *draft) { d.version, d.prev, d.old = 0, nil, 0 }, people.ErrVersion},
			{"a version too far", func(d *draft) { d.version = 2 }, people.ErrVersion},
			{"signed by the old key, without the hash of the one before", func(d *draft) { d.prev = nil }, value.ErrValue},
			{"the hash of another", func(d *draft) { d.prev = s.draft(0, 3).json(s.TB) }, value.ErrPrevious},
			{"a reset after another", func(d *draft) { d.prev, d.old = s.draft(0, 3).json(s.TB), 0 }, value.ErrPrevious},
			{"a stranger's key in the place of the old one", func(d *draft) { d.old = 3 }, value.ErrSignature},
			{"its own key in the place of the old one", func(d *draft) { d.old = 2 }, value.ErrSignature},
			{"keys of tomorrow", func(d *draft) { d.from = s.Clock.Now().Add(24 * time.Hour) }, value.ErrNotYet},
		}
		for _, test := range tests {
			d := good
			test.change(&d)
			r := s.right("alice@example.org")
			before := len(s.events)
			s.refuse(r, d, test.want)
			if len(s.events) != before {
				s.Errorf("%s: the owner was told", test.name)
			}
		}
		s.refuseJSON(s.right("alice@example.org"), []byte(`{}`), value.ErrValue)
		s.refuseJSON(s.right("alice@example.org"), []byte(s.bind("alice@example.org", alice)), value.ErrValue)
		login, err := people.ByProof(verify.Proof{})
		if !errors.Is(err, verify.ErrOtherPurpose) {
			s.Errorf("ByProof of no proof = %v, %v", login, err)
		}
		s.seal()
		s.want(aliceLabel, 0, b64(key(1).Public().(ed25519.PublicKey)))
		s.check()
	})
}

// A session changes one thing, once; asked again, it answers the same.
func TestASessionIsSpentOnce(t *testing.T) {
	each(t, func(s *story) {
		r, d := s.right("alice@example.org"), s.draft(0, 1)
		one, err := s.people.Publish(s.Context(), r, d.json(s.TB))
		s.must(err)
		s.Clock.Advance(time.Second)
		again, err := s.people.Publish(s.Context(), r, d.json(s.TB))
		if err != nil || again != one {
			s.Errorf("the same again is answered with %+v, %v; want %+v", again, err, one)
		}
		first := s.current()
		s.refuse(r, s.draft(0, 2), verify.ErrSpent)
		s.refuse(r, draft{label: aliceLabel, version: 1, key: 2, prev: first, old: 1, from: s.Clock.Now()}, verify.ErrSpent)
		s.refuse(r, draft{label: aliceLabel, version: 1, prev: first, from: s.Clock.Now()}, verify.ErrSpent)
		if again, err = s.people.Publish(s.Context(), r, d.json(s.TB)); err != nil || again != one {
			s.Errorf("after it was logged it is answered with %+v, %v", again, err)
		}
		s.wantEvents("publish 0")
		s.check()
	})
}

// Of those who publish one version at the same time one does.
func TestRivalsPublishOneVersion(t *testing.T) {
	each(t, func(s *story) {
		replicas := []*people.People{s.people, s.open(), s.people, s.open()}
		var rights []people.Right
		for range replicas {
			rights = append(rights, s.right("alice@example.org"))
		}
		var previous []byte
		for version := range uint32(3) {
			errs := make([]error, len(replicas))
			var rivals sync.WaitGroup
			for i, p := range replicas {
				d := draft{label: aliceLabel, version: version, key: byte(version + 1), prev: previous, old: byte(version), from: s.Clock.Now()}
				object := d.json(s.TB)
				rivals.Go(func() { _, errs[i] = p.Publish(s.Context(), rights[i], object) })
			}
			rivals.Wait()
			won := slices.IndexFunc(errs, func(err error) bool { return err == nil })
			for i, err := range errs {
				if i != won && !errors.Is(err, people.ErrVersion) || won < 0 {
					s.Errorf("version %d: rival %d of %d: %v", version, i, won, err)
				}
			}
			rights[won] = s.right("alice@example.org")
			previous = s.current()
		}
		s.want(aliceLabel, 2, "")
		s.check()
	})
}
