package value_test

import (
	"crypto/ecdh"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"signet/internal/matrix"
	"signet/keys/entry"
	"signet/keys/value"
)

var (
	now    = time.UnixMilli(1_763_700_000_000)
	b64    = base64.RawStdEncoding.EncodeToString
	device = b64(append([]byte{9}, make([]byte, 31)...)) // the base point of Curve25519
	server = matrix.SigningKey{ID: "ed25519:0", Private: key(200)}
)

const serverName matrix.ServerName = "id.example.org"

func key(i byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(append([]byte{i}, make([]byte, 31)...))
}

func public(k ed25519.PrivateKey) string { return b64(k.Public().(ed25519.PublicKey)) }

// object is JSON in the making.
type object map[string]any

func (o object) json(t testing.TB) []byte {
	t.Helper()
	b, err := json.Marshal(o, json.Deterministic(true))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// draft is what a client publishes, not signed yet.
func draft(version int, keys object) object {
	return object{"type": "im.signet.keys.user.v1", "label": "email:alice@example.com", "version": version, "mxid": "@alice:example.com",
		"keys": keys, "not_before": now.UnixMilli(), "not_after": now.Add(time.Hour).UnixMilli()}
}

// sign adds signatures by keys to a draft.
func (o object) sign(t testing.TB, who string, by map[string]ed25519.PrivateKey) object {
	t.Helper()
	rest := maps.Clone(o)
	delete(rest, "auth")
	delete(rest, "signatures")
	signatures := object{}
	for id, k := range by {
		signatures[id] = b64(ed25519.Sign(k, rest.json(t)))
	}
	signed := maps.Clone(o)
	all, _ := signed["signatures"].(object)
	all = maps.Clone(all)
	if all == nil {
		all = object{}
	}
	all[who] = signatures
	signed["signatures"] = all
	return signed
}

func parsed(t testing.TB, o object) *value.User {
	t.Helper()
	u, err := value.ParseUser(o.json(t))
	if err != nil {
		t.Fatalf("ParseUser(%s) = %v", o.json(t), err)
	}
	return u
}

func first(t testing.TB) object {
	return draft(0, object{"ed25519:master": public(key(1)), "curve25519:PHONE": device}).
		sign(t, "self", map[string]ed25519.PrivateKey{"ed25519:master": key(1)})
}

// second replaces the key of first, signed by the old one.
func second(t testing.TB) object {
	o := draft(1, object{"ed25519:master": public(key(2))})
	o["prev"] = parsed(t, first(t)).Hash()
	return o.sign(t, "self", map[string]ed25519.PrivateKey{"ed25519:master": key(2)}).
		sign(t, "prev", map[string]ed25519.PrivateKey{"ed25519:master": key(1)})
}

func published(t testing.TB, o object, how value.How) *value.User {
	t.Helper()
	draft, err := parsed(t, o).WithAuth(value.Auth{How: how, TS: now.UnixMilli()})
	if err != nil {
		t.Fatal(err)
	}
	signed, err := server.Sign(serverName, draft)
	if err != nil {
		t.Fatal(err)
	}
	u, err := value.ParseUser(signed)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

var serverKeys = value.ServerKeys{server.ID: server.Public()}

func TestAKeyIsPublishedAndReplaced(t *testing.T) {
	one := published(t, first(t), value.BySession)
	o := second(t)
	o["prev"] = one.Hash()
	delete(o, "signatures")
	o = o.sign(t, "self", map[string]ed25519.PrivateKey{"ed25519:master": key(2)}).sign(t, "prev", map[string]ed25519.PrivateKey{"ed25519:master": key(1)})
	two := published(t, o, value.ByPreviousKey)
	for i, u := range []*value.User{one, two} {
		label, err := entry.ParseLabel("email:alice@example.com")
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(u.About(label, uint32(i)), u.ValidAt(now, 0), u.CheckSelf(), u.CheckServer(serverName, serverKeys)); err != nil {
			t.Errorf("version %d: %v", i, err)
		}
		if err := u.About(label, uint32(i+1)); !errors.Is(err, value.ErrOther) {
			t.Errorf("version %d is taken for %d: %v", i, i+1, err)
		}
	}
	if err := two.CheckPrevious(one); err != nil {
		t.Error(err)
	}
	if err := one.CheckPrevious(two); !errors.Is(err, value.ErrPrevious) {
		t.Errorf("the first follows on the second: %v", err)
	}
}

func TestWhatAClientSendsIsNotTakenFromIt(t *testing.T) {
	o := first(t)
	o["auth"] = object{"how": "recovery", "ts": 1}
	o = o.sign(t, serverName.String(), map[string]ed25519.PrivateKey{"ed25519:0": key(3)})
	o = o.sign(t, "mallory", map[string]ed25519.PrivateKey{"ed25519:0": key(3)})
	draft, err := parsed(t, o).WithAuth(value.Auth{How: value.BySession, TS: 5})
	if err != nil {
		t.Fatal(err)
	}
	if text := string(draft); !strings.Contains(text, `"auth":{"how":"session","ts":5}`) || strings.Contains(text, "mallory") || strings.Contains(text, serverName.String()) {
		t.Errorf("to be signed by the server: %s", text)
	}
}

func TestSelfHasToSign(t *testing.T) {
	two := object{"ed25519:master": public(key(1)), "ed25519:PHONE": public(key(2))}
	tests := []struct {
		name string
		by   map[string]ed25519.PrivateKey
		good bool
	}{
		{"all", map[string]ed25519.PrivateKey{"ed25519:master": key(1), "ed25519:PHONE": key(2)}, true},
		{"none", nil, false},
		{"one", map[string]ed25519.PrivateKey{"ed25519:master": key(1)}, false},
		{"one more", map[string]ed25519.PrivateKey{"ed25519:master": key(1), "ed25519:PHONE": key(2), "ed25519:x": key(3)}, false},
		{"another in place of one", map[string]ed25519.PrivateKey{"ed25519:master": key(1), "ed25519:x": key(2)}, false},
		{"each for the other", map[string]ed25519.PrivateKey{"ed25519:master": key(2), "ed25519:PHONE": key(1)}, false},
	}
	for _, test := range tests {
		err := parsed(t, draft(0, two).sign(t, "self", test.by)).CheckSelf()
		if test.good != (err == nil) || err != nil && !errors.Is(err, value.ErrSignature) {
			t.Errorf("%s have signed: %v", test.name, err)
		}
	}
	o := draft(0, two).sign(t, "self", map[string]ed25519.PrivateKey{"ed25519:master": key(1), "ed25519:PHONE": key(2)})
	o["mxid"] = "@mallory:example.com"
	if err := parsed(t, o).CheckSelf(); !errors.Is(err, value.ErrSignature) {
		t.Errorf("CheckSelf of what was changed after it was signed = %v", err)
	}
}

func TestPreviousHasToSign(t *testing.T) {
	before := parsed(t, first(t))
	tests := []struct {
		name   string
		change func(o object) object
		want   error
	}{
		{"as it is", func(o object) object { return o }, nil},
		{"not signed, and not said to be", func(o object) object { delete(o["signatures"].(object), "prev"); return o }, nil},
		{"signed by a stranger", func(o object) object {
			return o.sign(t, "prev", map[string]ed25519.PrivateKey{"ed25519:master": key(9)})
		}, value.ErrSignature},
		{"signed by the new key", func(o object) object {
			return o.sign(t, "prev", map[string]ed25519.PrivateKey{"ed25519:master": key(2)})
		}, value.ErrSignature},
		{"signed by a key that was not there", func(o object) object {
			return o.sign(t, "prev", map[string]ed25519.PrivateKey{"ed25519:master": key(1), "ed25519:x": key(1)})
		}, value.ErrSignature},
		{"signed by a key that cannot", func(o object) object {
			return o.sign(t, "prev", map[string]ed25519.PrivateKey{"curve25519:PHONE": key(1)})
		}, value.ErrSignature},
		{"names another", func(o object) object { o["prev"] = b64(make([]byte, 32)); return o }, value.ErrPrevious},
		{"signed, and names none", func(o object) object { delete(o, "prev"); return o }, value.ErrPrevious},
		{"a reset that names none", func(o object) object { delete(o, "prev"); delete(o["signatures"].(object), "prev"); return o }, nil},
		{"skips a version", func(o object) object { o["version"] = 2; return o }, value.ErrPrevious},
		{"another label", func(o object) object { o["label"] = "email:bob@example.com"; return o }, value.ErrPrevious},
	}
	for _, test := range tests {
		if err := parsed(t, test.change(second(t))).CheckPrevious(before); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", test.name, err, test.want)
		}
	}
}

// Whoever has a device alone must not replace the master key.
func TestADeviceDoesNotReplaceTheMaster(t *testing.T) {
	before := parsed(t, draft(0, object{"ed25519:master": public(key(1)), "ed25519:PHONE": public(key(2))}))
	o := draft(1, object{"ed25519:master": public(key(3))})
	o["prev"] = before.Hash()
	o = o.sign(t, "prev", map[string]ed25519.PrivateKey{"ed25519:PHONE": key(2)})
	if err := parsed(t, o).CheckPrevious(before); !errors.Is(err, value.ErrSignature) {
		t.Errorf("CheckPrevious = %v", err)
	}
	before = parsed(t, draft(0, object{"ed25519:PHONE": public(key(2))}))
	o["prev"] = before.Hash()
	o = o.sign(t, "prev", map[string]ed25519.PrivateKey{"ed25519:PHONE": key(2)})
	if err := parsed(t, o).CheckPrevious(before); err != nil {
		t.Errorf("CheckPrevious without a master = %v", err)
	}
	delete(o, "signatures")
	if err := parsed(t, o).CheckPreviousKeys(before.Keys); !errors.Is(err, value.ErrSignature) {
		t.Errorf("CheckPreviousKeys of what none has signed = %v", err)
	}
}

func TestTheServerHasToSign(t *testing.T) {
	good := published(t, first(t), value.BySession)
	if err := good.CheckServer("id.example.com", serverKeys); !errors.Is(err, value.ErrSignature) {
		t.Errorf("another server: %v", err)
	}
	if err := good.CheckServer(serverName, value.ServerKeys{"ed25519:0": key(3).Public().(ed25519.PublicKey)}); !errors.Is(err, value.ErrSignature) {
		t.Errorf("another key of that id: %v", err)
	}
	if err := good.CheckServer(serverName, value.ServerKeys{"ed25519:1": server.Public()}); !errors.Is(err, value.ErrSignature) {
		t.Errorf("a key of another id: %v", err)
	}
	if err := parsed(t, first(t)).CheckServer(serverName, serverKeys); !errors.Is(err, value.ErrSignature) {
		t.Errorf("a draft: %v", err)
	}
	o := first(t)
	o["auth"] = object{"how": "session", "ts": 1}
	if err := parsed(t, o).CheckServer(serverName, serverKeys); !errors.Is(err, value.ErrSignature) {
		t.Errorf("no signature: %v", err)
	}
	o = o.sign(t, "mallory.example", map[string]ed25519.PrivateKey{"ed25519:0": key(3)})
	signed, err := server.Sign(serverName, o.json(t))
	if err != nil {
		t.Fatal(err)
	}
	u, err := value.ParseUser(signed)
	if err != nil {
		t.Fatal(err)
	}
	if err := u.CheckServer(serverName, serverKeys); !errors.Is(err, value.ErrSignature) {
		t.Errorf("a stranger's signature beside it: %v", err)
	}
}

func TestRevocation(t *testing.T) {
	o := draft(1, object{})
	o["revoked"] = "lost"
	if err := parsed(t, o).CheckSelf(); err != nil {
		t.Errorf("CheckSelf = %v", err)
	}
	signed := o.sign(t, "self", map[string]ed25519.PrivateKey{"ed25519:master": key(1)})
	if err := parsed(t, signed).CheckSelf(); !errors.Is(err, value.ErrSignature) {
		t.Errorf("CheckSelf of a revocation with a key's signature = %v", err)
	}
}

func TestValidAt(t *testing.T) {
	u := parsed(t, first(t))
	for at, want := range map[time.Duration]error{
		-5*time.Minute - 1: value.ErrNotYet, -5 * time.Minute: nil, 0: nil, time.Hour: nil, time.Hour + 1: value.ErrExpired,
	} {
		if err := u.ValidAt(now.Add(at), 5*time.Minute); !errors.Is(err, want) {
			t.Errorf("ValidAt(%v) = %v, want %v", at, err, want)
		}
	}
}

func TestParseUserRefuses(t *testing.T) {
	set := func(name string, to any) func(object) { return func(o object) { o[name] = to } }
	drop := func(name string) func(object) { return func(o object) { delete(o, name) } }
	many := object{}
	for i := range 33 {
		many[fmt.Sprintf("ed25519:%d", i)] = public(key(byte(i)))
	}
	tests := map[string]func(object){
		"no label": drop("label"), "no version": drop("version"), "no keys": drop("keys"), "no not_before": drop("not_before"),
		"unknown member": set("x", 1), "null for nothing": set("prev", nil), "empty for nothing": set("mxid", ""), "zero for nothing": set("not_after", 0),
		"label not canonical": set("label", "email:Alice@example.com"), "label of no medium": set("label", "x:y"), "label of a binding": set("label", "binding:email:alice@example.com"), "bad mxid": set("mxid", "alice"),
		"version too great": set("version", 1<<32), "version negative": set("version", -1), "version as text": set("version", "0"),
		"neither keys nor reason": set("keys", object{}), "keys and reason": set("revoked", "lost"), "33 keys": set("keys", many),
		"only keys that cannot sign": set("keys", object{"curve25519:PHONE": device}), "keys as a list": set("keys", []any{}),
		"ends before it begins": set("not_after", now.UnixMilli()), "negative time": set("not_before", -1),
		"prev in the first version": set("prev", b64(make([]byte, 32))), "signed by prev in the first version": set("signatures", object{"prev": object{"ed25519:master": "x"}}),
		"unknown way": set("auth", object{"how": "magic", "ts": 1}), "by the previous key, without its signature": set("auth", object{"how": "prev-key", "ts": 1}),
		"auth with more": set("auth", object{"how": "session", "ts": 1, "x": 1}), "auth without time": set("auth", object{"how": "session"}),
		"four signers":     set("signatures", object{"a": object{}, "b": object{}, "c": object{}, "d": object{}}),
		"long signature":   set("signatures", object{"self": object{"ed25519:master": strings.Repeat("A", 200)}}),
		"33 signatures":    set("signatures", object{"self": many}),
		"more than 16 KiB": set("signatures", object{"self": object{strings.Repeat("A", 16<<10): ""}}),
	}
	for name, change := range tests {
		o := draft(0, object{"ed25519:master": public(key(1))})
		parsed(t, o)
		change(o)
		if _, err := value.Parse(o.json(t)); !errors.Is(err, value.ErrValue) {
			t.Errorf("%s: %v, want ErrValue", name, err)
		}
	}
	twice := strings.Replace(string(first(t).json(t)), `"version":0`, `"version":0,"version":0`, 1)
	if _, err := value.Parse([]byte(twice)); !errors.Is(err, value.ErrValue) {
		t.Errorf("member twice: %v", err)
	}
	o := draft(0, object{"ed25519:master": public(key(1))})
	o["label"] = "mxid:@bob:example.com"
	if _, err := value.Parse(o.json(t)); !errors.Is(err, value.ErrValue) {
		t.Errorf("mxid of another than the label: %v", err)
	}
}

func TestKeys(t *testing.T) {
	good := key(1).Public().(ed25519.PublicKey)
	point := func(s string) string {
		b, err := hex.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		return b64(b)
	}
	ff := strings.Repeat("ff", 30)
	tests := map[string]map[string]string{
		"ed25519": {
			"empty": "", "31 octets": b64(good[:31]), "33 octets": b64(append(slices.Clone(good), 0)), "padded": b64(good) + "=", "line end": b64(good)[:20] + "\n" + b64(good)[20:],
			"unused bits": b64(good)[:42] + string(b64(good)[42]+1), "URL-safe": strings.Repeat("_", 42) + "8",
			"identity": point("01" + strings.Repeat("00", 31)), "order 2": point("ec" + ff + "7f"), "order 4": point(strings.Repeat("00", 32)),
			"order 8":                 point("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
			"no point":                point("02" + strings.Repeat("00", 31)),
			"identity, not canonical": point("ee" + ff + "7f"), "y of 3 plus the prime": point("f0" + ff + "7f"), "minus zero": point("01" + strings.Repeat("00", 30) + "80"),
		},
		"curve25519": {
			"zero": point(strings.Repeat("00", 32)), "one": point("01" + strings.Repeat("00", 31)), "order 2": point("ec" + ff + "7f"),
			"order 8":            point("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
			"order 8, the other": point("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
			"prime":              point("ed" + ff + "7f"), "9, with the top bit": point("09" + strings.Repeat("00", 30) + "80"), "prime plus 9": point("f6" + ff + "7f"), "31 octets": b64(good[:31]),
		},
	}
	for kind, texts := range tests {
		for name, text := range texts {
			o := draft(0, object{"ed25519:master": public(key(1)), kind + ":x": text})
			if _, err := value.ParseUser(o.json(t)); !errors.Is(err, value.ErrValue) {
				t.Errorf("%s key, %s: %v, want ErrValue", kind, name, err)
			}
		}
	}
	for _, id := range []string{"rsa:x", "ed25519:", "ed25519", ":x", "", `ed25519:"`, "ed25519:a b", "ed25519:" + strings.Repeat("a", 129), "Ed25519:x"} {
		if value.KeyID(id).Kind() != nil {
			t.Errorf("%q has a kind", id)
		}
	}
}

// crypto/ecdh is a second opinion on which keys come to nothing.
func TestLowOrderKeysComeToNothing(t *testing.T) {
	private, err := ecdh.X25519().NewPrivateKey(append([]byte{7}, make([]byte, 31)...))
	if err != nil {
		t.Fatal(err)
	}
	kind := value.KeyID("curve25519:x").Kind()
	refused := 0
	for _, text := range []string{
		strings.Repeat("00", 32), "01" + strings.Repeat("00", 31), "ec" + strings.Repeat("ff", 30) + "7f", "09" + strings.Repeat("00", 31),
		"e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800", "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
	} {
		b, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		theirs, err := ecdh.X25519().NewPublicKey(b)
		if err != nil {
			t.Fatal(err)
		}
		_, agreed := private.ECDH(theirs)
		if checked := kind.Check(b); (checked == nil) != (agreed == nil) {
			t.Errorf("%s: Check = %v, ECDH = %v", text, checked, agreed)
		}
		if agreed != nil {
			refused++
		}
	}
	if refused != 5 {
		t.Errorf("%d are of low order, want 5", refused)
	}
}

// What is taken has one spelling, and says the same whoever reads it.
func FuzzParse(f *testing.F) {
	f.Add(first(f).json(f))
	f.Add(second(f).json(f))
	f.Add(published(f, first(f), value.BySession).JSON())
	f.Add(published(f, crossSigned(f), value.ByHomeserver).JSON())
	f.Add([]byte(`{"ts":1763700000000,"type":"im.signet.keys.erased.v1","version":7}`))
	f.Add([]byte(`{"address":"alice@example.com","medium":"email","mxid":null,"not_before":1,"signatures":{"id.example.org":{"ed25519:0":"x"}},"ts":1}`))
	f.Fuzz(func(t *testing.T, input []byte) {
		v, err := value.Parse(input)
		if err != nil {
			if v != nil || !errors.Is(err, value.ErrValue) {
				t.Fatalf("Parse(%q) = %v, %v", input, v, err)
			}
			return
		}
		if string(v.JSON()) != string(input) || entry.CheckObject(input) != nil {
			t.Fatalf("Parse(%q) gives %q", input, v.JSON())
		}
		_ = v.CheckServer(serverName, serverKeys)
		u, ok := v.(*value.User)
		if !ok {
			return
		}
		_ = u.CheckSelf()
		_ = u.CheckPrevious(u)
		if draft, err := u.WithAuth(value.Auth{How: value.BySession, TS: 1}); err == nil {
			if again, err := value.ParseUser(draft); err != nil || again.Label != u.Label || again.Version != u.Version || len(again.Keys) != len(u.Keys) {
				t.Fatalf("WithAuth of %q = %q, %v", input, draft, err)
			}
		}
	})
}

func BenchmarkParseAndCheck(b *testing.B) {
	object := published(b, first(b), value.BySession).JSON()
	for b.Loop() {
		u, err := value.ParseUser(object)
		if err == nil {
			err = errors.Join(u.CheckSelf(), u.CheckServer(serverName, serverKeys))
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}
