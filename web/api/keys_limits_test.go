package api_test

import (
	"net/http"
	"testing"
	"time"

	"signet/internal/matrix"
	"signet/keys/value"
)

// limited asserts that a call is told to come again later, and has left nothing.
func (w *world) limited(what, path, token, body string) time.Duration {
	w.Helper()
	a := w.wantNothing(what, "POST", path, token, body, http.StatusTooManyRequests, matrix.LimitExceededCode)
	after, _ := a.body["retry_after_ms"].(float64)
	if after <= 0 {
		w.Errorf("%s: %s does not say when to come again", what, a.raw)
	}
	return time.Duration(after) * time.Millisecond
}

// A publication over any of its budgets is told to wait, and goes through when it has waited.
func TestPublicationsAreLimited(t *testing.T) {
	for budget, next := range map[string]struct{ user, server string }{ // who shares it with alice
		"keys.publish.account.day":     {"alice", "example.org"},
		"keys.publish.homeserver.day":  {"bob", "example.org"},
		"keys.publish.domain.day":      {"bob", "hs.example.org"},
		"keys.publish.network.day":     {"bob", "example.com"},
		"keys.publish.deployment.hour": {"bob", "example.com"},
	} {
		t.Run(budget, func(t *testing.T) {
			eachLimited(t, map[string]int{budget: 1}, func(w *world) {
				token := w.ask("POST", "/account/register", "", openID(next.user, next.server)).text("token")
				alice := w.register("alice")
				first := object(append(w.validated(alice, "alice@example.org"), "value", w.publication("email:alice@example.org", masterKey(1)))...)
				w.keysAsk("/publish", alice, first, http.StatusAccepted)
				body := func() string { return object("value", w.publication("mxid:@"+next.user+":"+next.server, masterKey(2))) }
				w.Clock.Advance(w.limited("over budget", "/publish", token, body()))
				w.keysAsk("/publish", token, body(), http.StatusAccepted)
			})
		})
	}
}

// Over its label's budget the owner still objects and revokes, with the key or the token.
func TestALabelIsLimitedButItsRevocationIsNot(t *testing.T) {
	eachLimited(t, map[string]int{"keys.publish.label.day": 2}, func(w *world) {
		alice, key, thief := w.register("alice"), masterKey(1), masterKey(9)
		ticket := w.keysAsk("/publish", alice, object("value", w.publication(aliceKeys, key)), http.StatusAccepted)
		next := keyDraft{label: aliceKeys, version: 1, key: thief, prev: ticket.text("sha256")}
		w.keysAsk("/publish", alice, object("value", w.value(next)), http.StatusAccepted)
		w.limited("a third", "/publish", alice, object("value", w.value(next)))
		next.key, next.old = key, key
		ticket = w.keysAsk("/object", "", object("value", w.value(next)), http.StatusAccepted)
		next.version, next.prev = 2, ticket.text("sha256")
		w.limited("by the key as well", "/publish", alice, object("value", w.value(next)))
		next.key, next.old = nil, nil
		w.keysAsk("/publish", alice, object("value", w.value(next)), http.StatusAccepted)
		w.seal()
		w.wantKeys("in the end", w.verified(alice, aliceKeys), 2, value.ByToken, nil)
	})
}

// Whoever has wrong signatures verified is charged for it: by the key alone the network, and
// an account itself, neither of them for the other.
func TestAttemptsAreLimited(t *testing.T) {
	eachLimited(t, map[string]int{"keys.attempt.network.hour": 2, "keys.attempt.account.hour": 3}, func(w *world) {
		alice, bob, key := w.register("alice"), w.register("bob"), masterKey(1)
		ticket := w.keysAsk("/publish", alice, object("value", w.publication(aliceKeys, key)), http.StatusAccepted)
		forged := object("value", w.value(keyDraft{label: aliceKeys, version: 1, old: masterKey(9), prev: ticket.text("sha256")}))
		for _, path := range []string{"/revoke", "/object"} {
			w.wantNothing("forged", "POST", path, "", forged, 403, matrix.Forbidden)
		}
		real := object("value", w.value(keyDraft{label: aliceKeys, version: 1, old: key, prev: ticket.text("sha256")}))
		w.limited("forged once more", "/object", "", forged)
		after := w.limited("by the network of the forger", "/revoke", "", real)
		for range 2 {
			w.wantNothing("not hers", "POST", "/publish", alice, object("value", w.publication("mxid:@bob:example.org", key)), 403, matrix.Forbidden)
		}
		w.limited("a fourth of the account", "/publish", alice, object("value", w.publication("mxid:@bob:example.org", key)))
		w.keysAsk("/publish", bob, object("value", w.publication("mxid:@bob:example.org", key)), http.StatusAccepted)
		w.Clock.Advance(after)
		w.keysAsk("/revoke", "", real, http.StatusAccepted)
	})
}

// Proofs are charged to whoever asks for them, also of labels that nobody has; a history is as
// many as it shows.
func TestProofsAreLimited(t *testing.T) {
	eachLimited(t, map[string]int{"keys.proof.account.hour": 4}, func(w *world) {
		alice, bob := w.register("alice"), w.register("bob")
		w.keysAsk("/publish", alice, object("value", w.publication(aliceKeys, masterKey(1))), http.StatusAccepted)
		w.seal()
		nobodys := object("label", "mxid:@nobody:example.org")
		for range 2 {
			w.keysAsk("/lookup", alice, nobodys, http.StatusOK)
		}
		w.keysAsk("/history", alice, "{}", http.StatusOK)
		w.limited("a look-up", "/lookup", alice, nobodys)
		w.limited("the same again", "/lookup", alice, object("label", aliceKeys))
		after := w.limited("a history", "/history", alice, "{}")
		w.keysAsk("/lookup", bob, nobodys, http.StatusOK)
		w.Clock.Advance(after)
		w.keysAsk("/history", alice, "{}", http.StatusOK)
	})
}

// Whether somebody is behind an address is told within the budget of look-ups, by whichever
// label; what an account has asked for before is free of that.
func TestAddressesAreFoundOutWithinTheBudgetOfLookUps(t *testing.T) {
	eachLimited(t, map[string]int{"discovery.account": 1, "discovery.reserve": 1}, func(w *world) {
		alice := w.register("alice")
		w.seal()
		for _, label := range []string{"email:one@example.org", "binding:email:one@example.org", "binding:email:two@example.org", "email:one@example.org"} {
			w.keysAsk("/lookup", alice, object("label", label), http.StatusOK)
		}
		w.limited("a third address", "/lookup", alice, object("label", "email:three@example.org"))
		w.limited("who is behind it", "/lookup", alice, object("label", "binding:email:three@example.org"))
		w.keysAsk("/lookup", alice, object("label", aliceKeys), http.StatusOK)
		w.keysAsk("/lookup", alice, object("label", "binding:email:two@example.org"), http.StatusOK)
		w.keysAsk("/lookup", w.register("bob"), object("label", "email:three@example.org"), http.StatusOK)
	})
}
