package audit_test

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"signet/keys/audit"
	"signet/keys/audit/audittest"
	"signet/keys/entry"
	"signet/keys/logkeys"
	"signet/keys/replay"
)

// succession is a log whose CONFIGs name its keys, which have numbers.
type succession struct {
	*audittest.Log
	signers map[string]note.Signer
	configs []logkeys.Config
}

func newSuccession(t testing.TB) *succession {
	t.Helper()
	s := &succession{Log: audittest.New(t, origin), signers: map[string]note.Signer{}}
	first, err := logkeys.First(origin, s.vkeys(1), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	s.configs = append(s.configs, first)
	s.Seal(first.Entry().Append(nil), s.Insert())
	return s
}

func (s *succession) vkeys(numbers ...byte) (all []string) {
	for _, n := range numbers {
		signer, vkey := audittest.NewKey(s.Log, origin, n)
		s.signers[vkey], all = signer, append(all, vkey)
	}
	return all
}

// next is a CONFIG that names the keys of those numbers.
func (s *succession) next(numbers ...byte) logkeys.Config {
	s.Helper()
	c, err := s.configs[len(s.configs)-1].Next(logkeys.Change{VKeys: s.vkeys(numbers...), Position: int64(len(s.Entries)), Signers: s.signers})
	if err != nil {
		s.Fatal(err)
	}
	return c
}

// change puts a CONFIG into the log, and has its keys sign.
func (s *succession) change(numbers ...byte) {
	s.Helper()
	c := s.next(numbers...)
	s.configs = append(s.configs, c)
	s.Seal(c.Entry().Append(nil), s.Insert())
	s.signBy(numbers...)
}

func (s *succession) signBy(numbers ...byte) {
	s.Beside = nil
	for i, vkey := range s.vkeys(numbers...) {
		if i == 0 {
			s.Signer = s.signers[vkey]
		} else {
			s.Beside = append(s.Beside, s.signers[vkey])
		}
	}
}

// who is an auditor that knows the key of a number.
func (s *succession) who(number byte) *audit.Auditor {
	s.Helper()
	v, err := note.NewVerifier(s.vkeys(number)[0])
	if err != nil {
		s.Fatal(err)
	}
	return audit.New(audit.Options{Source: s.Publish(), Origin: origin, Verifier: v, Contents: replay.Inserts})
}

// An auditor that knows any key that the log ever had finds to the newest, and says which keys
// have signed. A state that has found there is of all of them.
func TestAnAuditorFindsTheNewestKey(t *testing.T) {
	s := newSuccession(t)
	for _, numbers := range [][]byte{{2, 1}, {2}, {3, 2}, {3}} {
		s.change(numbers...)
		for n := range numbers[0] {
			r := holds(t, s.who(n+1))
			if len(r.VKeys) != len(numbers) || r.VKeys[0] != s.vkeys(numbers[0])[0] {
				t.Errorf("who knows key %d is told of %v", n+1, r.VKeys)
			}
		}
	}
	file := filepath.Join(t.TempDir(), "state")
	a := s.who(1)
	holds(t, a)
	if err := a.Save(file); err != nil {
		t.Fatal(err)
	}
	s.change(4, 3)
	s.change(4)
	for n := byte(1); n <= 4; n++ {
		later := s.who(n)
		if err := later.Load(file); n == 4 != (err != nil) { // it was not known then
			t.Errorf("who knows key %d has taken up the state: %v", n, err)
		}
		holds(t, later)
	}
	if err := s.who(9).Load(file); err == nil {
		t.Error("a stranger's state was taken up")
	}
}

// A CONFIG that the key before has not signed is a lie, where it stands.
func TestAConfigThatNobodyVouchedFor(t *testing.T) {
	s := newSuccession(t)
	good := s.next(2, 1)
	at := int64(len(s.Entries))
	forged := strings.Replace(string(good.Entry().Append(nil)), s.vkeys(1)[0]+`":"`, s.vkeys(1)[0]+`":"AAAA`, 1)
	s.Force([]byte(forged))
	for name, numbers := range map[string][]byte{"the old key alone": {1}, "both": {1, 2}} {
		s.signBy(numbers...)
		a := s.who(1)
		_, err := a.Audit(t.Context())
		if err == nil {
			t.Fatalf("%s has signed: it holds", name)
		}
		lies(t, a, at, "I5")
	}
	// Who signs is not the log's key: it may be anybody's log.
	s.signBy(2)
	lies(t, s.who(1), audit.Whole, audit.Signed)
}

// A CONFIG whose keys for values are none is a lie where it stands, whoever has signed it; and one
// that names some holds.
func TestAConfigNamesKeysForValues(t *testing.T) {
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)).Public().(ed25519.PublicKey)
	for name, c := range map[string]struct {
		key  []byte
		lies bool
	}{"a key": {key, false}, "a key of low order": {append([]byte{1}, make([]byte, 31)...), true}, "a short one": {key[:31], true}} {
		t.Run(name, func(t *testing.T) {
			s := newSuccession(t)
			at := int64(len(s.Entries))
			s.Force(s.naming(map[string]string{"ed25519:one": base64.RawStdEncoding.EncodeToString(c.key)}))
			if !c.lies {
				holds(t, s.who(1))
				return
			}
			lies(t, s.who(1), at, "I5")
		})
	}
}

// naming is the next CONFIG, whatever it names, signed as it should be.
func (s *succession) naming(values any) []byte {
	s.Helper()
	begun := s.configs[len(s.configs)-1]
	sum := sha256.Sum256(begun.JSON())
	vkey := s.vkeys(1)[0]
	o := map[string]any{"origin": origin, "prev": base64.RawURLEncoding.EncodeToString(sum[:]), "value_keys": values, "vkeys": []string{vkey}}
	octets, err := json.Marshal(o)
	if err != nil {
		s.Fatal(err)
	}
	signature, err := s.signers[vkey].Sign(octets)
	if err != nil {
		s.Fatal(err)
	}
	o["signatures"] = map[string]string{vkey: base64.RawStdEncoding.EncodeToString(signature)}
	if octets, err = json.Marshal(o); err != nil {
		s.Fatal(err)
	}
	e, err := entry.NewConfig(octets)
	if err != nil {
		s.Fatal(err)
	}
	return e.Append(nil)
}

// Checkpoints that those have signed who should not: the new key before a CONFIG names it, one
// of two, one that was left out.
func TestCheckpointsOfTheWrongKeys(t *testing.T) {
	s := newSuccession(t)
	s.signBy(2)
	lies(t, s.who(1), audit.Whole, audit.Signed)
	lies(t, s.who(2), audit.Whole, audit.Signed)
	s.change(2, 1)
	for _, n := range []byte{1, 2} {
		s.signBy(n)
		lies(t, s.who(1), audit.Whole, audit.Signed)
		lies(t, s.who(2), audit.Whole, audit.Signed)
	}
	s.change(2)
	follower := s.who(1)
	holds(t, follower)
	s.signBy(1)
	follower.Source = s.Publish()
	lies(t, follower, audit.Whole, audit.Signed)
	s.signBy(9)
	follower.Source = s.Publish()
	lies(t, follower, audit.Whole, audit.Signed)
}

// Whoever has stolen a key that was replaced meanwhile can make no log that an auditor takes for
// this one, and so for one that lies, though it is the key with which the auditor began.
func TestAReplacedKeyAccusesNobody(t *testing.T) {
	s := newSuccession(t)
	a := s.who(1)
	s.change(2, 1)
	s.change(2)
	a.Source = s.Publish()
	holds(t, a)
	for more := range 8 {
		fork := newSuccession(t)
		for range more {
			fork.Seal(fork.Insert(), fork.Insert())
		}
		a.Source = fork.Publish()
		_, err := a.Audit(t.Context())
		if l, is := errors.AsType[audit.Lie](err); !is || l.Position != audit.Whole || l.Promise != audit.Signed || l.Checkpoint != nil {
			t.Errorf("a fork of %d entries: %v, with the evidence %q", len(fork.Entries), err, l.Checkpoint)
		}
	}
	a.Source = s.Publish()
	holds(t, a)
}

// What a checkpoint of an unknown key says is held against the log as any other, and what lies
// is not learned from.
func TestAnUnknownKeyTeachesNothingByLies(t *testing.T) {
	s := newSuccession(t)
	a := s.who(1)
	holds(t, a)
	s.change(2, 1)
	s.change(2)
	site := s.Publish()
	for path, body := range maps.All(site) {
		if path == "checkpoint" {
			continue
		}
		bad := maps.Clone(site)
		bad[path] = audittest.Flip(body, len(body)-1)
		a.Source = audittest.Site(bad)
		lies(t, a, audit.Whole, audit.Signed)
	}
	a.Source = site
	holds(t, a)
}
