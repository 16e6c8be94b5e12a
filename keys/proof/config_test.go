package proof_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/mod/sumdb/tlog"

	"signet/internal/matrix"
	. "signet/keys/proof"
)

func (w *world) config() Config {
	c := Config{Server: serverName, Users: LogConfig{Origin: origin, VKeys: []string{w.log.vkey}}, VRF: Hash(w.vrf.Public().Bytes()),
		Keys: map[matrix.KeyID]Hash{w.server.ID: Hash(w.server.Public())}, Needed: 2}
	for _, s := range w.witnesses {
		c.Witnesses = append(c.Witnesses, s.vkey)
	}
	return c
}

func TestConfig(t *testing.T) {
	w, _ := populated(t)
	c, err := ParseConfig(marshal(t, w.config()))
	if err != nil || !reflect.DeepEqual(c, w.config()) {
		t.Fatalf("ParseConfig = %+v, %v", c, err)
	}
	p, err := c.Policy()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Verify(w.lookup(alice, 0), Asked{Label: alice}, p, w.now); err != nil {
		t.Errorf("by the policy of a config: %v", err)
	}
}

func TestConfigRefuses(t *testing.T) {
	w, _ := populated(t)
	point := func(s string) (h Hash) {
		b, err := hex.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		return Hash(b)
	}
	identity, orderEight := point("01"+strings.Repeat("00", 31)), point("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05")
	for what, edit := range map[string]func(c *Config){
		"no server": func(c *Config) { c.Server = "" }, "server in capitals": func(c *Config) { c.Server = "ID.example.org" },
		"no origin": func(c *Config) { c.Users = LogConfig{} }, "no log key": func(c *Config) { c.Users.VKeys = nil }, "log key of another": func(c *Config) { c.Users.Origin = "x" },
		"log key that is none": func(c *Config) { c.Users.VKeys = []string{"x"} }, "a witness's key as the log's": func(c *Config) { c.Users.VKeys = c.Witnesses[:1] },
		"VRF key of order 1": func(c *Config) { c.VRF = identity }, "VRF key of order 8": func(c *Config) { c.VRF = orderEight }, "VRF key that is no point": func(c *Config) { c.VRF = Hash{2} },
		"no server key": func(c *Config) { c.Keys = nil }, "server key of order 8": func(c *Config) { c.Keys["ed25519:1"] = orderEight },
		"server key of no id":  func(c *Config) { c.Keys["x"] = c.Keys["ed25519:0"] },
		"witness that is none": func(c *Config) { c.Witnesses[0] = "x" }, "too many witnesses needed": func(c *Config) { c.Needed = 4 },
	} {
		c := w.config()
		c.Keys = maps.Clone(c.Keys)
		edit(&c)
		if _, err := c.Policy(); !errors.Is(err, ErrPolicy) {
			t.Errorf("%s: %v, want ErrPolicy", what, err)
		}
	}
	c := w.config()
	c.Witnesses = make([]string, 65)
	for what, bad := range map[string]string{"null": "null", "many": string(marshal(t, c)), "long": strings.Repeat(" ", MaxConfig) + "{}", "short key": `{"vrf_public_key":"AAAA"}`} {
		if _, err := ParseConfig([]byte(bad)); !errors.Is(err, ErrProof) {
			t.Errorf("%s: %v, want ErrProof", what, err)
		}
	}
}

func FuzzParseConfig(f *testing.F) {
	w := newWorld(f)
	f.Add(marshal(f, w.config()))
	f.Fuzz(func(t *testing.T, input []byte) {
		c, err := ParseConfig(input)
		if err != nil {
			return
		}
		if p, err := c.Policy(); err == nil && (p.VRF == nil || len(p.LogKeys) == 0 || len(p.ServerKeys) == 0 || p.Needed > len(p.Witnesses)) {
			t.Fatalf("%q makes a policy that is not whole", input)
		}
	})
}

func TestHead(t *testing.T) {
	head := tlog.Tree{N: 7, Hash: tlog.Hash{1, 2}}
	text := FormatHead(origin, head)
	if got, err := ParseHead(origin, text); err != nil || got != head {
		t.Errorf("ParseHead(%q) = %v, %v", text, got, err)
	}
	for _, bad := range []string{"", "x", strings.Replace(string(text), "7", "07", 1), strings.Replace(string(text), "7", "0", 1), string(text[:len(text)-1])} {
		if got, err := ParseHead(origin, []byte(bad)); err == nil {
			t.Errorf("ParseHead(%q) = %v", bad, got)
		}
	}
	if _, err := ParseHead("id.example.com/users", text); err == nil {
		t.Error("a head of another log is taken")
	}
}

var update = flag.Bool("update", false, "write the examples in testdata anew")

// The examples are what the documentation shows and what the command is tested with. Every
// key and opening in them is fixed, so that a change of a format shows as one of a file.
func TestExamples(t *testing.T) {
	w, seen := populated(t)
	for name, v := range map[string]any{
		"config.json": w.config(), "alice.lookup.json": w.lookup(alice, seen.N), "nobody.lookup.json": w.lookup(nobody, seen.N), "alice.history.json": w.history(alice, 3, seen.N),
	} {
		example(t, name, indented(t, v))
	}
	example(t, "seen.head", FormatHead(origin, seen))
	example(t, "user.lookup.json", indented(t, crossSigned(t).lookup(carol, 0)))
}

func indented(t *testing.T, v any) []byte {
	t.Helper()
	text := jsontext.Value(marshal(t, v))
	if err := text.Indent(jsontext.WithIndent("  ")); err != nil {
		t.Fatal(err)
	}
	return append(text, '\n')
}

func example(t *testing.T, name string, want []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s is not what is made today (go test -update writes it anew): %v", path, err)
	}
}
