package serverkeys_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"signet/internal/matrix"
	"signet/internal/serverkeys"
	"signet/internal/serverkeys/serverkeystest"
)

const server = matrix.ServerName("example.org")

var (
	now = time.UnixMilli(1_700_000_000_000)
	k1  = serverkeystest.Key("ed25519:k1", "one")
	k2  = serverkeystest.Key("ed25519:k2", "two")
	k3  = serverkeystest.Key("ed25519:k3", "three")
)

func doc(keys ...matrix.SigningKey) serverkeystest.Doc {
	return serverkeystest.Doc{Server: server, Until: now.Add(time.Hour), Keys: keys, Expired: now.Add(-time.Hour)}
}

func names[V any](m map[matrix.KeyID]V) string {
	var all []string
	for id := range m {
		all = append(all, string(id))
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

func TestParse(t *testing.T) {
	d := doc(k1, k2)
	d.Old, d.By = []matrix.SigningKey{k3}, []matrix.SigningKey{k1, k2, k3}
	d.More = map[string]any{"tls_fingerprints": []any{}, "org.example.é": map[string]int{"n": 1}}
	got, err := serverkeys.Parse(server, d.JSON(t))
	if err != nil {
		t.Fatal(err)
	}
	if got.Server != server || !got.ValidUntil.Equal(d.Until) || names(got.Verify) != "ed25519:k1 ed25519:k2" || names(got.Old) != "ed25519:k3" {
		t.Errorf("Parse = %+v", got)
	}
	if !got.Old["ed25519:k3"].Expired.Equal(d.Expired) || names(got.Signers) != "ed25519:k1 ed25519:k2 ed25519:k3" {
		t.Errorf("old keys %v, signers %s", got.Old, names(got.Signers))
	}
	for id, key := range got.Signers {
		if err := matrix.Verify(server, id, key, got.JSON); err != nil {
			t.Errorf("the signature by %s: %v", id, err)
		}
	}
	if !strings.Contains(string(got.JSON), `"org.example.é":{"n":1}`) {
		t.Errorf("a member that is signed was lost: %s", got.JSON)
	}
}

// What anybody on the way could add is not kept: the same document has one form.
func TestWhatIsNotSignedIsLeftOut(t *testing.T) {
	clean, err := serverkeys.Parse(server, doc(k1).JSON(t))
	if err != nil {
		t.Fatal(err)
	}
	var members map[string]any
	if err := json.Unmarshal(doc(k1).JSON(t), &members); err != nil {
		t.Fatal(err)
	}
	members["unsigned"] = map[string]any{"age": 1}
	signatures := members["signatures"].(map[string]any)
	signatures["other.example"] = map[string]string{"ed25519:x": "AAAA"}
	signatures[server.String()].(map[string]any)["ed25519:unknown"] = "BBBB"
	dressed, err := json.MarshalIndent(members, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	got, err := serverkeys.Parse(server, dressed)
	if err != nil || !bytes.Equal(got.JSON, clean.JSON) {
		t.Errorf("Parse = %s, %v, want %s", got.JSON, err, clean.JSON)
	}
}

// A former key's signature that does not hold costs the key that signature, not the
// document its worth.
func TestAFormerKeyDidNotSign(t *testing.T) {
	d := doc(k1)
	d.Old = []matrix.SigningKey{k2}
	impostor := serverkeystest.Key(k2.ID, "somebody else")
	d.By = []matrix.SigningKey{k1, impostor}
	got, err := serverkeys.Parse(server, d.JSON(t))
	if err != nil || names(got.Signers) != "ed25519:k1" || strings.Contains(string(got.JSON), `"ed25519:k2":"`) {
		t.Errorf("signers = %s, %v in %s", names(got.Signers), err, got.JSON)
	}
}

func TestParseRefuses(t *testing.T) {
	many := make([]matrix.SigningKey, 33)
	for i := range many {
		many[i] = serverkeystest.Key(matrix.KeyID("ed25519:k"+strings.Repeat("x", i)), "seed")
	}
	with := func(name string, value any, by ...matrix.SigningKey) string {
		d := doc(k1)
		d.More, d.By = map[string]any{name: value}, by
		return string(d.JSON(t))
	}
	good := with("x", 1)
	weak := strings.Repeat("A", 43) // the point of order 4 at y = 0
	for name, body := range map[string]string{
		"nothing":            "",
		"no JSON":            "<html>",
		"a list":             "[" + good + "]",
		"two documents":      good + good,
		"another server":     with("server_name", "example.com"),
		"another case":       with("server_name", "Example.org"),
		"no name":            with("server_name", ""),
		"no keys":            with("verify_keys", map[string]any{}),
		"unknown algorithm":  with("verify_keys", map[string]any{"rsa:1": map[string]string{"key": "AAAA"}}),
		"a short key":        with("verify_keys", map[string]any{"ed25519:k1": map[string]string{"key": "AAAA"}}),
		"a weak key":         with("verify_keys", map[string]any{"ed25519:k1": map[string]string{"key": weak}}),
		"a key with no key":  with("verify_keys", map[string]any{"ed25519:k1": map[string]string{}}),
		"a key id too long":  with("verify_keys", map[string]any{"ed25519:" + strings.Repeat("k", 248): map[string]string{"key": matrix.EncodeBase64(k1.Public())}}),
		"a time that is not": with("valid_until_ts", "tomorrow"),
		"signed by another":  with("x", 1, k2),
		"other octets":       with("x", 1, serverkeystest.Key(k1.ID, "somebody else")),
		"one has not signed": string(serverkeystest.Doc{Server: server, Until: now, Keys: []matrix.SigningKey{k1, k2}, By: []matrix.SigningKey{k1}}.JSON(t)),
		"changed":            strings.Replace(good, `"x":1`, `"x":2`, 1),
		"a name twice":       strings.Replace(good, `"x":1`, `"x":1,"x":1`, 1),
		"invalid UTF-8":      strings.Replace(good, `"x":1`, "\"x\":\"\xff\"", 1),
		"too large":          with("x", strings.Repeat("x", serverkeys.MaxSize)),
		"too many keys":      string(doc(many...).JSON(t)),
	} {
		if d, err := serverkeys.Parse(server, []byte(body)); !errors.Is(err, serverkeys.ErrDocument) {
			t.Errorf("%s: Parse = %s, %v, want ErrDocument", name, d.JSON, err)
		}
	}
}

// Each bit of a document is signed, or not kept.
func TestAFlippedBit(t *testing.T) {
	d := doc(k1)
	d.Old, d.By = []matrix.SigningKey{k2}, []matrix.SigningKey{k1, k2}
	body := d.JSON(t)
	whole, err := serverkeys.Parse(server, body)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 8 * len(body) {
		flipped := bytes.Clone(body)
		flipped[i/8] ^= 1 << (i % 8)
		got, err := serverkeys.Parse(server, flipped)
		if err != nil {
			continue
		}
		if !maps.EqualFunc(got.Verify, whole.Verify, func(a, b ed25519.PublicKey) bool { return a.Equal(b) }) || !got.ValidUntil.Equal(whole.ValidUntil) {
			t.Fatalf("bit %d changes the document: %s", i, got.JSON)
		}
	}
}

func FuzzParse(f *testing.F) {
	d := doc(k1)
	d.Old, d.By = []matrix.SigningKey{k2}, []matrix.SigningKey{k1, k2}
	f.Add(d.JSON(f))
	f.Add(doc(k1, k3).JSON(f))
	f.Add([]byte(`{"server_name":"example.org","verify_keys":{},"signatures":{},"valid_until_ts":1}`))
	f.Add([]byte(`{"server_name":"example.org","server_name":"x"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := serverkeys.Parse(server, body)
		if err != nil {
			if !errors.Is(err, serverkeys.ErrDocument) {
				t.Fatalf("Parse(%q) = %v", body, err)
			}
			return
		}
		if len(got.JSON) > serverkeys.MaxSize || len(got.Verify) == 0 {
			t.Fatalf("Parse(%q) = %+v", body, got)
		}
		again, err := serverkeys.Parse(server, got.JSON)
		if err != nil || !bytes.Equal(again.JSON, got.JSON) || names(again.Signers) != names(got.Signers) {
			t.Fatalf("Parse of what Parse gave, %q, is %q, %v", got.JSON, again.JSON, err)
		}
	})
}
