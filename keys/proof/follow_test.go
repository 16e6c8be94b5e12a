package proof_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/mod/sumdb/note"

	"signet/internal/matrix"
	"signet/keys/log"
	"signet/keys/logkeys"
	"signet/keys/proof"
)

// holder has the keys of a log, by letter.
type holder struct {
	testing.TB
	signers map[string]note.Signer
}

func (h holder) vkey(letter byte) string {
	h.Helper()
	s, vkey, err := log.NewSigner(origin, ed25519.NewKeyFromSeed(bytes.Repeat([]byte{letter}, ed25519.SeedSize)))
	if err != nil {
		h.Fatal(err)
	}
	h.signers[vkey] = s
	return vkey
}

func (h holder) vkeys(letters string) (all []string) {
	for i := range len(letters) {
		all = append(all, h.vkey(letters[i]))
	}
	return all
}

// chain has a CONFIG for each word, which names the keys of its letters.
func (h holder) chain(words ...string) []logkeys.Config {
	h.Helper()
	c, err := logkeys.First(origin, h.vkeys(words[0]), "", nil)
	if err != nil {
		h.Fatal(err)
	}
	return h.on([]logkeys.Config{c}, words[1:]...)
}

func (h holder) on(chain []logkeys.Config, words ...string) []logkeys.Config {
	h.Helper()
	for _, w := range words {
		c, err := chain[len(chain)-1].Next(logkeys.Change{VKeys: h.vkeys(w), Signers: h.signers})
		if err != nil {
			h.Fatal(err)
		}
		chain = append(slices.Clip(chain), c)
	}
	return chain
}

func root(l proof.LogConfig) proof.Config { return proof.Config{Server: serverName, Users: l} }

// kept is a file of who kept the keys alone.
func (h holder) kept(letters string) proof.Config {
	return root(proof.LogConfig{Origin: origin, VKeys: h.vkeys(letters)})
}

// Whoever knows a key of the log follows the CONFIGs to those that sign now, by keys alone or
// by the CONFIGs that were kept with them, and drops those that sign no more.
func TestATrustRootFollows(t *testing.T) {
	h := holder{t, map[string]note.Signer{}}
	all := h.chain("A", "BA", "B", "CB", "C")
	for _, c := range []struct {
		name  string
		kept  proof.Config
		newer []logkeys.Config
		want  string
	}{
		{"nothing new", h.kept("A"), all[:1], "A"},
		{"in the overlap", h.kept("A"), all[:2], "BA"},
		{"after it", h.kept("A"), all[:3], "B"},
		{"after another", h.kept("A"), all, "C"},
		{"who knows both", h.kept("AB"), all, "C"},
		{"who knows the one in the middle", h.kept("B"), all, "C"},
		{"who knows the newest", h.kept("C"), all, "C"},
		{"who kept the first CONFIG", root(proof.NewLogConfig(all[:1])), all, "C"},
		{"who kept some", root(proof.NewLogConfig(all[:2])), all, "C"},
		{"who kept all", root(proof.NewLogConfig(all)), all, "C"},
	} {
		wire, err := json.MarshalIndent(root(proof.NewLogConfig(c.newer)), "", "\t")
		if err != nil {
			t.Fatal(err)
		}
		newer, err := proof.ParseConfig(wire)
		if err != nil {
			t.Fatal(err)
		}
		now, err := c.kept.Follow(newer)
		if err != nil || !slices.Equal(now.Users.VKeys, h.vkeys(c.want)) {
			t.Errorf("%s: %v, %v; want %v", c.name, now.Users.VKeys, err, h.vkeys(c.want))
		}
	}
}

// A key for values that the server has revoked is not believed any more, and a kept trust root
// is told of none that it did not know.
func TestATrustRootLearnsOfRevocations(t *testing.T) {
	a, b, c := proof.Hash{1}, proof.Hash{2}, proof.Hash{3}
	h := holder{t, map[string]note.Signer{}}
	kept, newer := h.kept("A"), h.kept("A")
	kept.Keys = map[matrix.KeyID]proof.Hash{"ed25519:a": a, "ed25519:b": b}
	kept.Revoked = map[matrix.KeyID]proof.RevokedKey{"ed25519:c": {Key: c, Before: 7}}
	newer.Keys = map[matrix.KeyID]proof.Hash{"ed25519:new": c}
	newer.Revoked = map[matrix.KeyID]proof.RevokedKey{
		"ed25519:a": {Key: a, Before: 302}, "ed25519:b": {Key: a, Before: 302}, "ed25519:c": {Key: c, Before: 9}, "ed25519:d": {Key: c, Before: 302}}
	now, err := kept.Follow(newer)
	if err != nil || len(now.Keys) != 1 || now.Keys["ed25519:b"] != b {
		t.Errorf("believed are %v, %v", now.Keys, err)
	}
	if len(now.Revoked) != 2 || now.Revoked["ed25519:a"].Before != 302 || now.Revoked["ed25519:c"].Before != 7 {
		t.Errorf("revoked are %v", now.Revoked)
	}
	if len(kept.Keys) != 2 || len(kept.Revoked) != 1 {
		t.Errorf("what was kept became %v and %v", kept.Keys, kept.Revoked)
	}
}

// Whoever answered once in the place of the server, and said of a stolen key that it is believed
// far into what is to come, has not kept it believed: the server's own word, that it ends earlier,
// counts. A later end never does, nor one of another key of that name.
func TestARevokedKeyEndsEarlier(t *testing.T) {
	a, b := proof.Hash{1}, proof.Hash{2}
	h := holder{t, map[string]note.Signer{}}
	c := h.kept("A")
	c.Keys = map[matrix.KeyID]proof.Hash{"ed25519:a": a}
	for _, step := range []struct {
		says proof.RevokedKey
		want int64
	}{
		{proof.RevokedKey{Key: a, Before: 1 << 62}, 1 << 62},
		{proof.RevokedKey{Key: a, Before: 302}, 302},
		{proof.RevokedKey{Key: a, Before: 1 << 62}, 302},
		{proof.RevokedKey{Key: b, Before: 7}, 302},
		{proof.RevokedKey{Key: a, Before: -1}, 302},
	} {
		newer := h.kept("A")
		newer.Revoked = map[matrix.KeyID]proof.RevokedKey{"ed25519:a": step.says}
		now, err := c.Follow(newer)
		if want := (proof.RevokedKey{Key: a, Before: step.want}); err != nil || len(now.Keys) != 0 || now.Revoked["ed25519:a"] != want {
			t.Errorf("told %+v, believed is %v, and revoked %+v, %v; want %+v", step.says, now.Keys, now.Revoked, err, want)
		}
		c = now
	}
}

// Nobody is followed whom the keys that are known have not vouched for: neither a stranger, nor
// whoever has one of two keys, nor back.
func TestATrustRootDoesNotFollow(t *testing.T) {
	h := holder{t, map[string]note.Signer{}}
	all := h.chain("A", "BA", "B")
	plain := root(proof.NewLogConfig(all[:1]))
	plain.Users.VKeys = h.vkeys("X")
	for name, c := range map[string]struct {
		kept, newer proof.Config
		want        error
	}{
		"a log that begins anew":               {h.kept("A"), root(proof.NewLogConfig(h.chain("X"))), proof.ErrUnvouched},
		"a chain of a stranger":                {h.kept("A"), root(proof.NewLogConfig(h.chain("X", "YX"))), proof.ErrUnvouched},
		"back, to a key that is gone":          {h.kept("B"), root(proof.NewLogConfig(all[:1])), proof.ErrUnvouched},
		"back, from what was kept":             {root(proof.NewLogConfig(all)), root(proof.NewLogConfig(all[:2])), proof.ErrUnvouched},
		"a fork by the old key":                {root(proof.NewLogConfig(all[:2])), root(proof.NewLogConfig(h.chain("A", "XA"))), proof.ErrUnvouched},
		"a fork by the old key, by keys alone": {h.kept("AB"), root(proof.NewLogConfig(h.chain("A", "XA"))), proof.ErrUnvouched},
		"a first CONFIG that names one more":   {h.kept("A"), root(proof.NewLogConfig(h.chain("AX"))), proof.ErrUnvouched},
		"who knows nothing":                    {root(proof.LogConfig{Origin: origin}), root(proof.NewLogConfig(all)), proof.ErrUnvouched},
		"a link that is missing":               {h.kept("A"), root(gap(proof.NewLogConfig(h.chain("A", "BA", "B", "CB", "C")), 2)), proof.ErrUnvouched},
		"another server":                       {h.kept("A"), proof.Config{Server: "evil.example", Users: proof.NewLogConfig(all)}, proof.ErrPolicy},
		"another log":                          {h.kept("A"), root(proof.LogConfig{Origin: "evil.example/users"}), proof.ErrPolicy},
		"what is no CONFIG":                    {h.kept("A"), root(proof.LogConfig{Origin: origin, Configs: []jsontext.Value{jsontext.Value(`{"origin":"x"}`)}}), proof.ErrPolicy},
	} {
		now, err := c.kept.Follow(c.newer)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, %v; want %v", name, now.Users.VKeys, err, c.want)
		}
	}
	// Keys that stand beside the CONFIGs are for first use alone.
	if now, err := h.kept("A").Follow(plain); err != nil || !slices.Equal(now.Users.VKeys, h.vkeys("A")) {
		t.Errorf("with another key beside: %v, %v", now.Users.VKeys, err)
	}
	if now, err := h.kept("A").Follow(h.kept("X")); err != nil || !slices.Equal(now.Users.VKeys, h.vkeys("A")) {
		t.Errorf("without CONFIGs: %v, %v", now.Users.VKeys, err)
	}
}

func gap(l proof.LogConfig, at int) proof.LogConfig {
	l.Configs = slices.Delete(l.Configs, at, at+1)
	return l
}

// A trust root has room for as many CONFIGs as it lists and for every key that a server ever had, and
// can be read.
func TestATrustRootIsNotTooLong(t *testing.T) {
	h := holder{t, map[string]note.Signer{}}
	all := h.chain("A")
	for i := range byte(100) {
		all = h.on(all, string([]byte{byte('B') + i%7, byte('a') + i%9}))
	}
	c := proof.Config{Server: serverName, Users: proof.NewLogConfig(all), Servers: proof.NewLogConfig(all),
		Keys: map[matrix.KeyID]proof.Hash{}, Revoked: map[matrix.KeyID]proof.RevokedKey{}}
	for i := range 1000 { // one a week for twenty years, and as many were stolen
		c.Keys[matrix.KeyID(fmt.Sprintf("ed25519:k%07d", i))] = proof.Hash{byte(i)}
		c.Revoked[matrix.KeyID(fmt.Sprintf("ed25519:r%07d", i))] = proof.RevokedKey{Key: proof.Hash{byte(i)}, Before: 1 << 50}
	}
	wire, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	read, err := proof.ParseConfig(wire)
	if err != nil || len(read.Users.Configs) < 10 {
		t.Errorf("of %d CONFIGs %d are listed, in %d octets: %v", len(all), len(read.Users.Configs), len(wire), err)
	}
	newest := all[len(all)-3:]
	if now, err := root(proof.NewLogConfig(newest[:1])).Follow(c); err != nil || !slices.Equal(now.Users.VKeys, newest[2].VKeys) {
		t.Errorf("whoever is not far behind: %v, %v", now.Users.VKeys, fmt.Sprint(err))
	}
}
