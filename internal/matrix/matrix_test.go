package matrix_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"

	"signet/internal/matrix"
)

func TestParseServerName(t *testing.T) {
	for _, c := range []struct{ text, host string }{
		{"example.org", "example.org"},
		{"Example.ORG:8448", "example.org"},
		{"localhost", "localhost"},
		{"a", "a"},
		{"1.2.3.4", "1.2.3.4"},
		{"1.2.3.4:1", "1.2.3.4"},
		{"[::1]", "::1"},
		{"[1234:5678::abcd]:5678", "1234:5678::abcd"},
		{"xn--nxasmq6b.example:65535", "xn--nxasmq6b.example"},
	} {
		name, err := matrix.ParseServerName(c.text)
		if err != nil || name.Host() != c.host {
			t.Errorf("ParseServerName(%q).Host() = %q, %v; want %q", c.text, name.Host(), err, c.host)
		}
	}
	for _, text := range []string{
		"", " ", "example.org ", "exa mple.org", "example.org:", "example.org:0", "example.org:65536", "example.org:080", "example.org:+80",
		"-a.org", "a-.org", ".org", "a..b", "a.", "[::1", "::1", "[::1]x", "[1.2.3.4]", "[fe80::1%eth0]", "a/b", "a@b", "a?b", "a#b", "ex\x00ample.org",
		"é.org", "https://example.org", "example.org:80:80", strings.Repeat("a", 231), "a\nb", "%61.org", "exam_ple.org",
	} {
		if name, err := matrix.ParseServerName(text); !errors.Is(err, matrix.ErrServerName) {
			t.Errorf("ParseServerName(%q) = %q, %v; want %v", text, name, err, matrix.ErrServerName)
		}
	}
}

// All names of one host have one name without a port.
func TestWithoutPort(t *testing.T) {
	for text, want := range map[string]matrix.ServerName{
		"evil.example": "evil.example", "evil.example:8448": "evil.example", "EVIL.example:1": "evil.example",
		"1.2.3.4": "1.2.3.4", "1.2.3.4:80": "1.2.3.4", "[::ffff:1.2.3.4]:80": "1.2.3.4", "[::ffff:102:304]": "1.2.3.4",
		"[::1]": "[::1]", "[0:0:0:0:0:0:0:1]:8448": "[::1]", "[2001:DB8::0:1]": "[2001:db8::1]", "sub.evil.example": "sub.evil.example",
	} {
		name, err := matrix.ParseServerName(text)
		if got := name.WithoutPort(); err != nil || got != want {
			t.Errorf("%q.WithoutPort() = %q, %v; want %q", text, got, err, want)
		}
	}
}

func TestParseUserID(t *testing.T) {
	for _, text := range []string{"@alice:example.org", "@a.b_c=d/e-f+1:x.org:8448", "@Alice:example.org", "@ünï:example.org", "@a:[::1]:80", "@a!b:x.org"} {
		u, err := matrix.ParseUserID(text)
		if err != nil || "@"+u.Localpart()+":"+u.Server().String() != text {
			t.Errorf("ParseUserID(%q) = %q + %q, %v", text, u.Localpart(), u.Server(), err)
		}
	}
	for _, text := range []string{"", "@", "@:", "@:x.org", "alice:x.org", "@alice", "@alice:", "@alice:X.org", "@al ice:x.org", "@al\x00:x.org", "@al\nice:x.org",
		"@alice:x .org", "@\xff:x.org", "@" + strings.Repeat("a", 250) + ":x.org", "@@:", "!room:x.org"} {
		if u, err := matrix.ParseUserID(text); !errors.Is(err, matrix.ErrUserID) {
			t.Errorf("ParseUserID(%q) = %q, %v; want %v", text, u, err, matrix.ErrUserID)
		}
	}
}

func TestNewUserIDKeepsTodaysGrammar(t *testing.T) {
	for local, good := range map[string]bool{"alice": true, "a.b_c=d/e-f+1": true, "": false, "Alice": false, "al ice": false, "al:ice": false, "ünï": false, strings.Repeat("a", 250): false} {
		if u, err := matrix.NewUserID(local, "x.org"); (err == nil) != good {
			t.Errorf("NewUserID(%q) = %q, %v", local, u, err)
		}
	}
}

func TestValidOpaque(t *testing.T) {
	for text, want := range map[string]bool{"a": true, "a.b=c_d-E9": true, "": false, "a b": false, "ä": false, "a/b": false, strings.Repeat("a", 255): true, strings.Repeat("a", 256): false, "a\n": false} {
		if got := matrix.ValidOpaque(text); got != want {
			t.Errorf("ValidOpaque(%q) = %v, want %v", text, got, want)
		}
	}
}

var key = matrix.SigningKey{ID: "ed25519:1", Private: ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, 32))}

// The specification's own vectors (appendices, "JSON Signing", test vectors).
func TestValidID(t *testing.T) {
	for s, want := range map[string]bool{
		"GHTYAJCE": true, "a b/c:ü": true, strings.Repeat("x", 255): true,
		"": false, strings.Repeat("x", 256): false, "a\x00": false, "a\n": false, "\xff": false,
	} {
		if got := matrix.ValidID(s); got != want {
			t.Errorf("ValidID(%q) = %t, want %t", s, got, want)
		}
	}
}

func TestTheSpecificationsSignatures(t *testing.T) {
	seed, err := matrix.DecodeBase64("YJDBA9Xnr2sVqXD9Vj7XVUnmFZcZrlw8Md7kMW+3XA1")
	if err != nil {
		t.Fatal(err)
	}
	key := matrix.SigningKey{ID: "ed25519:1", Private: ed25519.NewKeyFromSeed(seed)}
	for object, want := range map[string]string{
		`{}`:                       `{"signatures":{"domain":{"ed25519:1":"K8280/U9SSy9IVtjBuVeLr+HpOB4BQFWbg+UZaADMtTdGYI7Geitb76LTrr5QV/7Xg4ahLwYGYZzuHGZKM5ZAQ"}}}`,
		`{"one": 1, "two": "Two"}`: `{"one":1,"signatures":{"domain":{"ed25519:1":"KqmLSbO39/Bzb0QIYE82zqLwsA+PDzYIpIRA2sRQ4sL53+sN6/fpNSoqE7BP7vBZhG6kYdD13EIMJpvhJI+6Bw"}},"two":"Two"}`,
	} {
		if got, err := key.Sign("domain", []byte(object)); err != nil || string(got) != want {
			t.Errorf("Sign(%s) = %s, %v; want %s", object, got, err, want)
		}
	}
}

func TestVerifyRefuses(t *testing.T) {
	signed, err := key.Sign("x.org", []byte(`{"a":1}`))
	if err != nil {
		t.Fatal(err)
	}
	if err := matrix.Verify("x.org", key.ID, key.Public(), signed); err != nil {
		t.Fatal(err)
	}
	for what, object := range map[string]string{
		"a changed value":    strings.Replace(string(signed), `"a":1`, `"a":2`, 1),
		"a name given twice": strings.Replace(string(signed), `"a":1`, `"a":1,"a":1`, 1),
		"no signature":       `{"a":1}`,
		"no object":          `[]`,
		"nothing":            ``,
		"bad UTF-8":          strings.Replace(string(signed), `"a"`, "\"\xff\"", 1),
	} {
		if err := matrix.Verify("x.org", key.ID, key.Public(), []byte(object)); !errors.Is(err, matrix.ErrSignature) {
			t.Errorf("Verify with %s = %v, want %v", what, err, matrix.ErrSignature)
		}
	}
	if err := matrix.Verify("y.org", key.ID, key.Public(), signed); !errors.Is(err, matrix.ErrSignature) {
		t.Errorf("another server = %v", err)
	}
	if err := matrix.Verify("x.org", key.ID, key.Public()[:31], signed); !errors.Is(err, matrix.ErrSignature) {
		t.Errorf("a short key = %v", err)
	}
}

// Homeservers in the field sign the destination under another name on unbind.
func TestBothSpellingsOfTheDestination(t *testing.T) {
	r := matrix.SignedRequest{Method: "POST", URI: "/u", Origin: "x.org", Destination: "id.org", Content: []byte(`{"b":2}`)}
	x, err := r.Authorize(key)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Verify(x, key.Public()); err != nil {
		t.Errorf("destination: %v", err)
	}
	signed, err := key.Sign("x.org", []byte(`{"method":"POST","uri":"/u","origin":"x.org","destination_is":"id.org","content":{"b":2}}`))
	if err != nil {
		t.Fatal(err)
	}
	_, sig, _ := strings.Cut(string(signed), `"ed25519:1":"`)
	x.Signature, _, _ = strings.Cut(sig, `"`)
	if err := r.Verify(x, key.Public()); err != nil {
		t.Errorf("destination_is: %v", err)
	}
	r.Destination = "other.org"
	if err := r.Verify(x, key.Public()); !errors.Is(err, matrix.ErrSignature) {
		t.Errorf("another destination = %v", err)
	}
}

func TestParseXMatrix(t *testing.T) {
	want := matrix.XMatrix{Origin: "x.org", Destination: "id.org", Key: "ed25519:1", Signature: "c2ln"}
	for _, header := range []string{
		want.String(),
		`X-Matrix origin=x.org,destination=id.org,key="ed25519:1",sig=c2ln`,
		`x-matrix  Origin="x.org" , DESTINATION = "id.org", key="ed25519\:1", sig="c2ln", extra="a,b=\"c"`,
	} {
		if got, err := matrix.ParseXMatrix(header); err != nil || got != want {
			t.Errorf("ParseXMatrix(%q) = %+v, %v; want %+v", header, got, err, want)
		}
	}
	for _, header := range []string{
		"", "X-Matrix", "X-Matrix ", "Bearer abc", `X-Matrix origin="x.org"`, `X-Matrix origin="x.org",key="ed25519:1"`,
		`X-Matrix origin="x.org",origin="y.org",key="ed25519:1",sig="a"`, `X-Matrix origin="x.org,key="ed25519:1",sig="a"`,
		`X-Matrix origin="x .org",key="ed25519:1",sig="a"`, `X-Matrix origin="x.org",key="rsa:1",sig="a"`, `X-Matrix junk`, `X-Matrix origin="x.org",key="ed25519:1",sig="a`,
		`X-Matrix origin="x.org",destination="no good",key="ed25519:1",sig="a"`,
	} {
		if got, err := matrix.ParseXMatrix(header); !errors.Is(err, matrix.ErrXMatrix) {
			t.Errorf("ParseXMatrix(%q) = %+v, %v; want %v", header, got, err, matrix.ErrXMatrix)
		}
	}
}

func TestDecodeBase64ReadsEveryAlphabet(t *testing.T) {
	raw := []byte{0xfb, 0xef, 0xff, 0}
	for _, e := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
		if got, err := matrix.DecodeBase64(e.EncodeToString(raw)); err != nil || !bytes.Equal(got, raw) {
			t.Errorf("DecodeBase64(%q) = %x, %v", e.EncodeToString(raw), got, err)
		}
	}
	for _, text := range []string{"!", "A", "ab cd", "+-__", "AB=C", "AB\n"} {
		if _, err := matrix.DecodeBase64(text); !errors.Is(err, matrix.ErrBase64) {
			t.Errorf("DecodeBase64(%q) = %v, want %v", text, err, matrix.ErrBase64)
		}
	}
}

func FuzzParseServerName(f *testing.F) {
	for _, s := range []string{"example.org:8448", "[::1]:80", "1.2.3.4", "A.b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		name, err := matrix.ParseServerName(text)
		if err != nil {
			return
		}
		if again, err := matrix.ParseServerName(name.String()); err != nil || again != name {
			t.Errorf("ParseServerName(%q) = %q, which parses to %q, %v", text, name, again, err)
		}
		host := name.WithoutPort()
		if again, err := matrix.ParseServerName(host.String()); err != nil || again != host || host.Port() != 0 || host.WithoutPort() != host {
			t.Errorf("%q.WithoutPort() = %q, which parses to %q, %v", name, host, again, err)
		}
	})
}

func FuzzParseUserID(f *testing.F) {
	for _, s := range []string{"@alice:example.org", "@a:[::1]:80", "@:x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		u, err := matrix.ParseUserID(text)
		if err == nil && "@"+u.Localpart()+":"+u.Server().String() != text {
			t.Errorf("ParseUserID(%q) = %q + %q", text, u.Localpart(), u.Server())
		}
	})
}

func FuzzParseXMatrix(f *testing.F) {
	f.Add(`X-Matrix origin="x.org",destination="id.org",key="ed25519:1",sig="c2ln"`)
	f.Add(`X-Matrix origin=x.org,key="ed25519\:1",sig=a`)
	f.Fuzz(func(t *testing.T, header string) {
		x, err := matrix.ParseXMatrix(header)
		if err != nil || strings.ContainsAny(x.Signature, `"\`) {
			return
		}
		if again, err := matrix.ParseXMatrix(x.String()); err != nil || again != x {
			t.Errorf("ParseXMatrix(%q) = %+v, whose text parses to %+v, %v", header, x, again, err)
		}
	})
}

func FuzzVerify(f *testing.F) {
	signed, _ := key.Sign("x.org", []byte(`{"a":1}`))
	f.Add(signed)
	f.Add([]byte(`{"signatures":{"x.org":{"ed25519:1":""}}}`))
	f.Fuzz(func(t *testing.T, object []byte) {
		if err := matrix.Verify("x.org", key.ID, key.Public(), object); err != nil && !errors.Is(err, matrix.ErrSignature) {
			t.Errorf("Verify(%q) = %v", object, err)
		}
	})
}

func FuzzCanonicalJSON(f *testing.F) {
	f.Add([]byte(`{"b":[1,2.5,null,"é\u0000"],"a":{"z":1,"y":-0}}`))
	f.Fuzz(func(t *testing.T, input []byte) {
		once, err := matrix.CanonicalJSON(input)
		if err != nil {
			return
		}
		if twice, err := matrix.CanonicalJSON(once); err != nil || !bytes.Equal(once, twice) {
			t.Errorf("CanonicalJSON(%q) = %q, again %q, %v", input, once, twice, err)
		}
	})
}

func ExampleXMatrix_String() {
	fmt.Println(matrix.XMatrix{Origin: "x.org", Destination: "id.org", Key: "ed25519:1", Signature: "c2ln"})
	// Output: X-Matrix origin="x.org",destination="id.org",key="ed25519:1",sig="c2ln"
}

func FuzzDecodeBase64(f *testing.F) {
	f.Add("++//==")
	f.Add("-_-_")
	f.Fuzz(func(t *testing.T, text string) {
		b, err := matrix.DecodeBase64(text)
		if err != nil {
			return
		}
		if again, err := matrix.DecodeBase64(matrix.EncodeBase64(b)); err != nil || !bytes.Equal(again, b) {
			t.Errorf("DecodeBase64(%q) = %x, which does not read back: %x, %v", text, b, again, err)
		}
	})
}
