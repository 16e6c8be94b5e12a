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

// A publication is charged to the account, homeserver, domain and network that the request
// comes from; over any of their budgets it is told to wait, and goes through when it has.
func TestPublicationsAreLimited(t *testing.T) {
	eachLimited(t, map[string]int{"keys.publish.account.day": 2, "keys.publish.homeserver.day": 3, "keys.publish.domain.day": 4, "keys.publish.network.day": 5}, func(w *world) {
		own := func(local, server string) (token, body string) {
			token = w.ask("POST", "/account/register", "", openID(local, server)).text("token")
			return token, object("value", w.publication("mxid:@"+local+":"+server, masterKey(1)))
		}
		address := func(token, address string) string {
			return object(append(w.validated(token, address), "value", w.publication("email:"+address, masterKey(1)))...)
		}
		alice, body := own("alice", "example.org")
		w.keysAsk("/publish", alice, body, http.StatusAccepted)
		w.keysAsk("/publish", alice, address(alice, "alice@example.org"), http.StatusAccepted)
		w.limited("a third label of the account", "/publish", alice, address(alice, "alice@example.com"))
		for _, c := range []struct{ what, last, next string }{
			{"the homeserver", "example.org", "example.org"},
			{"the domain", "a.example.org", "b.example.org"},
			{"the network", "example.com", "example.net"},
		} {
			token, body := own("last", c.last)
			w.keysAsk("/publish", token, body, http.StatusAccepted)
			token, body = own("next", c.next)
			after := w.limited(c.what, "/publish", token, body)
			if c.what == "the network" {
				w.Clock.Advance(after)
				w.keysAsk("/publish", token, body, http.StatusAccepted)
			}
		}
	})
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
