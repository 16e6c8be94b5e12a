package logkeys_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"signet/internal/matrix"
	"signet/keys/entry"
	"signet/keys/log"
	"signet/keys/logkeys"
	"signet/keys/value"
)

const origin = "id.example.org/users"

// person is a key of a log.
type person struct {
	note.Signer
	vkey string
}

func newPerson(t testing.TB, seed byte) person {
	t.Helper()
	s, vkey, err := log.NewSigner(origin, ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize)))
	if err != nil {
		t.Fatal(err)
	}
	return person{s, vkey}
}

func first(t testing.TB, keys ...person) logkeys.Config {
	t.Helper()
	c, err := logkeys.First(origin, vkeys(keys), "vrf", nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func vkeys(keys []person) (all []string) {
	for _, k := range keys {
		all = append(all, k.vkey)
	}
	return all
}

func signers(keys ...person) map[string]note.Signer {
	all := map[string]note.Signer{}
	for _, k := range keys {
		all[k.vkey] = k
	}
	return all
}

func next(t testing.TB, c logkeys.Config, by []person, keys ...person) logkeys.Config {
	t.Helper()
	n, err := c.Next(logkeys.Change{VKeys: vkeys(keys), Position: 7, Signers: signers(by...)})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// A key is replaced: the CONFIGs lead from the first to the last, and each says who signs.
func TestAKeyIsReplaced(t *testing.T) {
	a, b := newPerson(t, 1), newPerson(t, 2)
	begun := first(t, a)
	both := next(t, begun, []person{a, b}, b, a)
	alone := next(t, both, []person{a, b}, b)
	for i, c := range []logkeys.Config{both, alone} {
		if err := []logkeys.Config{begun, both}[i].CheckNext(c); err != nil {
			t.Errorf("CONFIG %d: %v", i+1, err)
		}
		if err := errors.Join(c.CheckSelf(), c.CheckPlace(7)); err != nil {
			t.Errorf("CONFIG %d: %v", i+1, err)
		}
		again, err := logkeys.Parse(c.Entry(), origin)
		if err != nil || !bytes.Equal(again.JSON(), c.JSON()) || len(again.Verifiers()) != len(c.VKeys) {
			t.Errorf("CONFIG %d is read again as %s, %v", i+1, again.JSON(), err)
		}
	}
	for who, want := range map[person]bool{a: true, b: true, newPerson(t, 3): false} {
		v, err := note.NewVerifier(who.vkey)
		if err != nil {
			t.Fatal(err)
		}
		if alone.SignedBy(v) != want {
			t.Errorf("SignedBy(%s) = %t", who.vkey, !want)
		}
	}
	if begun.CheckSelf() == nil {
		t.Error("the first CONFIG is signed")
	}
}

// Nobody makes the next CONFIG alone, out of its place, or for another log.
func TestCONFIGsThatDoNotFollow(t *testing.T) {
	a, b, thief := newPerson(t, 1), newPerson(t, 2), newPerson(t, 3)
	begun := first(t, a)
	both := next(t, begun, []person{a, b}, b, a)
	alone := next(t, both, []person{a, b}, b)
	other, err := logkeys.First(origin, vkeys([]person{a}), "another vrf", nil)
	if err != nil {
		t.Fatal(err)
	}
	nameless, err := logkeys.First(origin, nil, "vrf", nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string][2]logkeys.Config{
		"one that its new key alone has signed":                            {begun, without(t, both, a)},
		"one that its old key alone has signed":                            {begun, without(t, both, b)},
		"one of whoever stole one of two keys":                             {both, without(t, next(t, both, []person{a, b, thief}, thief), b)},
		"one that names the thief beside the owner, unsigned by the owner": {both, without(t, next(t, both, []person{a, b, thief}, thief, b), b)},
		"one that follows on an earlier one":                               {alone, both},
		"the same again":                                                   {both, both},
		"a first one again":                                                {both, begun},
		"one that leaves one out":                                          {begun, alone},
		"another VRF key":                                                  {other, next(t, begun, []person{a, b}, b)},
		"no key any more":                                                  {begun, nameless},
		"after one without keys":                                           {nameless, both},
		"a stranger's signature beside":                                    {begun, alter(t, both, "signatures", func(m map[string]any) { m[thief.vkey] = m[a.vkey] })},
		"a signature of another":                                           {begun, alter(t, both, "signatures", func(m map[string]any) { m[a.vkey] = m[b.vkey] })},
		"a signature in another spelling":                                  {begun, alter(t, both, "signatures", func(m map[string]any) { m[a.vkey] = m[a.vkey].(string) + "==" })},
		"a member that nobody has signed":                                  {begun, alter(t, both, "", func(m map[string]any) { m["zeal"] = "none" })},
		"keys in another order":                                            {begun, alter(t, both, "", func(m map[string]any) { m["vkeys"] = vkeys([]person{a, b}) })},
	} {
		if err := c[0].CheckNext(c[1]); !errors.Is(err, logkeys.ErrVouched) {
			t.Errorf("%s: CheckNext = %v, want %v", name, err, logkeys.ErrVouched)
		}
	}
	if _, err := begun.Next(logkeys.Change{VKeys: vkeys([]person{b}), Signers: signers(b)}); err == nil {
		t.Error("a CONFIG was made that the old key has not signed")
	}
}

// What is revoked was a key, is none any more, and is so from the CONFIG's own place on.
func TestAKeyIsRevoked(t *testing.T) {
	a, b, stranger := newPerson(t, 1), newPerson(t, 2), newPerson(t, 3)
	begun := first(t, a)
	revoke := func(of person, keys ...person) logkeys.Config {
		t.Helper()
		c, err := begun.Next(logkeys.Change{VKeys: vkeys(keys), Revoked: []string{of.vkey}, Position: 302, Signers: signers(a, b)})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	c := revoke(a, b)
	if err := errors.Join(begun.CheckNext(c), c.CheckPlace(302)); err != nil || c.Revoked[a.vkey] != 302 {
		t.Errorf("revoked is %v, %v", c.Revoked, err)
	}
	if err := c.CheckPlace(301); !errors.Is(err, logkeys.ErrVouched) {
		t.Errorf("in another place: %v", err)
	}
	for name, c := range map[string]logkeys.Config{"a key that stays": revoke(a, a, b), "a stranger's": revoke(stranger, b)} {
		if err := begun.CheckNext(c); !errors.Is(err, logkeys.ErrVouched) {
			t.Errorf("%s is revoked: %v", name, err)
		}
	}
}

// valueKey is a key by which a server signs values.
func valueKey(seed byte) ed25519.PublicKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize)).Public().(ed25519.PublicKey)
}

// A CONFIG names keys for values, the first one too, and the keys of the log have signed them as
// they have all else in it. One that names none is as it was before there were any.
func TestKeysForValuesAreNamed(t *testing.T) {
	a := newPerson(t, 1)
	one, two := value.ServerKeys{"ed25519:one": valueKey(7)}, value.ServerKeys{"ed25519:two": valueKey(8), "ed25519:three": valueKey(9)}
	begun, err := logkeys.First(origin, vkeys([]person{a}), "vrf", one)
	if err != nil {
		t.Fatal(err)
	}
	c, err := begun.Next(logkeys.Change{VKeys: vkeys([]person{a}), Values: two, Signers: signers(a)})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []value.ServerKeys{one, two} {
		again, err := logkeys.Parse([]logkeys.Config{begun, c}[i].Entry(), origin)
		if err != nil || !reflect.DeepEqual(again.ValueKeys(), want) {
			t.Errorf("CONFIG %d names %v, %v; want %v", i, again.ValueKeys(), err, want)
		}
	}
	if err := begun.CheckNext(c); err != nil {
		t.Error(err)
	}
	evil := alter(t, c, "value_keys", func(m map[string]any) { m["ed25519:two"] = matrix.EncodeBase64(valueKey(66)) })
	more := alter(t, c, "value_keys", func(m map[string]any) { m["ed25519:evil"] = matrix.EncodeBase64(valueKey(66)) })
	less := alter(t, c, "", func(m map[string]any) { delete(m, "value_keys") })
	for what, c := range map[string]logkeys.Config{"another key": evil, "one more": more, "none": less} {
		if err := begun.CheckNext(c); !errors.Is(err, logkeys.ErrVouched) {
			t.Errorf("with %s for values it follows: %v", what, err)
		}
	}
	if plain := next(t, begun, []person{a}, a); len(plain.ValueKeys()) != 0 || bytes.Contains(plain.JSON(), []byte("value_keys")) {
		t.Errorf("one without keys for values is %s", plain.JSON())
	}
}

// alter changes a member of a CONFIG, or the whole, and keeps the signatures.
func alter(t testing.TB, c logkeys.Config, member string, change func(map[string]any)) logkeys.Config {
	t.Helper()
	var object map[string]any
	if err := json.Unmarshal(c.JSON(), &object); err != nil {
		t.Fatal(err)
	}
	of := object
	if member != "" {
		of = object[member].(map[string]any)
	}
	change(of)
	text, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	e, err := entry.NewConfig(text)
	if err != nil {
		t.Fatal(err)
	}
	altered, err := logkeys.Parse(e, origin)
	if err != nil {
		t.Fatal(err)
	}
	return altered
}

func without(t testing.TB, c logkeys.Config, who person) logkeys.Config {
	t.Helper()
	return alter(t, c, "signatures", func(m map[string]any) { maps.DeleteFunc(m, func(k string, _ any) bool { return k == who.vkey }) })
}

// What is no CONFIG of the log is none, and keys have one spelling.
func TestWhatIsNoConfig(t *testing.T) {
	a := newPerson(t, 1)
	stranger, err := note.NewEd25519VerifierKey("other.example/users", make([]byte, ed25519.PublicKeySize))
	if err != nil {
		t.Fatal(err)
	}
	values := func(members string) string { return `{"origin":"` + origin + `","value_keys":` + members + `}` }
	good, low, short := matrix.EncodeBase64(valueKey(7)), matrix.EncodeBase64(append([]byte{1}, make([]byte, 31)...)), matrix.EncodeBase64(valueKey(7)[:31])
	odd := valueKey(7)
	for i := byte(8); !strings.ContainsAny(matrix.EncodeBase64(odd), "+/"); i++ {
		odd = valueKey(i)
	}
	var crowd []string
	for i := range byte(logkeys.MaxValueKeys + 1) {
		crowd = append(crowd, fmt.Sprintf(`"ed25519:%d":"%s"`, i, matrix.EncodeBase64(valueKey(i))))
	}
	many := strings.TrimSuffix(strings.Repeat(`"`+a.vkey+`",`, logkeys.MaxKeys+1), ",")
	for name, object := range map[string]string{
		"another log's":              `{"origin":"other.example/users"}`,
		"nobody's":                   `{}`,
		"an origin that is a number": `{"origin":1}`,
		"a stranger's key":           `{"origin":"` + origin + `","vkeys":["` + stranger + `"]}`,
		"a key that is none":         `{"origin":"` + origin + `","vkeys":["` + origin + `"]}`,
		"a key with another hash":    `{"origin":"` + origin + `","vkeys":["` + strings.Replace(a.vkey, a.vkey[len(origin)+1:len(origin)+9], "00000000", 1) + `"]}`,
		"a key in another spelling":  `{"origin":"` + origin + `","vkeys":["` + strings.Replace(a.vkey, a.vkey[len(origin)+1:len(origin)+9], strings.ToUpper(a.vkey[len(origin)+1:len(origin)+9]), 1) + `X"]}`,
		"a key twice":                `{"origin":"` + origin + `","vkeys":["` + a.vkey + `","` + a.vkey + `"]}`,
		"too many keys":              `{"origin":"` + origin + `","vkeys":[` + many + `]}`,
		"keys for values in a list":  values(`["` + good + `"]`),
		"one that is a number":       values(`{"ed25519:one":1}`),
		"one that is null":           values(`{"ed25519:one":null}`),
		"one of no id":               values(`{"one":"` + good + `"}`),
		"one of another algorithm":   values(`{"curve25519:one":"` + good + `"}`),
		"one with padding":           values(`{"ed25519:one":"` + good + `="}`),
		"one in another alphabet":    values(`{"ed25519:one":"` + strings.NewReplacer("+", "-", "/", "_").Replace(matrix.EncodeBase64(odd)) + `"}`),
		"one that is too short":      values(`{"ed25519:one":"` + short + `"}`),
		"one of low order":           values(`{"ed25519:one":"` + low + `"}`),
		"one that is no point":       values(`{"ed25519:one":"` + matrix.EncodeBase64(append([]byte{2}, make([]byte, 31)...)) + `"}`),
		"too many of them":           values(`{` + strings.Join(crowd, ",") + `}`),
	} {
		e, err := entry.NewConfig([]byte(object))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if c, err := logkeys.Parse(e, origin); !errors.Is(err, logkeys.ErrConfig) {
			t.Errorf("%s is taken: %s, %v", name, c.JSON(), err)
		}
	}
}

// Whatever a CONFIG is, it does not follow on one whose keys have not signed it, and what is
// taken is read again as it was.
func FuzzConfig(f *testing.F) {
	a, b := newPerson(f, 1), newPerson(f, 2)
	begun := first(f, a)
	good := next(f, begun, []person{a, b}, b, a)
	f.Add(begun.JSON())
	f.Add(good.JSON())
	named, err := begun.Next(logkeys.Change{VKeys: vkeys([]person{b, a}), Values: value.ServerKeys{"ed25519:one": valueKey(7)}, Signers: signers(a, b)})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(named.JSON())
	f.Fuzz(func(t *testing.T, object []byte) {
		e, err := entry.NewConfig(object)
		if err != nil {
			return
		}
		c, err := logkeys.Parse(e, origin)
		if err != nil {
			return
		}
		if len(c.Verifiers()) != len(c.VKeys) || len(c.VKeys) > logkeys.MaxKeys || c.Origin != origin {
			t.Fatalf("%s is taken", object)
		}
		if len(c.ValueKeys()) > logkeys.MaxValueKeys || len(c.ValueKeys()) != len(c.Values) {
			t.Fatalf("%s is taken", object)
		}
		for id, key := range c.ValueKeys() {
			if value.CheckServerKey(id, key) != nil || c.Values[id] != matrix.EncodeBase64(key) {
				t.Fatalf("%s is taken for %v", object, c.ValueKeys())
			}
		}
		if begun.CheckNext(c) == nil && !bytes.Equal(object, good.JSON()) && !bytes.Equal(object, named.JSON()) {
			t.Fatalf("%s follows", object)
		}
	})
}
