package value_test

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"maps"
	"os"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/matrix"
	"signet/keys/entry"
	"signet/keys/value"
)

const alice matrix.UserID = "@alice:example.com"

// upload is what a client sends to /keys/device_signing/upload.
type upload struct {
	Master      jsontext.Value `json:"master_key"`
	SelfSigning jsontext.Value `json:"self_signing_key"`
	UserSigning jsontext.Value `json:"user_signing_key"`
}

// stock is what a client that knows nothing of the directory has uploaded.
func stock(t testing.TB) (u upload) {
	t.Helper()
	b, err := os.ReadFile("testdata/uploaded.json")
	if err == nil {
		err = json.Unmarshal(b, &u)
	}
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func (u upload) draft() value.Draft {
	return value.Draft{User: alice, NotBefore: now, Master: u.Master, SelfSigning: u.SelfSigning, UserSigning: u.UserSigning}
}

// The keys of a client that has no code of ours become a value that whoever looks it up can
// check, without its devices' signatures.
func TestAStockClientsKeys(t *testing.T) {
	made, err := value.FromCrossSigning(stock(t).draft())
	if err != nil {
		t.Fatal(err)
	}
	draft, err := value.ParseUser(made)
	if err != nil {
		t.Fatal(err)
	}
	object, err := draft.WithAuth(value.Auth{How: value.ByHomeserver, TS: now.UnixMilli()})
	if err != nil {
		t.Fatal(err)
	}
	signed, err := server.Sign(serverName, object)
	if err != nil {
		t.Fatal(err)
	}
	u, err := value.ParseUser(signed)
	if err == nil {
		err = errors.Join(u.CheckSelf(), u.CheckServer(serverName, serverKeys), u.ValidAt(now, 0))
	}
	if err != nil {
		t.Fatal(err)
	}
	for id, want := range map[value.KeyID]string{value.Master: "xzWUIYg2ro2NBlOhSjPN5rwmLkcfruJXDjhRfO9q4Js",
		value.SelfSigning: "ubeicV4AoDerrTn6UgWZfEAbLq/Kq3xi1eKSgfx3caw", value.UserSigning: "HdKkc99IftBObr4z8hoiirf2aQc5oViwRyvbVI4cGy8"} {
		if b64(u.Keys[id]) != want {
			t.Errorf("%s is %s, want %s", id, b64(u.Keys[id]), want)
		}
	}
	if len(u.Keys) != 3 || !u.CrossSigned() || u.MXID != alice || u.Label.String() != "mxid:@alice:example.com" || bytes.Contains(signed, []byte("PHONE")) {
		t.Errorf("the value is %s", signed)
	}
}

// A user-signing key may be missing; what is added where no signature reaches is left out.
func TestWhatIsLeftOutOfKeys(t *testing.T) {
	d := stock(t).draft()
	d.UserSigning = nil
	without, err := value.FromCrossSigning(d)
	if err != nil {
		t.Fatal(err)
	}
	if u, err := value.ParseUser(without); err != nil || len(u.Keys) != 2 || !u.CrossSigned() {
		t.Errorf("without a user-signing key: %s, %v", without, err)
	}
	add := func(key jsontext.Value, member string) jsontext.Value {
		return jsontext.Value(strings.Replace(string(key), "{", "{"+member+",", 1))
	}
	d.Master, d.SelfSigning = add(d.Master, `"unsigned":{"x":[1]}`), add(d.SelfSigning, `"unsigned":null`)
	d.SelfSigning = jsontext.Value(strings.Replace(string(d.SelfSigning), `"signatures":{`, `"signatures":{"@eve:example.com":{"ed25519:x":"junk"},`, 1))
	if again, err := value.FromCrossSigning(d); err != nil || !bytes.Equal(again, without) {
		t.Errorf("with more that is not signed: %s, %v, want %s", again, err, without)
	}
}

func TestFromCrossSigningRefuses(t *testing.T) {
	replace := func(key *jsontext.Value, old, by string) {
		if !strings.Contains(string(*key), old) {
			t.Fatalf("%s has no %s", *key, old)
		}
		*key = jsontext.Value(strings.Replace(string(*key), old, by, 1))
	}
	tests := map[string]struct {
		change func(*value.Draft)
		want   error
	}{
		"another user's":             {func(d *value.Draft) { d.User = "@mallory:example.com" }, value.ErrValue},
		"of no user":                 {func(d *value.Draft) { d.User = "mallory" }, entry.ErrLabel},
		"of too long a name":         {func(d *value.Draft) { d.User = matrix.UserID("@" + strings.Repeat("a", 240) + ":example.com") }, entry.ErrLabel},
		"no master":                  {func(d *value.Draft) { d.Master = nil }, value.ErrValue},
		"no self-signing key":        {func(d *value.Draft) { d.SelfSigning = nil }, value.ErrValue},
		"null for a user-signing":    {func(d *value.Draft) { d.UserSigning = jsontext.Value("null") }, value.ErrValue},
		"a list":                     {func(d *value.Draft) { d.Master = jsontext.Value("[]") }, value.ErrValue},
		"the master is not signed":   {func(d *value.Draft) { replace(&d.SelfSigning, `"self_signing"`, `"user_signing"`) }, value.ErrValue},
		"each in the other's place":  {func(d *value.Draft) { d.SelfSigning, d.UserSigning = d.UserSigning, d.SelfSigning }, value.ErrValue},
		"an unknown member":          {func(d *value.Draft) { replace(&d.Master, "{", `{"x":1,`) }, value.ErrValue},
		"a member twice":             {func(d *value.Draft) { replace(&d.Master, "{", `{"user_id":"@alice:example.com",`) }, value.ErrValue},
		"a second usage":             {func(d *value.Draft) { replace(&d.Master, `["master"]`, `["master","self_signing"]`) }, value.ErrValue},
		"a second key":               {func(d *value.Draft) { replace(&d.Master, `"keys":{`, `"keys":{"ed25519:x":"x",`) }, value.ErrValue},
		"a signature that is a list": {func(d *value.Draft) { replace(&d.Master, `"signatures":{`, `"signatures":{"@eve:example.com":[],`) }, value.ErrValue},
		"not signed by the master":   {func(d *value.Draft) { replace(&d.SelfSigning, "ed25519:xzWU", "ed25519:xxxx") }, value.ErrValue},
		"wrongly signed":             {func(d *value.Draft) { replace(&d.SelfSigning, `:"73II`, `:"74II`) }, value.ErrSignature},
		"prev of a first version":    {func(d *value.Draft) { d.Previous = strings.Repeat("A", 43) }, value.ErrValue},
		"1 MB of junk": {func(d *value.Draft) {
			replace(&d.Master, `"signatures":{`, `"x":"`+strings.Repeat("x", 1<<20)+`","signatures":{`)
		}, value.ErrValue},
	}
	for name, test := range tests {
		d := stock(t).draft()
		test.change(&d)
		if made, err := value.FromCrossSigning(d); !errors.Is(err, test.want) || made != nil {
			t.Errorf("%s: %s, %v, want %v", name, made, err, test.want)
		}
	}
}

// uploaded is a key as a client uploads it, signed by the master key unless that is nil.
func uploaded(t testing.TB, usage string, k, master ed25519.PrivateKey) object {
	t.Helper()
	o := object{"user_id": alice.String(), "usage": []any{usage}, "keys": object{"ed25519:" + public(k): public(k)}}
	if master == nil {
		return o
	}
	return o.sign(t, alice.String(), map[string]ed25519.PrivateKey{"ed25519:" + public(master): master})
}

// crossSigned is a value that nobody but the master key has signed, and that in the keys alone.
func crossSigned(t testing.TB) object {
	o := draft(0, object{"ed25519:master": public(key(1)), "ed25519:self_signing": public(key(2)), "ed25519:user_signing": public(key(3))})
	o["label"] = "mxid:" + alice.String()
	o["cross_signing"] = object{"master_key": uploaded(t, "master", key(1), nil), "self_signing_key": uploaded(t, "self_signing", key(2), key(1)),
		"user_signing_key": uploaded(t, "user_signing", key(3), key(1))}
	return o
}

// A value shows its keys once in each form, and is none if the two differ in anything.
func TestCrossSigningOfOtherKeys(t *testing.T) {
	part := func(o object, name string) object { return o["cross_signing"].(object)[name].(object) }
	put := func(name string, to any) func(object) {
		return func(o object) { o["cross_signing"].(object)[name] = to }
	}
	set := func(in, name string, to any) func(object) { return func(o object) { part(o, in)[name] = to } }
	tests := map[string]func(object){
		"of an address":         func(o object) { o["label"] = "email:alice@example.com" },
		"of nobody":             func(o object) { delete(o, "mxid") },
		"of nobody throughout":  func(o object) { rename(o, ""); o["label"] = "mxid:" + alice.String(); delete(o, "mxid") },
		"of another user":       set("master_key", "user_id", "@mallory:example.com"),
		"one of another user":   set("user_signing_key", "user_id", "@mallory:example.com"),
		"of nobody in it":       func(o object) { delete(part(o, "master_key"), "user_id") },
		"for something else":    set("master_key", "usage", []any{"self_signing"}),
		"for two things":        set("master_key", "usage", []any{"master", "self_signing"}),
		"for nothing":           set("master_key", "usage", []any{}),
		"another key":           set("master_key", "keys", object{"ed25519:" + public(key(4)): public(key(4))}),
		"another id":            set("master_key", "keys", object{"ed25519:master": public(key(1))}),
		"another kind":          set("master_key", "keys", object{"curve25519:" + public(key(1)): public(key(1))}),
		"two keys":              set("master_key", "keys", object{"ed25519:" + public(key(1)): public(key(1)), "ed25519:" + public(key(4)): public(key(4))}),
		"no keys":               set("master_key", "keys", object{}),
		"a signed master":       put("master_key", uploaded(t, "master", key(1), key(1))),
		"signed by none":        put("self_signing_key", uploaded(t, "self_signing", key(2), nil)),
		"signed by itself":      put("self_signing_key", uploaded(t, "self_signing", key(2), key(2))),
		"an unknown member":     set("self_signing_key", "x", 1),
		"unsigned":              set("self_signing_key", "unsigned", object{}),
		"no master":             func(o object) { delete(o["cross_signing"].(object), "master_key") },
		"no self-signing key":   func(o object) { delete(o["cross_signing"].(object), "self_signing_key") },
		"null for a key":        put("user_signing_key", nil),
		"a fourth":              put("x", object{}),
		"fewer than the value":  func(o object) { delete(o["cross_signing"].(object), "user_signing_key") },
		"more than the value":   func(o object) { delete(o["keys"].(object), "ed25519:user_signing") },
		"a device in its place": func(o object) { swap(o["keys"].(object), "ed25519:user_signing", "ed25519:PHONE") },
		"a device besides":      func(o object) { o["keys"].(object)["ed25519:PHONE"] = public(key(4)) },
		"of a revocation":       func(o object) { o["keys"], o["revoked"] = object{}, "lost" },
		"two signatures": func(o object) {
			o["cross_signing"].(object)["self_signing_key"] = uploaded(t, "self_signing", key(2), nil).sign(t, alice.String(),
				map[string]ed25519.PrivateKey{"ed25519:" + public(key(1)): key(1), "ed25519:" + public(key(2)): key(2)})
		},
		"two signers": func(o object) {
			k := part(o, "self_signing_key")
			o["cross_signing"].(object)["self_signing_key"] = k.sign(t, "@mallory:example.com", map[string]ed25519.PrivateKey{"ed25519:x": key(4)})
		},
		"a long signature": set("self_signing_key", "signatures", object{alice.String(): object{"ed25519:" + public(key(1)): strings.Repeat("A", 129)}}),
	}
	for name, change := range tests {
		o := crossSigned(t)
		if u := parsed(t, o); u.CheckSelf() != nil {
			t.Fatal(u.CheckSelf())
		}
		change(o)
		if _, err := value.Parse(o.json(t)); !errors.Is(err, value.ErrValue) {
			t.Errorf("%s: %v, want ErrValue", name, err)
		}
	}
}

func swap(o object, from, to string) { o[to] = o[from]; delete(o, from) }

// The master key has to have signed each of the others, for that use and that user.
func TestTheMasterHasToSign(t *testing.T) {
	put := func(name string, to object) func(object) {
		return func(o object) { o["cross_signing"].(object)[name] = to }
	}
	forged := func(usage string, k, by ed25519.PrivateKey) object { // in the master's name
		o := uploaded(t, usage, k, nil)
		return o.sign(t, alice.String(), map[string]ed25519.PrivateKey{"ed25519:" + public(key(1)): by})
	}
	signedAs := func(o object, usage string, k ed25519.PrivateKey) object { // a signature of the master's, over something else
		to := uploaded(t, usage, k, nil)
		to["signatures"] = o["signatures"]
		return to
	}
	tests := map[string]func(object){
		"signed by another":    put("self_signing_key", forged("self_signing", key(2), key(2))),
		"one of two":           put("user_signing_key", forged("user_signing", key(3), key(9))),
		"of another use":       put("self_signing_key", signedAs(uploaded(t, "user_signing", key(2), key(1)), "self_signing", key(2))),
		"of another key":       put("self_signing_key", signedAs(uploaded(t, "self_signing", key(9), key(1)), "self_signing", key(2))),
		"the value, not it":    put("self_signing_key", signedAs(crossSigned(t).sign(t, alice.String(), map[string]ed25519.PrivateKey{"ed25519:" + public(key(1)): key(1)}), "self_signing", key(2))),
		"base64 that is not":   put("self_signing_key", signedAs(object{"signatures": object{alice.String(): object{"ed25519:" + public(key(1)): "*"}}}, "self_signing", key(2))),
		"as if for a new user": func(o object) { rename(o, "@mallory:example.com") },
	}
	for name, change := range tests {
		o := crossSigned(t)
		change(o)
		if err := parsed(t, o).CheckSelf(); !errors.Is(err, value.ErrSignature) {
			t.Errorf("%s: %v, want ErrSignature", name, err)
		}
	}
}

// rename has a value of keys be another user's, with the signatures that there are.
func rename(o object, user string) {
	o["mxid"], o["label"] = user, "mxid:"+user
	for _, k := range o["cross_signing"].(object) {
		k := k.(object)
		k["user_id"] = user
		if by, is := k["signatures"].(object); is {
			k["signatures"] = object{user: by[alice.String()]}
		}
	}
}

// If self signs, too, that has to be right and whole; it does not stand in for the master key.
func TestBothFormsOfSignatures(t *testing.T) {
	all := map[string]ed25519.PrivateKey{"ed25519:master": key(1), "ed25519:self_signing": key(2), "ed25519:user_signing": key(3)}
	tests := []struct {
		name string
		o    object
		good bool
	}{
		{"both", crossSigned(t).sign(t, "self", all), true},
		{"self has no signatures", crossSigned(t).sign(t, "self", nil), true},
		{"the master alone", crossSigned(t).sign(t, "self", map[string]ed25519.PrivateKey{"ed25519:master": key(1)}), false},
		{"self is wrong", crossSigned(t).sign(t, "self", map[string]ed25519.PrivateKey{"ed25519:master": key(1), "ed25519:self_signing": key(2), "ed25519:user_signing": key(9)}), false},
		{"the master is wrong", func() object {
			o := crossSigned(t)
			o["cross_signing"].(object)["self_signing_key"] = uploaded(t, "self_signing", key(2), nil).sign(t, alice.String(),
				map[string]ed25519.PrivateKey{"ed25519:" + public(key(1)): key(9)})
			return o.sign(t, "self", all)
		}(), false},
	}
	for _, test := range tests {
		err := parsed(t, test.o).CheckSelf()
		if test.good != (err == nil) || err != nil && !errors.Is(err, value.ErrSignature) {
			t.Errorf("%s: %v", test.name, err)
		}
	}
	o := crossSigned(t).sign(t, "self", all)
	delete(o, "cross_signing")
	if err := parsed(t, o).CheckSelf(); !errors.Is(err, value.ErrSignature) {
		t.Errorf("the form that was signed over is taken away: %v", err)
	}
}

// A homeserver has a say of its users' labels alone, whatever signs the keys.
func TestAHomeserverPublishesForUsersAlone(t *testing.T) {
	o := first(t)
	o["auth"] = object{"how": "homeserver", "ts": 1}
	if _, err := value.ParseUser(o.json(t)); !errors.Is(err, value.ErrValue) {
		t.Errorf("of an address: %v", err)
	}
	o = crossSigned(t)
	o["auth"] = object{"how": "homeserver", "ts": 1}
	if u := parsed(t, o); u.Auth.How != value.ByHomeserver {
		t.Errorf("of a user: %+v", u.Auth)
	}
}

// The old master key has to have signed the whole of what follows, and not its keys alone.
func TestCrossSigningIsNoRotation(t *testing.T) {
	before := parsed(t, crossSigned(t))
	o := crossSigned(t)
	o["version"], o["prev"] = 1, before.Hash()
	u := parsed(t, o)
	if u.SignedByPrevious() || u.CheckPrevious(before) != nil {
		t.Errorf("signed in its keys alone: %v, signed by the old key %v", u.CheckPrevious(before), u.SignedByPrevious())
	}
	borrowed := maps.Clone(o["cross_signing"].(object)["self_signing_key"].(object)["signatures"].(object)[alice.String()].(object))
	for _, signature := range borrowed {
		o["signatures"] = object{"prev": object{"ed25519:master": signature}}
	}
	if err := parsed(t, o).CheckPrevious(before); !errors.Is(err, value.ErrSignature) {
		t.Errorf("signed by the master over a key: %v", err)
	}
	o["auth"] = object{"how": "prev-key", "ts": 1}
	delete(o, "signatures")
	if _, err := value.ParseUser(o.json(t)); !errors.Is(err, value.ErrValue) {
		t.Errorf("said to be signed by the old key: %v", err)
	}
}

// Whatever a client uploads, a value of it is one that the directory takes.
func FuzzFromCrossSigning(f *testing.F) {
	s := stock(f)
	f.Add([]byte(s.Master), []byte(s.SelfSigning), []byte(s.UserSigning))
	f.Add([]byte(s.Master), []byte(s.SelfSigning), []byte(nil))
	f.Add([]byte(`{"keys":{},"usage":null}`), []byte(`{}`), []byte(`{"signatures":{"":null}}`))
	f.Fuzz(func(t *testing.T, master, selfSigning, userSigning []byte) {
		made, err := value.FromCrossSigning(upload{Master: master, SelfSigning: selfSigning, UserSigning: userSigning}.draft())
		if err != nil {
			if made != nil || !errors.Is(err, value.ErrValue) && !errors.Is(err, value.ErrSignature) {
				t.Fatalf("made %s, %v", made, err)
			}
			return
		}
		u, err := value.ParseUser(made)
		if err != nil || u.CheckSelf() != nil || !u.CrossSigned() || u.MXID != alice {
			t.Fatalf("made %s: %v", made, err)
		}
	})
}
