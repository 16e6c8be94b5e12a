package fedclient

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"signet/internal/matrix"
)

// signer is a key made from its name, so that every test knows it.
func signer(id matrix.KeyID) matrix.SigningKey {
	seed := bytes.Repeat([]byte{0}, ed25519.SeedSize)
	copy(seed, id)
	return matrix.SigningKey{ID: id, Private: ed25519.NewKeyFromSeed(seed)}
}

// object is a JSON object in the making.
type object = map[string]any

func listed(keys ...matrix.SigningKey) object {
	list := object{}
	for _, k := range keys {
		list[string(k.ID)] = object{"key": matrix.EncodeBase64(k.Public())}
	}
	return list
}

// keysOf is the document of a server with these keys, as yet unsigned.
func keysOf(server string, until time.Time, keys ...matrix.SigningKey) object {
	return object{"server_name": server, "valid_until_ts": until.UnixMilli(), "verify_keys": listed(keys...)}
}

func signed(t testing.TB, doc object, by matrix.ServerName, keys ...matrix.SigningKey) string {
	t.Helper()
	body, err := json.Marshal(doc)
	for _, k := range keys {
		if err == nil {
			body, err = k.Sign(by, body)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

const home = matrix.ServerName("1.2.3.4")

var (
	one = signer("ed25519:one")
	two = signer("ed25519:two")
)

func TestServerKeys(t *testing.T) {
	w := newWorld(t)
	retired := signer("ed25519:retired")
	until := w.clock.Add(time.Hour)
	doc := keysOf("1.2.3.4", until, one, two)
	doc["verify_keys"].(object)["ed448:future"] = object{"key": "AAAA"}
	doc["old_verify_keys"] = object{
		"ed25519:retired": object{"key": matrix.EncodeBase64(retired.Public()), "expired_ts": 1532645052628},
		"ed25519:no-good": object{"key": matrix.EncodeBase64(retired.Public()), "expired_ts": 1},
		"ed25519:short":   object{"key": "AAAA", "expired_ts": 1},
		"ed25519:always":  object{"key": matrix.EncodeBase64(retired.Public())},
	}
	w.serve("1.2.3.4:8448", func(rw http.ResponseWriter, r *http.Request) {
		if r.RequestURI != "/_matrix/key/v2/server" || r.Header.Get("Authorization") != "" {
			t.Errorf("asked for %s signed %q", r.RequestURI, r.Header.Get("Authorization"))
		}
		raw(signed(t, doc, home, one, two))(rw, r)
	}, "1.2.3.4")
	got, err := w.client().ServerKeys(t.Context(), home)
	want := ServerKeys{
		Server:     home,
		ValidUntil: time.UnixMilli(until.UnixMilli()),
		Verify:     map[matrix.KeyID]ed25519.PublicKey{one.ID: one.Public(), two.ID: two.Public()},
		Old:        map[matrix.KeyID]OldKey{retired.ID: {Key: retired.Public(), Expired: time.UnixMilli(1532645052628)}},
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("ServerKeys = %v, differs:\n%s", err, diff)
	}
}

// The documents of liars, of the careless, and of those who would like to be
// somebody else.
func TestUntrustworthyKeys(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	hour := now.Add(time.Hour)
	with := func(change func(doc object)) string {
		doc := keysOf("1.2.3.4", hour, one)
		change(doc)
		return signed(t, doc, home, one)
	}
	var many []matrix.SigningKey
	for i := range 33 {
		many = append(many, signer(matrix.KeyID(fmt.Sprintf("ed25519:k%d", i))))
	}
	tests := []struct {
		name string
		body string
		want error
	}{
		{"what all these are made from", with(func(object) {}), nil},
		{"another server's", signed(t, keysOf("1.2.3.5", hour, one), "1.2.3.5", one), ErrBadKeys},
		{"another server's, signed as ours", signed(t, keysOf("1.2.3.5", hour, one), home, one), ErrBadKeys},
		{"no name", with(func(doc object) { delete(doc, "server_name") }), ErrBadKeys},
		{"unsigned", signed(t, keysOf("1.2.3.4", hour, one), home), ErrBadKeys},
		{"signed by nobody we know", signed(t, keysOf("1.2.3.4", hour, one), home, two), ErrBadKeys},
		{"signed in another's name", signed(t, keysOf("1.2.3.4", hour, one), "1.2.3.5", one), ErrBadKeys},
		{"one of two keys did not sign", signed(t, keysOf("1.2.3.4", hour, one, two), home, one), ErrBadKeys},
		{"changed after signing", strings.Replace(with(func(object) {}), `"1.2.3.4"`, `"1.2.3.4","x":1`, 1), ErrBadKeys},
		{"bad base64 among good", with(func(doc object) { doc["verify_keys"].(object)["ed25519:bad"] = object{"key": "!"} }), ErrBadKeys},
		{"short key among good", with(func(doc object) { doc["verify_keys"].(object)["ed25519:bad"] = object{"key": "AAAA"} }), ErrBadKeys},
		{"bad key id among good", with(func(doc object) { doc["verify_keys"].(object)["ed25519:no-good"] = listed(one)["ed25519:one"] }), ErrBadKeys},
		{"no keys", with(func(doc object) { doc["verify_keys"] = object{} }), ErrBadKeys},
		{"keys of no known kind", with(func(doc object) { doc["verify_keys"] = object{"ed448:x": object{"key": "AAAA"}} }), ErrBadKeys},
		{"as many keys as may be", signed(t, keysOf("1.2.3.4", hour, many[:32]...), home, many[:32]...), nil},
		{"too many keys", signed(t, keysOf("1.2.3.4", hour, many...), home, many...), ErrBadKeys},
		{"run out", with(func(doc object) { doc["valid_until_ts"] = now.UnixMilli() }), ErrBadKeys},
		{"no end", with(func(doc object) { delete(doc, "valid_until_ts") }), ErrBadKeys},
		{"end before time", with(func(doc object) { doc["valid_until_ts"] = math.MinInt64 }), ErrBadKeys},
		{"keys as list", with(func(doc object) { doc["verify_keys"] = []string{"ed25519:one"} }), ErrBadAnswer},
		{"end as text", with(func(doc object) { doc["valid_until_ts"] = "tomorrow" }), ErrBadAnswer},
		{"end too large", strings.Replace(with(func(object) {}), fmt.Sprint(hour.UnixMilli()), "99999999999999999999", 1), ErrBadAnswer},
		{"name twice", strings.Replace(with(func(object) {}), `{`, `{"server_name":"1.2.3.4",`, 1), ErrBadAnswer},
		{"not JSON", "<html>", ErrBadAnswer},
		{"nothing", "", ErrBadAnswer},
		{"list", "[]", ErrBadAnswer},
	}
	for _, tt := range tests {
		if got, err := parseServerKeys(home, Response{Body: []byte(tt.body)}, now); !errors.Is(err, tt.want) {
			t.Errorf("%s: parseServerKeys(%s) = %v, %v, want %v", tt.name, tt.body, got, err, tt.want)
		}
	}
}

func TestKeysAreValidForSevenDaysAtMost(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	week := now.Add(7 * 24 * time.Hour)
	tests := []struct{ says, want int64 }{
		{now.UnixMilli() + 1, now.UnixMilli() + 1},
		{week.UnixMilli() - 1, week.UnixMilli() - 1},
		{week.UnixMilli(), week.UnixMilli()},
		{week.UnixMilli() + 1, week.UnixMilli()},
		{1 << 53, week.UnixMilli()},
		{math.MaxInt64, week.UnixMilli()},
	}
	for _, tt := range tests {
		if got, err := validity(tt.says, now); err != nil || got.UnixMilli() != tt.want {
			t.Errorf("validity(%d) = %d, %v, want %d", tt.says, got.UnixMilli(), err, tt.want)
		}
	}
}

// keyServer publishes whatever doc returns, with its status, and counts how often
// it is asked.
func keyServer(w *world, doc func() (int, string)) *int {
	asked := new(int)
	w.serve("1.2.3.4:8448", func(rw http.ResponseWriter, r *http.Request) {
		*asked++
		status, body := doc()
		rw.WriteHeader(status)
		raw(body)(rw, r)
	}, "1.2.3.4")
	return asked
}

func TestKeysAreRememberedWhileValid(t *testing.T) {
	w := newWorld(t)
	life := time.Hour
	asked := keyServer(w, func() (int, string) {
		return http.StatusOK, signed(t, keysOf("1.2.3.4", w.now().Add(life), one), home, one)
	})
	c := w.client()
	expect := func(want int, wantErr error) {
		t.Helper()
		if _, err := c.ServerKeys(t.Context(), home); !errors.Is(err, wantErr) || *asked != want {
			t.Errorf("ServerKeys = %v after %d fetches, want %v after %d", err, *asked, wantErr, want)
		}
	}
	expect(1, nil)
	w.pass(time.Hour - time.Millisecond)
	expect(1, nil)
	life = 10 * time.Second
	w.pass(time.Millisecond)
	expect(2, nil)
	w.pass(10 * time.Second) // too soon to ask again, too late to use
	expect(2, ErrBadKeys)
	life = 30 * 24 * time.Hour
	w.pass(50 * time.Second)
	expect(3, nil)
	w.pass(7*24*time.Hour - time.Millisecond)
	expect(3, nil)
	w.pass(time.Millisecond)
	expect(4, nil)
}

// A dead server is asked again after 10 seconds, then ever more rarely.
func TestDeadServersAreNotHammered(t *testing.T) {
	w := newWorld(t)
	asked := keyServer(w, func() (int, string) {
		return http.StatusBadGateway, signed(t, keysOf("1.2.3.4", w.now().Add(time.Hour), one), home, one)
	})
	c := w.client()
	for i, seconds := range []time.Duration{10, 20, 40, 80, 160, 300, 300} {
		for range 3 {
			if _, err := c.ServerKeys(t.Context(), home); !errors.Is(err, ErrUnreachable) {
				t.Errorf("ServerKeys = %v, want %v", err, ErrUnreachable)
			}
		}
		w.pass(seconds*time.Second - time.Millisecond)
		_, _ = c.ServerKeys(t.Context(), home)
		if *asked != i+1 {
			t.Errorf("round %d: asked %d times", i+1, *asked)
		}
		w.pass(time.Millisecond)
	}
}

// A server changed its key before the old document ran out: the new key is found,
// and asking for keys that do not exist neither hammers the server nor, when it is
// down, loses the keys that are known.
func TestVerifyKey(t *testing.T) {
	w := newWorld(t)
	current := one
	status := http.StatusOK
	asked := keyServer(w, func() (int, string) {
		return status, signed(t, keysOf("1.2.3.4", w.now().Add(time.Hour), current), home, current)
	})
	c := w.client()
	expect := func(key matrix.SigningKey, wantErr error, fetches int) {
		t.Helper()
		got, err := c.VerifyKey(t.Context(), home, key.ID)
		if !errors.Is(err, wantErr) || (err == nil && !got.Equal(key.Public())) || *asked != fetches {
			t.Errorf("VerifyKey(%s) = %x, %v after %d fetches, want %v after %d", key.ID, got, err, *asked, wantErr, fetches)
		}
	}
	expect(one, nil, 1)
	expect(two, ErrUnknownKey, 1) // asked just now
	current = two
	w.pass(time.Minute)
	expect(one, nil, 1)
	expect(two, nil, 2)
	expect(one, ErrUnknownKey, 2)
	status = http.StatusBadGateway
	w.pass(time.Minute)
	expect(one, ErrUnknownKey, 3)
	expect(two, nil, 3)
	expect(one, ErrUnknownKey, 3)
	w.pass(time.Hour)
	expect(two, ErrUnreachable, 4)
}

func TestKeysOfUnreachableServers(t *testing.T) {
	w := newWorld(t)
	w.dns.host("inside.example", []string{"10.0.0.1"})
	for server, want := range map[matrix.ServerName]error{"1.2.3.5": ErrUnreachable, "nowhere.example": ErrUnreachable, "inside.example": ErrForbiddenAddress} {
		if _, err := w.client().ServerKeys(t.Context(), server); !errors.Is(err, want) || !strings.Contains(err.Error(), server.String()) {
			t.Errorf("ServerKeys(%q) = %v, want %v", server, err, want)
		}
	}
}

// Every key that comes out of a document signs, by the document's own proof, and
// no later than seven days from now.
func FuzzParseServerKeys(f *testing.F) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	f.Add([]byte(signed(f, keysOf("1.2.3.4", now.Add(time.Hour), one, two), home, one, two)))
	f.Add([]byte(signed(f, keysOf("1.2.3.4", now.Add(time.Hour), one, two), home, one)))
	f.Add([]byte(`{"server_name":"1.2.3.4","valid_until_ts":9999999999999,"verify_keys":{"ed25519:a":{"key":"AA"}},"signatures":[]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		keys, err := parseServerKeys(home, Response{Body: body}, now)
		if err != nil {
			if !errors.Is(err, ErrBadKeys) && !errors.Is(err, ErrBadAnswer) {
				t.Errorf("parseServerKeys(%q) = %v", body, err)
			}
			return
		}
		if len(keys.Verify) == 0 || !now.Before(keys.ValidUntil) || keys.ValidUntil.After(now.Add(keysLongest)) {
			t.Errorf("parseServerKeys(%q) = %v", body, keys)
		}
		for id, key := range keys.Verify {
			if err := matrix.Verify(home, id, key, body); err != nil {
				t.Errorf("key %s of %q did not sign it", id, body)
			}
		}
	})
}

// KeyAtHand answers what memory knows, failures and absence included, and asks nobody.
func TestKeyAtHand(t *testing.T) {
	w := newWorld(t)
	asked := 0
	w.serve("1.2.3.4:8448", func(rw http.ResponseWriter, r *http.Request) {
		asked++
		raw(signed(t, keysOf("1.2.3.4", w.now().Add(time.Hour), one), home, one))(rw, r)
	}, "1.2.3.4")
	c := w.client()
	atHand := func(when string, server matrix.ServerName, id matrix.KeyID, want error) {
		t.Helper()
		before := asked
		key, err := c.KeyAtHand(server, id)
		if !errors.Is(err, want) || err == nil && !bytes.Equal(key, one.Public()) || asked != before {
			t.Errorf("%s: KeyAtHand(%s, %s) = %x, %v after %d questions; want %v", when, server, id, key, err, asked-before, want)
		}
	}
	atHand("at first", home, one.ID, ErrNotAtHand)
	if _, err := c.VerifyKey(t.Context(), home, one.ID); err != nil {
		t.Fatal(err)
	}
	atHand("afterwards", home, one.ID, nil)
	atHand("an unknown key at once", home, two.ID, ErrUnknownKey)
	w.pass(keysShortest)
	atHand("an unknown key after a minute", home, two.ID, ErrNotAtHand)
	atHand("a known key after a minute", home, one.ID, nil)
	w.pass(time.Hour)
	atHand("after the document's end", home, one.ID, ErrNotAtHand)
	if _, err := c.VerifyKey(t.Context(), "9.9.9.9", one.ID); !errors.Is(err, ErrUnreachable) {
		t.Fatal(err)
	}
	atHand("after a failure", "9.9.9.9", one.ID, ErrUnreachable)
	w.pass(time.Minute)
	atHand("after the failure is forgotten", "9.9.9.9", one.ID, ErrNotAtHand)
}
