package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/mod/sumdb/note"

	"signet/internal/matrix"
	"signet/keys/log"
	"signet/keys/logkeys"
	"signet/keys/proof"
	"signet/keys/value"
)

// exampleConfig is the trust root of the examples.
func exampleConfig(t *testing.T) proof.Config {
	t.Helper()
	text, err := os.ReadFile(examples + "config.json")
	if err != nil {
		t.Fatal(err)
	}
	c, err := proof.ParseConfig(text)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// successor is the CONFIGs of a log that begins with the key begun, and has another one since,
// which begun has not signed but who did.
func successor(t *testing.T, origin, begun string, who ed25519.PrivateKey) (next string, configs []jsontext.Value) {
	t.Helper()
	signer, next, err := log.NewSigner(origin, who)
	if err != nil {
		t.Fatal(err)
	}
	first, err := logkeys.First(origin, []string{begun}, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	second, err := first.Next(logkeys.Change{VKeys: []string{next}, Signers: map[string]note.Signer{begun: signer, next: signer}})
	if err != nil {
		t.Fatal(err)
	}
	return next, []jsontext.Value{first.JSON(), second.JSON()}
}

// A file is refreshed by keys that those in it have vouched for, and by no others: then it stays
// as it is, octet by octet, and nothing is asked further.
func TestATrustRootIsRefreshed(t *testing.T) {
	t.Setenv(tokenVariable, "s3cret")
	kept := exampleConfig(t)
	thief := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{3}, ed25519.SeedSize))
	next, stolen := successor(t, kept.Users.Origin, kept.Users.VKeys[0], thief)
	for name, c := range map[string]struct {
		change func(*proof.Config)
		status int
		says   string
	}{
		"nothing new":              {func(*proof.Config) {}, 0, "verified\n"},
		"the log as it began":      {func(c *proof.Config) { c.Users.Configs = stolen[:1] }, 0, "verified\n"},
		"keys beside, unproven":    {func(c *proof.Config) { c.Users.VKeys = []string{next} }, 0, "verified\n"},
		"a key nobody vouched for": {func(c *proof.Config) { c.Users.VKeys, c.Users.Configs = []string{next}, stolen }, 1, "stays as it is: "},
		"a log of a stranger":      {func(c *proof.Config) { c.Users.Configs = stolen[1:] }, 1, "stays as it is: "},
		"another server":           {func(c *proof.Config) { c.Server = "evil.example" }, 1, "stays as it is: "},
		"another log":              {func(c *proof.Config) { c.Users.Origin = "evil.example/users" }, 1, "stays as it is: "},
	} {
		url, asked := directoryOf(t, func(path string, answer []byte) (int, []byte) {
			if !strings.HasSuffix(path, "/config") {
				return http.StatusOK, answer
			}
			newer := exampleConfig(t)
			c.change(&newer)
			text, err := json.Marshal(newer)
			if err != nil {
				t.Error(err)
			}
			return http.StatusOK, text
		})
		file := filepath.Join(t.TempDir(), "trust.json")
		before, err := os.ReadFile(examples + "config.json")
		if err != nil {
			t.Fatal(err)
		}
		write(t, file, string(before))
		stdout, stderr, status := runAsk(t, "email:alice@example.com", "--server="+url, "--trust="+file, "--refresh")
		if status != c.status || !strings.Contains(stdout+stderr, c.says) || strings.Contains(stdout, "learn ") {
			t.Errorf("%s: exits with %d, want %d and %q\n%s%s", name, status, c.status, c.says, stdout, stderr)
		}
		after, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if c.status != 0 && (!bytes.Equal(after, before) || len(*asked) != 1) {
			t.Errorf("%s: the file was changed, or more was asked: %q", name, *asked)
		}
		if now, err := proof.ParseConfig(after); err != nil || len(now.Users.VKeys) != 1 || now.Users.VKeys[0] != kept.Users.VKeys[0] {
			t.Errorf("%s: the file names %v, %v", name, now.Users.VKeys, err)
		}
	}
	for says, args := range map[string][]string{
		"which file of --trust": {"email:alice@example.com", "--server=https://id.example.org", "--refresh"},
		"which --server":        {"file", "--label=email:alice@example.org", "--trust=x", "--refresh"},
	} {
		if stdout, stderr, status := runAsk(t, args...); status != 2 || stdout != "" || !strings.Contains(stderr, says) {
			t.Errorf("verify %q: exits with %d, want 2 and %q\n%s%s", args, status, says, stdout, stderr)
		}
	}
}

// A key for values that is new is not known, which is said with what helps; it is learned from the log,
// since the log's key in the file has vouched for it.
func TestATrustRootLearnsAKeyForValues(t *testing.T) {
	t.Setenv(tokenVariable, "s3cret")
	newer := exampleConfig(t)
	seed := sha256.Sum256([]byte("log" + newer.Users.Origin)) // as keys/proof makes the examples
	signer, vkey, err := log.NewSigner(newer.Users.Origin, ed25519.NewKeyFromSeed(seed[:]))
	if err != nil {
		t.Fatal(err)
	}
	values := value.ServerKeys{}
	for id, key := range newer.Keys {
		values[id] = ed25519.PublicKey(key[:])
	}
	first, err := logkeys.First(newer.Users.Origin, newer.Users.VKeys, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	second, err := first.Next(logkeys.Change{VKeys: newer.Users.VKeys, Values: values, Signers: map[string]note.Signer{vkey: signer}})
	if err != nil {
		t.Fatal(err)
	}
	newer.Users.Configs = []jsontext.Value{first.JSON(), second.JSON()}
	kept := exampleConfig(t)
	kept.Keys = map[matrix.KeyID]proof.Hash{"ed25519:former": proof.Hash(ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)).Public().(ed25519.PublicKey))}
	file := filepath.Join(t.TempDir(), "trust.json")
	write(t, file, encoded(t, kept))
	url, _ := directoryOf(t, func(path string, answer []byte) (int, []byte) {
		if strings.HasSuffix(path, "/config") {
			answer = []byte(encoded(t, newer))
		}
		return http.StatusOK, answer
	})
	for _, c := range []struct {
		args   []string
		status int
		says   []string
	}{
		{nil, 1, []string{"FAIL  8 signatures: ", "--refresh learns of it from the log"}},
		{[]string{"--refresh"}, 0, []string{"learn ed25519:0: a CONFIG of the log names it", "verified\n"}},
		{nil, 0, []string{"verified\n"}},
	} {
		stdout, stderr, status := runAsk(t, append([]string{"email:alice@example.com", "--server=" + url, "--trust=" + file}, c.args...)...)
		for _, says := range c.says {
			if status != c.status || !strings.Contains(stdout, says) {
				t.Errorf("%v: exits with %d, want %d and %q\n%s%s", c.args, status, c.status, says, stdout, stderr)
			}
		}
	}
}

func encoded(t *testing.T, c proof.Config) string {
	t.Helper()
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// What a revoked key has signed is verified by its place in the log, which is said; it is refused
// where it has none, or came after.
func TestVerifyOfWhatARevokedKeyHasSigned(t *testing.T) {
	kept := exampleConfig(t)
	for id, key := range kept.Keys {
		kept.Revoked = map[matrix.KeyID]proof.RevokedKey{id: {Key: key, Before: 16}}
	}
	kept.Keys = map[matrix.KeyID]proof.Hash{"ed25519:next": proof.Hash(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{3}, ed25519.SeedSize)).Public().(ed25519.PublicKey))}
	for name, c := range map[string]struct {
		before int64
		args   []string
		status int
		says   string
	}{
		"a history of before":       {16, []string{examples + "alice.history.json", "--history"}, 0, "verified\nNOTE  the server has revoked the key since by which it signed 3 of the values: "},
		"a history with one since":  {15, []string{examples + "alice.history.json", "--history"}, 1, "FAIL  8 signatures: version 2: "},
		"a look-up without a place": {16, []string{examples + "alice.lookup.json"}, 1, "FAIL  8 signatures: "},
	} {
		for id, r := range kept.Revoked {
			r.Before = c.before
			kept.Revoked[id] = r
		}
		text, err := json.Marshal(kept)
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), "trust.json")
		write(t, file, string(text))
		stdout, stderr, status := runVerify(sealed, append(c.args, "--label=email:alice@example.com", "--trust="+file)...)
		if status != c.status || !strings.Contains(stdout, c.says) {
			t.Errorf("%s: exits with %d, want %d and %q\n%s%s", name, status, c.status, c.says, stdout, stderr)
		}
	}
}
