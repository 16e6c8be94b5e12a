package api_test

import (
	"context"
	"crypto/ed25519"
	"net/http"
	"strings"
	"testing"
	"time"

	"signet/internal/matrix"
	"signet/internal/store/storetest"
	"signet/keys/proof"
	"signet/keys/value"
)

const aliceKeys = "mxid:@alice:example.org"

// sealing seals what is published, as a server does, until the test ends.
func (w *world) sealing() {
	w.Helper()
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- w.people.Run(ctx) }()
	w.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			w.Errorf("Run = %v", err)
		}
	})
}

// wantKeys asserts what an answer proves about alice's keys.
func (w *world) wantKeys(what string, r proof.Result, version uint32, how value.How, key ed25519.PrivateKey) *value.User {
	w.Helper()
	u, is := r.Value.(*value.User)
	if !is || r.Version != version || u.Auth.How != how || (key == nil) != (u.Revoked != "") {
		w.Fatalf("%s: %+v", what, r)
	}
	if key != nil && !key.Public().(ed25519.PublicKey).Equal(ed25519.PublicKey(u.Keys[value.Master])) {
		w.Errorf("%s: the key is another", what)
	}
	return u
}

// A client that waits gets the proof of what it has published, rotated, objected and revoked;
// what is held down nobody waits for.
func TestAClientWaitsForTheProof(t *testing.T) {
	each(t, nil, func(w *world) {
		w.api.SealPatience = 5 * time.Minute // the machine may be slow
		w.sealing()
		alice, one, two := w.register("alice"), masterKey(1), masterKey(2)
		wait := func(path, token string, status int, d keyDraft) answer {
			w.Helper()
			d.label = aliceKeys
			return w.keysAsk(path, token, object("wait", true, "value", w.value(d)), status)
		}
		first := w.wantKeys("published", w.holds(aliceKeys, wait("/publish", alice, http.StatusOK, keyDraft{key: one})), 0, value.ByToken, one)
		second := w.wantKeys("rotated", w.holds(aliceKeys, wait("/publish", alice, http.StatusOK, keyDraft{version: 1, key: two, old: one, prev: first.Hash()})), 1, value.ByPreviousKey, two)

		held := wait("/publish", alice, http.StatusAccepted, keyDraft{version: 2, key: masterKey(9), prev: second.Hash()})
		if due, _ := held.body["held_until_ts"].(float64); int64(due) != w.Clock.Now().Add(24*time.Hour).UnixMilli() || held.text("label") != aliceKeys {
			w.Errorf("a recovery is answered with %s", held.raw)
		}
		w.wantKeys("meanwhile", w.verified(alice, aliceKeys), 1, value.ByPreviousKey, two)
		third := w.wantKeys("objected", w.holds(aliceKeys, wait("/object", "", http.StatusOK, keyDraft{version: 2, key: one, old: two, prev: second.Hash()})), 2, value.ByPreviousKey, one)
		w.wantKeys("revoked", w.holds(aliceKeys, wait("/revoke", "", http.StatusOK, keyDraft{version: 3, old: one, prev: third.Hash()})), 3, value.ByPreviousKey, nil)
	})
}

// Keys that were committed are never answered with an error, whatever keeps their proof from
// coming: here the database went back, so that nothing is signed any more.
func TestAClientThatWaitsGetsATicketAtLeast(t *testing.T) {
	each(t, nil, func(w *world) {
		alice := w.register("alice")
		w.api.SealPatience = time.Millisecond // there is nothing to come
		w.seal()
		policy := w.policy()
		if _, err := w.DB.Exec(w.Context(), `UPDATE log_heads SET size = 1 WHERE log = 'users'`); err != nil {
			w.Fatal(err)
		}
		if a := w.do("GET", directory+"/config", "", ""); a.status != http.StatusServiceUnavailable {
			w.Errorf("a trust root of a log that went back: %s", a.raw)
		}
		a := w.keysAsk("/publish", alice, object("wait", true, "value", w.publication(aliceKeys, masterKey(1))), http.StatusAccepted)
		ticket, err := proof.VerifyTicket(a.raw, policy, w.Clock.Now())
		if err != nil || ticket.Label.String() != aliceKeys {
			w.Fatalf("%s: %+v, %v", a.raw, ticket, err)
		}
		again := w.keysAsk("/publish", alice, object("wait", true, "value", w.publication(aliceKeys, masterKey(1))), http.StatusConflict)
		if again.text("errcode") == "" {
			w.Errorf("what is there already is answered with %s", again.raw)
		}
	})
}

// Whoever has the key needs no account to object and to revoke, and the tickets alone tell
// what the next value must name.
func TestWhoeverHasTheKeyObjectsAndRevokes(t *testing.T) {
	each(t, nil, func(w *world) {
		alice, bob, key := w.register("alice"), w.register("bob"), masterKey(1)
		ticket := w.keysAsk("/publish", alice, object("value", w.publication(aliceKeys, key)), http.StatusAccepted)
		for version := range uint32(4) {
			thief := w.value(keyDraft{label: aliceKeys, version: version + 1, key: masterKey(9), prev: ticket.text("sha256")})
			w.keysAsk("/publish", alice, object("value", thief), http.StatusAccepted)
			ours := w.value(keyDraft{label: aliceKeys, version: version + 1, key: key, old: key, prev: ticket.text("sha256")})
			ticket = w.keysAsk("/object", "", object("value", ours), http.StatusAccepted)
		}
		last := w.value(keyDraft{label: aliceKeys, version: 5, old: key, prev: ticket.text("sha256")})
		ticket = w.keysAsk("/revoke", "", object("value", last), http.StatusAccepted)
		w.seal()
		if u := w.wantKeys("revoked", w.verified(bob, aliceKeys), 5, value.ByPreviousKey, nil); u.Hash() != ticket.text("sha256") {
			w.Errorf("the ticket names %s, and the value is %s", ticket.text("sha256"), u.Hash())
		}
		for what, c := range map[string]struct {
			path   string
			d      keyDraft
			status int
		}{
			"the revocation again":     {"/revoke", keyDraft{version: 5, old: key, prev: ticket.text("sha256")}, 409},
			"a revocation of nothing":  {"/revoke", keyDraft{version: 6, old: key, prev: ticket.text("sha256")}, 403},
			"keys by the revoked key":  {"/object", keyDraft{version: 6, key: key, old: key, prev: ticket.text("sha256")}, 403},
			"keys in a revocation":     {"/revoke", keyDraft{version: 6, key: key, old: key, prev: ticket.text("sha256")}, 403},
			"a revocation by no key":   {"/revoke", keyDraft{version: 6, prev: ticket.text("sha256")}, 403},
			"a revocation of nobody's": {"/revoke", keyDraft{label: "mxid:@carol:example.org", version: 1, old: key, prev: ticket.text("sha256")}, 403},
		} {
			if c.d.label == "" {
				c.d.label = aliceKeys
			}
			w.wantNothing(what, "POST", c.path, "", object("value", w.value(c.d)), c.status, "")
		}
	})
}

// What a client is promised is signed, and kept.
func TestATicketIsAPromise(t *testing.T) {
	each(t, nil, func(w *world) {
		alice := w.register("alice")
		a := w.keysAsk("/publish", alice, object("value", w.publication(aliceKeys, masterKey(1))), http.StatusAccepted)
		ticket, err := proof.VerifyTicket(a.raw, w.policy(), w.Clock.Now())
		if err != nil {
			w.Fatalf("%s: %v", a.raw, err)
		}
		if ticket.Label.String() != aliceKeys || ticket.Version != 0 || !ticket.TS.Equal(w.Clock.Now()) || ticket.Due.Sub(ticket.TS) != 24*time.Hour {
			w.Errorf("the ticket is %+v", ticket)
		}
		w.Clock.Advance(25 * time.Hour)
		w.seal()
		if err := proof.Kept(ticket, w.verified(alice, aliceKeys)); err != nil {
			w.Error(err)
		}
	})
}

// wantNothing asserts that a call is refused, and that nothing of it was written. A code of ""
// is any.
func (w *world) wantNothing(what, method, path, token, body string, status int, code matrix.ErrCode) answer {
	w.Helper()
	before := w.dumpKeys()
	a := w.do(method, directory+path, token, body)
	if a.status != status || code != "" && a.text("errcode") != string(code) || a.text("errcode") == "" {
		w.Errorf("%s: %s = %d %.300s, want %d %s", what, path, a.status, a.raw, status, code)
	}
	if w.dumpKeys() != before {
		w.Errorf("%s: what was refused has left something", what)
	}
	return a
}

func (w *world) dumpKeys() string {
	w.Helper()
	return storetest.Dump(w.TB, w.DB, "people_state", "people_labels", "people_versions", "people_recoveries", "verify_sessions")
}

// An objection needs something to object to, and a value of its label's owner.
func TestNothingIsObjectedTo(t *testing.T) {
	each(t, nil, func(w *world) {
		alice, key := w.register("alice"), masterKey(1)
		ticket := w.keysAsk("/publish", alice, object("value", w.publication(aliceKeys, key)), http.StatusAccepted)
		again := keyDraft{label: aliceKeys, version: 1, key: key, old: key, prev: ticket.text("sha256")}
		w.wantNothing("nothing waits", "POST", "/object", "", object("value", w.value(again)), 404, matrix.NotFound)
		w.keysAsk("/publish", alice, object("value", w.value(keyDraft{label: aliceKeys, version: 1, key: masterKey(9)})), http.StatusAccepted)
		again.old = masterKey(9)
		w.wantNothing("by the key that waits", "POST", "/object", "", object("value", w.value(again)), 403, matrix.Forbidden)
		again.old, again.prev = key, strings.Repeat("A", 43)
		w.wantNothing("of another value", "POST", "/object", "", object("value", w.value(again)), 409, matrix.Unknown)
	})
}

// Owners see the history of what they have proven: the keys of an address, and who was bound
// to it; and nobody that of another's.
func TestAnOwnerSeesTheHistory(t *testing.T) {
	each(t, nil, func(w *world) {
		alice, bob, key := w.register("alice"), w.register("bob"), masterKey(1)
		w.bind("alice", alice, "alice@example.org")
		w.do("POST", "/_signet/v1/me/unbind", alice, mail("alice@example.org"))
		session := w.validated(alice, "alice@example.org")
		w.keysAsk("/publish", alice, object(append(session, "value", w.publication("email:alice@example.org", key))...), http.StatusAccepted)
		others := w.validated(bob, "bob@example.org")
		w.seal()
		const keys, binding = "email:alice@example.org", "binding:email:alice@example.org"
		for label, want := range map[string]int{"": 1, keys: 1, binding: 2} {
			members := session
			if label != "" {
				members = append(members, "label", label)
			}
			h, err := proof.ParseHistory(w.keysAsk("/history", alice, object(append(members, "last_size", 1)...), http.StatusOK).raw)
			if err != nil {
				w.Fatal(err)
			}
			if label == "" {
				label = keys
			}
			past, err := proof.VerifyHistory(h, proof.Asked{Label: label}, w.policy(), w.Clock.Now())
			if err != nil || len(past.Values) != want {
				w.Errorf("the history of %s is %+v, %v", label, past.Values, err)
			}
		}
		pages := proof.NewPages(proof.Asked{Label: binding}, w.policy())
		for _, from := range []int{0, 1} {
			body := object(append(session, "label", binding, "limit", 1, "from", from, "last_size", pages.LastSize())...)
			h, err := proof.ParseHistory(w.keysAsk("/history", alice, body, http.StatusOK).raw)
			if err == nil {
				_, err = pages.Add(h, w.Clock.Now())
			}
			if err != nil {
				w.Fatalf("the page from version %d on: %v", from, err)
			}
		}
		if !pages.Whole() || len(pages.Past().Values) != 2 {
			w.Errorf("of two pages the history is %+v", pages.Past())
		}
		for _, c := range []struct {
			what, token, body string
			status            int
			code              matrix.ErrCode
		}{
			{"another's keys, by a session", bob, object(append(others, "label", keys)...), 403, matrix.Forbidden},
			{"another's binding, by a session", bob, object(append(others, "label", binding)...), 403, matrix.Forbidden},
			{"another's binding, by token", bob, object("label", binding), 403, matrix.Forbidden},
			{"one's own address, by token", alice, object("label", keys), 403, matrix.Forbidden},
			{"one's own user id, by a session", alice, object(append(session, "label", aliceKeys)...), 403, matrix.Forbidden},
			{"another's session", bob, object(session...), 404, matrix.NoValidSession},
			{"no session", alice, object("sid", "none", "client_secret", "secret"), 404, matrix.NoValidSession},
			{"no token", "", object(session...), 401, matrix.Unauthorized},
			{"a log that is to come", alice, object(append(session, "last_size", 1000)...), 503, matrix.Unknown},
			{"no label", alice, object(append(session, "label", "email:Alice@example.org")...), 403, matrix.Forbidden},
		} {
			w.wantNothing(c.what, "POST", "/history", c.token, c.body, c.status, c.code)
		}
	})
}

// What is wrong with a value or a session is told, and nothing is written.
func TestMistakesInKeys(t *testing.T) {
	each(t, nil, func(w *world) {
		alice, bob, key := w.register("alice"), w.register("bob"), masterKey(1)
		const address = "email:alice@example.org"
		good := object("value", w.publication(aliceKeys, key))
		large := w.publication(aliceKeys, key)
		large["padding"] = strings.Repeat("x", 16<<10)
		later := w.value(keyDraft{label: aliceKeys, key: key, in: time.Hour})
		mine, open := w.validated(alice, "alice@example.org"), w.session(alice, "other@example.org")
		wrongSecret := []any{mine[0], mine[1], "client_secret", "wrong"}
		with := func(session []any, label string) string {
			return object(append(session, "value", w.publication(label, key))...)
		}
		for _, c := range []struct {
			what, token, body string
			status            int
			code              matrix.ErrCode
		}{
			{"a value of more than 16 KiB", alice, object("value", large), 400, matrix.InvalidParam},
			{"a body of more than 64 KiB", alice, object("value", strings.Repeat("x", 64<<10)), 413, matrix.TooLarge},
			{"a member twice", alice, strings.Replace(good, `"version":0`, `"version":0,"version":0`, 1), 400, matrix.BadJSON},
			{"a key twice", alice, strings.Replace(good, `"keys":{`, `"keys":{"ed25519:master":"AAAA",`, 1), 400, matrix.BadJSON},
			{"a member that is not known", alice, strings.Replace(good, `"version":0`, `"version":0,"vision":0`, 1), 400, matrix.InvalidParam},
			{"a value of a binding", alice, object("value", w.publication("binding:"+address, key)), 400, matrix.InvalidParam},
			{"a label of nothing", alice, object("value", w.publication("fax:1", key)), 400, matrix.InvalidParam},
			{"a label that is not canonical", alice, object("value", w.publication("email:Alice@example.org", key)), 400, matrix.InvalidParam},
			{"a time that is to come", alice, object("value", later), 400, matrix.InvalidParam},
			{"an address by token", alice, object("value", w.publication(address, key)), 403, matrix.Forbidden},
			{"another's session", bob, with(mine, address), 404, matrix.NoValidSession},
			{"a wrong secret", alice, with(wrongSecret, address), 404, matrix.NoValidSession},
			{"a session that is not validated", alice, with(open, "email:other@example.org"), 400, matrix.SessionNotValidated},
			{"a session of another address", alice, with(mine, "email:other@example.org"), 403, matrix.Forbidden},
			{"a user id by session", alice, with(mine, aliceKeys), 403, matrix.Forbidden},
			{"no value", alice, "{}", 400, matrix.MissingParams},
			{"no JSON", alice, "value", 400, matrix.NotJSON},
			{"no token", "", good, 401, matrix.Unauthorized},
		} {
			w.wantNothing(c.what, "POST", "/publish", c.token, c.body, c.status, c.code)
		}
		w.keysAsk("/publish", alice, good, http.StatusAccepted)
		w.keysAsk("/publish", alice, with(mine, address), http.StatusAccepted) // the session is not spent
		w.seal()
		if r := w.verified(bob, "mxid:@nobody:example.org"); r.Present {
			w.Errorf("of a label that is not known is proven %+v", r)
		}
	})
}
