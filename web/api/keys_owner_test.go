package api_test

import (
	"net/http"
	"testing"
	"time"

	"signet/internal/matrix"
	"signet/keys/proof"
	"signet/keys/value"
)

// An owner who has seen all asks whether anything was added, for the keys and for who is
// bound, in fewer octets than the history has; and nobody asks for another's.
func TestAnOwnerLooksAgain(t *testing.T) {
	each(t, nil, func(w *world) {
		alice, bob, key := w.register("alice"), w.register("bob"), masterKey(1)
		const binding = "binding:email:alice@example.org"
		ask := func(label string, known *uint32, members ...any) proof.Monitored {
			w.Helper()
			m, err := proof.ParseMonitor(w.keysAsk("/monitor", alice, object(members...), http.StatusOK).raw)
			if err != nil {
				w.Fatal(err)
			}
			got, err := proof.VerifyMonitor(m, proof.Asked{Label: label, Version: known}, w.policy(), w.Clock.Now())
			if err != nil {
				w.Fatal(err)
			}
			return got
		}
		ticket := w.keysAsk("/publish", alice, object("value", w.publication(aliceKeys, key)), http.StatusAccepted)
		w.seal()
		first := uint32(0)
		if got := ask(aliceKeys, &first); !got.Present || got.More {
			w.Errorf("after the first keys: %+v", got)
		}
		next := w.value(keyDraft{label: aliceKeys, version: 1, key: masterKey(2), old: key, prev: ticket.text("sha256")})
		w.keysAsk("/publish", alice, object("value", next), http.StatusAccepted)
		w.seal()
		if got := ask(aliceKeys, &first); !got.More || got.Version != 1 {
			w.Errorf("after the second: %+v", got)
		}
		session := w.validated(alice, "alice@example.org")
		if got := ask(binding, nil, append(session, "label", binding)...); got.Present {
			w.Errorf("nobody is bound: %+v", got)
		}
		for _, c := range []struct {
			what, token, body string
			status            int
			code              matrix.ErrCode
		}{
			{"another's keys", bob, object("label", aliceKeys), 403, matrix.Forbidden},
			{"another's session", bob, object(session...), 404, matrix.NoValidSession},
			{"no token", "", "{}", 401, matrix.Unauthorized},
			{"a log that is to come", alice, object("last_size", 1000), 503, matrix.Unknown},
		} {
			w.wantNothing(c.what, "POST", "/monitor", c.token, c.body, c.status, c.code)
		}
	})
}

// Whoever erases their keys leaves a tombstone behind, and keys that come after it wait: a
// thief of a token or a mailbox gains nothing by it. The binding of an address stays.
func TestKeysAreErased(t *testing.T) {
	each(t, nil, func(w *world) {
		alice, bob, key := w.register("alice"), w.register("bob"), masterKey(1)
		const address = "email:alice@example.org"
		erase := func(token, body string) answer { return w.do("DELETE", directory+"/subject", token, body) }
		w.bind("alice", alice, "alice@example.org")
		session := w.validated(alice, "alice@example.org")
		w.keysAsk("/publish", alice, object(append(session, "value", w.publication(address, key))...), http.StatusAccepted)
		w.keysAsk("/publish", alice, object("value", w.publication(aliceKeys, key)), http.StatusAccepted)
		w.seal()

		w.wantNothing("another's session", "DELETE", "/subject", bob, object(session...), 404, matrix.NoValidSession)
		w.wantNothing("a spent session", "DELETE", "/subject", alice, object(session...), 404, matrix.NoValidSession)
		w.wantNothing("no token", "DELETE", "/subject", "", "{}", 401, matrix.Unauthorized)
		w.Clock.Advance(time.Minute)
		if a := erase(alice, object(w.validated(alice, "alice@example.org")...)); a.status != http.StatusOK {
			w.Fatalf("by session: %d %s", a.status, a.raw)
		}
		for range 2 { // a client that heard no answer asks again
			if a := erase(alice, "{}"); a.status != http.StatusOK {
				w.Fatalf("by token: %d %s", a.status, a.raw)
			}
		}
		w.seal()
		for _, label := range []string{address, aliceKeys} {
			r := w.verified(bob, label)
			if _, erased := r.Value.(*value.Tombstone); !erased || r.Version != 1 {
				w.Errorf("of %s is left %+v", label, r)
			}
		}
		bound, is := w.verified(bob, "binding:"+address).Value.(*value.Association)
		if !is || bound.MXID != "@alice:example.org" {
			w.Errorf("bound is %+v", bound)
		}
		held := w.keysAsk("/publish", alice, object("value", w.value(keyDraft{label: aliceKeys, version: 2, key: masterKey(9)})), http.StatusAccepted)
		if held.body["held_until_ts"] == nil {
			w.Errorf("keys after an erasure do not wait: %s", held.raw)
		}
	})
}
