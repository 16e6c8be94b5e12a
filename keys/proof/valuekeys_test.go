package proof_test

import (
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"signet/internal/matrix"
	"signet/keys/logkeys"
	"signet/keys/proof"
	"signet/keys/value"
)

// keysOf are keys for values, each of the name that is its id.
func keysOf(names ...string) map[matrix.KeyID]proof.Hash {
	keys := map[matrix.KeyID]proof.Hash{}
	for _, name := range names {
		keys[matrix.KeyID("ed25519:"+name)] = hashOf(name)
	}
	return keys
}

func hashOf(name string) proof.Hash { return proof.Hash(publicKeyOf(name)) }

func namesOf(names ...string) value.ServerKeys {
	keys := value.ServerKeys{}
	for id, key := range keysOf(names...) {
		keys[id] = ed25519.PublicKey(key[:])
	}
	return keys
}

// naming is a chain that begins without keys for values, and goes on with a CONFIG for each name,
// of a log that is signed by A; in the end the log is signed by B.
func (h holder) naming(names ...string) []logkeys.Config {
	h.Helper()
	all := h.chain("A")
	for _, name := range names {
		all = append(all, h.names(all[len(all)-1], "A", name))
	}
	return append(all, h.names(all[len(all)-1], "B", names[len(names)-1]))
}

func (h holder) names(after logkeys.Config, letters string, names ...string) logkeys.Config {
	h.Helper()
	c, err := after.Next(logkeys.Change{VKeys: h.vkeys(letters), Values: namesOf(names...), Signers: h.signers})
	if err != nil {
		h.Fatal(err)
	}
	return c
}

// A key for values that a CONFIG names is taken up by whoever finds there from the keys that they
// know, however they have kept those.
func TestATrustRootLearnsKeysForValues(t *testing.T) {
	h := holder{t, map[string]note.Signer{}}
	all := h.naming("one", "two", "three")
	newer := root(proof.NewLogConfig(all))
	newer.Keys = keysOf("old", "one", "two", "three", "beside")
	for name, kept := range map[string]proof.Config{
		"who kept keys alone":              h.kept("A"),
		"who kept the newest key alone":    h.kept("B"),
		"who kept the first CONFIG":        root(proof.NewLogConfig(all[:1])),
		"who kept some":                    root(proof.NewLogConfig(all[:3])),
		"who kept all and knew no members": root(proof.NewLogConfig(all)),
	} {
		kept.Keys = keysOf("old")
		now, err := kept.Follow(newer)
		if want := keysOf("old", "one", "two", "three"); err != nil || !reflect.DeepEqual(now.Keys, want) || len(now.Revoked) != 0 {
			t.Errorf("%s: believes %v, %v; want %v", name, now.Keys, err, want)
		}
		if len(kept.Keys) != 1 {
			t.Errorf("%s: what was kept became %v", name, kept.Keys)
		}
	}
}

// What nobody has vouched for is not taken, nor what the server has taken back.
func TestATrustRootLearnsNothingElse(t *testing.T) {
	h := holder{t, map[string]note.Signer{}}
	all := h.naming("one", "two")
	first, err := logkeys.First(origin, h.vkeys("A"), "", namesOf("evil"))
	if err != nil {
		t.Fatal(err)
	}
	revoked := func(name string, before int64) map[matrix.KeyID]proof.RevokedKey {
		return map[matrix.KeyID]proof.RevokedKey{"ed25519:two": {Key: hashOf(name), Before: before}}
	}
	for name, c := range map[string]struct {
		change  func(kept, newer *proof.Config)
		want    map[matrix.KeyID]proof.Hash
		revoked map[matrix.KeyID]proof.RevokedKey
	}{
		"a key beside the CONFIGs":                   {func(_, newer *proof.Config) { newer.Keys["ed25519:evil"] = hashOf("evil") }, keysOf("old", "one", "two"), nil},
		"one that the server does not name any more": {func(_, newer *proof.Config) { newer.Keys = keysOf("one") }, keysOf("old", "one"), nil},
		"another of that id":                         {func(_, newer *proof.Config) { newer.Keys["ed25519:two"] = hashOf("evil") }, keysOf("old", "one"), nil},
		"one that is revoked meanwhile": {func(_, newer *proof.Config) {
			newer.Keys, newer.Revoked = keysOf("old", "one"), revoked("two", 302)
		}, keysOf("old", "one"), revoked("two", 302)},
		"one that is revoked from nowhere on": {func(_, newer *proof.Config) {
			newer.Keys, newer.Revoked = keysOf("old", "one"), revoked("two", -1)
		}, keysOf("old", "one"), nil},
		"one that was revoked":                 {func(kept, _ *proof.Config) { kept.Revoked = revoked("two", 7) }, keysOf("old", "one"), revoked("two", 7)},
		"one that was revoked by another name": {func(kept, _ *proof.Config) { kept.Revoked = revoked("one", 7) }, keysOf("old"), revoked("one", 7)},
		"one in the place of another": {func(kept, _ *proof.Config) { kept.Keys["ed25519:two"] = hashOf("known") },
			map[matrix.KeyID]proof.Hash{"ed25519:old": hashOf("old"), "ed25519:one": hashOf("one"), "ed25519:two": hashOf("known")}, nil},
		"what the log of servers names": {func(kept, newer *proof.Config) {
			kept.Servers, newer.Servers = kept.Users, newer.Users
			newer.Users = root(proof.NewLogConfig(all[:1])).Users
		}, keysOf("old"), nil},
		"what a first CONFIG names that nobody has signed": {func(_, newer *proof.Config) {
			newer.Users, newer.Keys = proof.NewLogConfig([]logkeys.Config{first}), keysOf("evil")
		}, keysOf("old"), nil},
		"the same, which was kept": {func(kept, newer *proof.Config) {
			newer.Users, newer.Keys = proof.NewLogConfig([]logkeys.Config{first}), keysOf("evil")
			kept.Users = newer.Users
		}, keysOf("old"), nil},
		"no CONFIGs": {func(_, newer *proof.Config) { newer.Users.Configs = nil }, keysOf("old"), nil},
	} {
		kept, newer := h.kept("A"), root(proof.NewLogConfig(all))
		kept.Keys, newer.Keys = keysOf("old"), keysOf("old", "one", "two")
		c.change(&kept, &newer)
		now, err := kept.Follow(newer)
		if err != nil || !reflect.DeepEqual(now.Keys, c.want) || !maps.Equal(now.Revoked, c.revoked) {
			t.Errorf("%s: believed are %v and revoked %v, %v; want %v and %v", name, now.Keys, now.Revoked, err, c.want, c.revoked)
		}
	}
	stranger := root(proof.NewLogConfig(append(all[:2:2], h.names(h.chain("X")[0], "X", "evil"))))
	stranger.Keys = keysOf("evil")
	if now, err := h.kept("A").Follow(stranger); !errors.Is(err, proof.ErrUnvouched) {
		t.Errorf("a stranger's CONFIG: %v, %v", now.Keys, err)
	}
}

// A first CONFIG that somebody has made, and nobody signed, is not kept by whoever has keys alone: they
// go on from what is the log's.
func TestAFirstConfigOfAnothers(t *testing.T) {
	h := holder{t, map[string]note.Signer{}}
	first, err := logkeys.First(origin, h.vkeys("A"), "", namesOf("evil"))
	if err != nil {
		t.Fatal(err)
	}
	all := h.naming("one", "two")
	kept, lie, newer := h.kept("A"), root(proof.NewLogConfig([]logkeys.Config{first})), root(proof.NewLogConfig(all))
	kept.Keys, lie.Keys, newer.Keys = keysOf("old"), keysOf("evil"), keysOf("old", "one", "two")
	for _, newer := range []proof.Config{lie, root(proof.NewLogConfig(all[:1])), newer} {
		if kept, err = kept.Follow(newer); err != nil {
			t.Fatal(err)
		}
	}
	if want := newer.Keys; !reflect.DeepEqual(kept.Keys, want) {
		t.Errorf("believed are %v, want %v", kept.Keys, want)
	}
}

// There is an end to how many keys are kept, and the newest come first; what is kept can be read
// again, however many of them are revoked later.
func TestATrustRootHasRoomForSoManyKeys(t *testing.T) {
	h := holder{t, map[string]note.Signer{}}
	all := h.naming("one", "two", "three")
	kept, newer := h.kept("A"), root(proof.NewLogConfig(all))
	kept.Keys, kept.Revoked = map[matrix.KeyID]proof.Hash{}, map[matrix.KeyID]proof.RevokedKey{}
	for i := range 511 {
		kept.Keys[matrix.KeyID(fmt.Sprint("ed25519:k", i))] = hashOf("old")
		kept.Revoked[matrix.KeyID(fmt.Sprint("ed25519:r", i))] = proof.RevokedKey{Key: hashOf("older"), Before: 7}
	}
	newer.Keys = keysOf("one", "two", "three")
	now, err := kept.Follow(newer)
	if err != nil || len(now.Keys) != 513 || now.Keys["ed25519:three"] != hashOf("three") || now.Keys["ed25519:two"] != hashOf("two") {
		t.Errorf("%d keys are kept, %v", len(now.Keys), err)
	}
	newer.Revoked = map[matrix.KeyID]proof.RevokedKey{}
	for id, key := range now.Keys {
		newer.Revoked[id] = proof.RevokedKey{Key: key, Before: 302}
	}
	if now, err = now.Follow(newer); err != nil || len(now.Revoked) != 1024 {
		t.Errorf("%d keys are revoked, %v", len(now.Revoked), err)
	}
	wire, err := json.Marshal(now)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := proof.ParseConfig(wire); err != nil {
		t.Error(err)
	}
}

// Whatever a server answers for its trust root, no key for values is believed but those that the
// log's keys have vouched for.
func FuzzFollow(f *testing.F) {
	h := holder{f, map[string]note.Signer{}}
	all := h.naming("one", "two")
	kept, newer := h.kept("A"), root(proof.NewLogConfig(all))
	kept.Keys, newer.Keys = keysOf("old"), keysOf("old", "one", "two", "evil")
	f.Add(marshal(f, newer))
	newer.Revoked, newer.Servers = map[matrix.KeyID]proof.RevokedKey{"ed25519:two": {Key: hashOf("two"), Before: 302}}, newer.Users
	f.Add(marshal(f, newer))
	vouched := keysOf("old", "one", "two")
	f.Fuzz(func(t *testing.T, input []byte) {
		newer, err := proof.ParseConfig(input)
		if err != nil {
			return
		}
		now, err := kept.Follow(newer)
		if err != nil {
			return
		}
		for id, key := range now.Keys {
			if vouched[id] != key {
				t.Fatalf("%q has %s believed", input, id)
			}
		}
		for id, r := range now.Revoked {
			if vouched[id] != r.Key {
				t.Fatalf("%q has %s known", input, id)
			}
		}
		if _, err := proof.ParseConfig(marshal(t, now)); err != nil {
			t.Fatalf("%q is followed to what cannot be read: %v", input, err)
		}
	})
}
