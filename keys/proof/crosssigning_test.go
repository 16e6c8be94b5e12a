package proof_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	. "signet/keys/proof"
	"signet/keys/value"
)

const (
	carol      = "mxid:@carol:example.com"
	carolsUser = "@carol:example.com"
)

// uploaded is a cross-signing key as a client uploads it, signed by the one of the other name if
// that is not empty.
func uploaded(t testing.TB, usage, key, by string) object {
	t.Helper()
	o := object{"user_id": carolsUser, "usage": []any{usage}, "keys": object{"ed25519:" + publicOf(key): publicOf(key)}}
	if by != "" {
		o["signatures"] = object{carolsUser: object{"ed25519:" + publicOf(by): base64.RawStdEncoding.EncodeToString(ed25519.Sign(secret(by), marshal(t, o)))}}
	}
	return o
}

// homeservers is the next value of carol's as her homeserver publishes it, with a change before
// the server signs, which the server should not have let pass.
func (w *world) homeservers(key string, edit func(object)) []byte {
	w.Helper()
	o := object{"type": "im.signet.keys.user.v1", "label": carol, "version": len(w.versions[carol]), "mxid": carolsUser, "not_before": start.Add(-time.Hour).UnixMilli(),
		"keys":          object{"ed25519:master": publicOf(key), "ed25519:self_signing": publicOf(key + "2")},
		"cross_signing": object{"master_key": uploaded(w, "master", key, ""), "self_signing_key": uploaded(w, "self_signing", key+"2", key)},
		"auth":          object{"how": "homeserver", "ts": start.UnixMilli()}}
	edit(o)
	signed, err := w.server.Sign(serverName, marshal(w, o))
	if err != nil {
		w.Fatal(err)
	}
	return signed
}

// crossSigned is a log in which carol's homeserver has published her keys.
func crossSigned(t testing.TB) *world {
	t.Helper()
	w := newWorld(t)
	w.publish(carol, w.homeservers("c0", func(object) {}))
	w.seal()
	return w
}

// What a stock client has signed is all that a client elsewhere needs, with the proof.
func TestKeysAsTheyWereUploaded(t *testing.T) {
	w := crossSigned(t)
	r := w.mustVerify(clone(t, w.lookup(carol, 0)), Asked{Label: carol})
	u := r.Value.(*value.User)
	if !u.CrossSigned() || string(u.Keys[value.Master]) != string(secret("c0").Public().(ed25519.PublicKey)) {
		t.Errorf("carol has %+v", u)
	}
	if text := r.Held[7].Text; !strings.Contains(text, "its master key, as the user's client has uploaded it") || !strings.Contains(text, "the user's homeserver has published it") {
		t.Errorf("step 8 says %q", text)
	}
	w.publish(carol, w.homeservers("c1", func(o object) { o["auth"] = object{"how": "recovery", "ts": start.UnixMilli()} }))
	w.seal()
	if r := w.mustVerify(w.lookup(carol, 0), Asked{Label: carol, Version: &r.Version}); !r.Reset || !strings.Contains(r.Held[7].Text, "NO key") {
		t.Errorf("new keys are not told: %+v", r)
	}
}

// A directory that lets pass what the user's client has not signed, or signs it itself, is found
// out by whoever looks it up.
func TestADirectoryThatForgesUploads(t *testing.T) {
	inside := func(name string, to object) func(object) {
		return func(o object) { o["cross_signing"].(object)[name] = to }
	}
	others := uploaded(t, "self_signing", "eve2", "eve")
	for what, c := range map[string]struct {
		edit   func(object)
		step   Step
		reason error
	}{
		"signed by another": {func(o object) {
			o["keys"].(object)["ed25519:self_signing"] = publicOf("eve2")
			forged := maps.Clone(others)
			forged["signatures"] = object{carolsUser: object{"ed25519:" + publicOf("c0"): others["signatures"].(object)[carolsUser].(object)["ed25519:"+publicOf("eve")]}}
			o["cross_signing"].(object)["self_signing_key"] = forged
		}, StepSignatures, value.ErrSignature},
		"other keys in the value":  {func(o object) { o["keys"].(object)["ed25519:self_signing"] = publicOf("eve2") }, StepOpening, value.ErrValue},
		"a key of the directory's": {func(o object) { o["keys"].(object)["ed25519:PHONE"] = publicOf("eve") }, StepOpening, value.ErrValue},
		"for something else":       {inside("master_key", uploaded(t, "user_signing", "c0", "")), StepOpening, value.ErrValue},
		"nothing of it":            {func(o object) { delete(o, "cross_signing") }, StepSignatures, value.ErrSignature},
		"self, which is forged": {func(o object) {
			o["signatures"] = object{"self": object{"ed25519:master": "AAAA", "ed25519:self_signing": "AAAA"}}
		},
			StepSignatures, value.ErrSignature},
		"of an address": {func(o object) { o["label"] = alice }, StepOpening, value.ErrValue},
	} {
		w := newWorld(t)
		w.publish(carol, w.homeservers("c0", c.edit))
		w.seal()
		w.mustRefuse(what, w.lookup(carol, 0), Asked{Label: carol}, c.step, c.reason)
	}
	w := newWorld(t)
	w.publish(carol, w.homeservers("c0", func(object) {}))
	w.publish(carol, w.homeservers("c1", func(o object) { o["auth"] = object{"how": "prev-key", "ts": 1} }))
	w.seal()
	if _, err := w.verify(w.lookup(carol, 0), Asked{Label: carol}); !errors.Is(err, value.ErrValue) {
		t.Errorf("a recovery that says it is a rotation: %v", err)
	}
}
