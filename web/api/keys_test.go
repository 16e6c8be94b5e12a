package api_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"signet/internal/caller"
	"signet/internal/keyring"
	"signet/internal/matrix"
	"signet/internal/quota"
	"signet/keys"
	"signet/keys/log"
	"signet/keys/people"
	"signet/keys/people/feed"
	"signet/keys/proof"
	"signet/keys/value"
	"signet/keys/vrf"
	"signet/lookup"
)

const directory = "/_signet/v1/keys"

// openPeople opens the log of people's keys, which nobody seals but seal.
func (w *world) openPeople(rings keyring.Rings, own *keys.Server, bindings *lookup.Directory, budgets *quota.Quota) *people.People {
	w.Helper()
	seed, err := rings.For(keyring.VRF).SecretKey(w.Context())
	if err != nil {
		w.Fatal(err)
	}
	hides, err := vrf.NewPrivateKey(seed)
	if err != nil {
		w.Fatal(err)
	}
	guard := log.NewFileGuard(filepath.Join(w.TempDir(), "guard"), people.Origin(own.Name))
	p, err := people.Open(w.Context(), people.Options{DB: w.DB, Vault: w.Vault, Name: own.Name, Keys: rings.For(keyring.UsersLog), VRF: hides,
		Guard: guard, Signer: own, Feed: feed.Lookup{Directory: bindings}, Proofs: w.Verifier, Quota: budgets, Now: w.Clock.Now, Rand: bytes.NewReader(make([]byte, 1<<20))})
	if err != nil {
		w.Fatal(err)
	}
	return p
}

// seal puts into the log what waits.
func (w *world) seal() {
	w.Helper()
	if _, err := w.people.Tiles().Seal(w.Context()); err != nil {
		w.Fatal(err)
	}
}

// keysAsk is a call of the key directory that must succeed.
func (w *world) keysAsk(path, token, body string, status int) answer {
	w.Helper()
	a := w.do("POST", directory+path, token, body)
	if a.status != status {
		w.Fatalf("%s = %d %.300s, want %d", path, a.status, a.raw, status)
	}
	return a
}

// policy is the trust root that the server gives out.
func (w *world) policy() proof.Policy {
	w.Helper()
	config, err := proof.ParseConfig(w.do("GET", directory+"/config", "", "").raw)
	if err != nil {
		w.Fatal(err)
	}
	policy, err := config.Policy()
	if err != nil {
		w.Fatal(err)
	}
	return policy
}

// verified looks a label up and verifies the answer as a client does.
func (w *world) verified(token, label string) proof.Result {
	w.Helper()
	return w.holds(label, w.keysAsk("/lookup", token, object("label", label), http.StatusOK))
}

// holds verifies an answer about a label.
func (w *world) holds(label string, a answer) proof.Result {
	w.Helper()
	found, err := proof.Parse(a.raw)
	if err != nil {
		w.Fatal(err)
	}
	result, err := proof.Verify(found, proof.Asked{Label: label}, w.policy(), w.Clock.Now())
	if err != nil {
		w.Fatalf("the answer about %s: %v", label, err)
	}
	return result
}

// Whom an address is bound to comes with a proof that a stranger can check, as does that
// nobody is any more.
func TestABindingIsProven(t *testing.T) {
	each(t, caller.Terms{}, func(w *world) {
		const label = "binding:email:alice@example.org"
		alice, bob := w.register("alice"), w.register("bob")
		w.seal()
		if before := w.verified(bob, label); before.Present {
			w.Errorf("before: %+v", before)
		}
		w.bind("alice", alice, "alice@example.org")
		w.seal()
		bound, is := w.verified(bob, label).Value.(*value.Association)
		if !is || bound.MXID != "@alice:example.org" {
			w.Errorf("bound: %+v", bound)
		}
		w.keysAsk("/lookup", bob, object("label", label, "last_size", 1), http.StatusOK)
		w.do("POST", "/_signet/v1/me/unbind", alice, object("medium", "email", "address", "alice@example.org"))
		w.seal()
		after := w.verified(bob, label)
		if gone, is := after.Value.(*value.Association); !is || gone.MXID != "" || after.Version != 1 {
			w.Errorf("unbound: %+v", after)
		}
	})
}

// keyDraft is a value that a client is about to publish.
type keyDraft struct {
	label    string
	version  uint32
	key, old ed25519.PrivateKey // the master key, nil in a revocation; and the one before, if it signs
	prev     string             // SHA-256 of the value before
	in       time.Duration      // after which it holds
}

// publication is a first value of a label by one master key, signed by it.
func (w *world) publication(label string, key ed25519.PrivateKey) map[string]any {
	w.Helper()
	return w.value(keyDraft{label: label, key: key})
}

func (w *world) value(d keyDraft) map[string]any {
	w.Helper()
	v := map[string]any{"type": "im.signet.keys.user.v1", "label": d.label, "version": d.version, "not_before": w.Clock.Now().Add(d.in).UnixMilli(), "keys": map[string]string{}}
	if d.prev != "" {
		v["prev"] = d.prev
	}
	if d.key == nil {
		v["revoked"] = "stolen"
	} else {
		v["keys"] = map[string]string{"ed25519:master": base64.RawStdEncoding.EncodeToString(d.key.Public().(ed25519.PublicKey))}
	}
	signed, err := json.Marshal(v)
	if err != nil {
		w.Fatal(err)
	}
	signatures := map[string]any{}
	for who, key := range map[string]ed25519.PrivateKey{"self": d.key, "prev": d.old} {
		if key != nil {
			signatures[who] = map[string]string{"ed25519:master": base64.RawStdEncoding.EncodeToString(ed25519.Sign(key, signed))}
		}
	}
	v["signatures"] = signatures
	return v
}

// masterKey is a key of a person.
func masterKey(i byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{i}, ed25519.SeedSize))
}

// A user publishes keys by the account's token, and by a session for an address; both are
// found with proof, and each owner sees the history of what is theirs alone.
func TestKeysArePublished(t *testing.T) {
	each(t, caller.Terms{}, func(w *world) {
		key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, 32))
		alice, bob := w.register("alice"), w.register("bob")
		ticket := w.keysAsk("/publish", alice, object("value", w.publication("mxid:@alice:example.org", key)), http.StatusAccepted)
		if ticket.text("label") != "mxid:@alice:example.org" || ticket.text("sha256") == "" {
			w.Errorf("the ticket is %s", ticket.raw)
		}
		session := w.validated(alice, "alice@example.org")
		w.keysAsk("/publish", alice, object(append(session, "value", w.publication("email:alice@example.org", key))...), http.StatusAccepted)
		w.seal()
		for _, label := range []string{"mxid:@alice:example.org", "email:alice@example.org"} {
			found, is := w.verified(bob, label).Value.(*value.User)
			if !is || !bytes.Equal(found.Keys[value.Master], key.Public().(ed25519.PublicKey)) {
				w.Errorf("%s has %+v", label, found)
			}
		}
		if own, is := w.verified(bob, "mxid:@alice:example.org").Value.(*value.User); !is || own.Hash() != ticket.text("sha256") {
			w.Errorf("what the next version has as prev is %q and not the %q of the ticket", own.Hash(), ticket.text("sha256"))
		}
		history, err := proof.ParseHistory(w.keysAsk("/history", alice, "{}", http.StatusOK).raw)
		if err != nil || len(history.Versions) != 1 || history.Next != 0 {
			w.Errorf("the history is %+v, %v", history, err)
		}
		for _, c := range []struct {
			what, token, path, body string
			status                  int
			code                    matrix.ErrCode
		}{
			{"another user's keys", bob, "/publish", object("value", w.publication("mxid:@alice:example.org", key)), 403, matrix.Forbidden},
			{"another user's history", bob, "/history", object("label", "mxid:@alice:example.org"), 403, matrix.Forbidden},
			{"a spent session", alice, "/publish", object(append(session, "value", w.publication("email:alice@example.org", ed25519.NewKeyFromSeed(make([]byte, 32))))...), 404, matrix.NoValidSession},
			{"the first version again", alice, "/publish", object("value", w.publication("mxid:@alice:example.org", ed25519.NewKeyFromSeed(make([]byte, 32)))), 409, matrix.Unknown},
			{"no value", alice, "/publish", object("value", "text"), 400, matrix.InvalidParam},
			{"no signature", alice, "/publish", object("value", map[string]any{"type": "im.signet.keys.user.v1", "label": "mxid:@alice:example.org", "version": 1,
				"not_before": 1, "keys": map[string]string{}}), 400, matrix.InvalidParam},
			{"a revocation by nobody", "", "/revoke", object("value", w.publication("mxid:@alice:example.org", key)), 403, matrix.Forbidden},
			{"an objection where no keys are", "", "/object", object("value", w.publication("mxid:@carol:example.org", key)), 403, matrix.Forbidden},
			{"no label", bob, "/lookup", object("label", "email:Alice@Example.org"), 400, matrix.InvalidParam},
			{"a label of nothing", bob, "/lookup", object("label", "fax:1"), 400, matrix.InvalidParam},
			{"a log that is to come", bob, "/lookup", object("label", "mxid:@alice:example.org", "last_size", 1000), 503, matrix.Unknown},
			{"a negative log", bob, "/lookup", object("label", "mxid:@alice:example.org", "last_size", -1), 400, matrix.InvalidParam},
			{"a log that nobody can have", bob, "/lookup", object("label", "mxid:@alice:example.org", "last_size", int64(1)<<53), 400, matrix.InvalidParam},
			{"a log of half an entry", bob, "/lookup", object("label", "mxid:@alice:example.org", "last_size", 1.5), 400, matrix.BadJSON},
			{"a history after the newest", alice, "/history", object("from", 1), 400, matrix.InvalidParam},
			{"a history from before the first", alice, "/history", object("from", -1), 400, matrix.InvalidParam},
			{"a history from what is no version", alice, "/history", object("from", int64(1)<<32), 400, matrix.InvalidParam},
			{"a history of less than nothing", alice, "/history", object("limit", -1), 400, matrix.InvalidParam},
			{"no token", "", "/lookup", object("label", "mxid:@alice:example.org"), 401, matrix.Unauthorized},
		} {
			if a := w.do("POST", directory+c.path, c.token, c.body); a.status != c.status || a.text("errcode") != string(c.code) {
				w.Errorf("%s = %d %.300s, want %d %s", c.what, a.status, a.raw, c.status, c.code)
			}
		}
	})
}
