package api_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"signet/internal/caller"
	"signet/internal/matrix"
	"signet/internal/store/storetest"
)

const (
	me          = "/_signet/v1/me"
	unbindMine  = "/_signet/v1/me/unbind"
	unbindUsers = "/_signet/v1/users/unbind"
)

// bind binds an address to the user of example.org whose token it is.
func (w *world) bind(local, token, address string) {
	w.Helper()
	w.ask("POST", "/3pid/bind", token, object(append(w.validated(token, address), "mxid", "@"+local+":example.org")...))
}

func mail(address string) string { return object("medium", "email", "address", address) }

// A user sees all that is stored, takes one address back, and is forgotten with everything.
func TestAUserSeesAndErasesWhatIsStored(t *testing.T) {
	each(t, nil, func(w *world) {
		alice, phone := w.register("alice"), w.register("alice")
		bob := w.register("bob")
		w.bind("alice", alice, "alice@example.org")
		w.bind("alice", alice, "work@example.org")
		w.bind("bob", bob, "bob@example.org")
		seen := w.do("GET", me, alice, "")
		if seen.status != 200 || seen.text("user_id") != "@alice:example.org" || len(seen.body["bindings"].([]any)) != 2 || strings.Contains(string(seen.raw), "bob") {
			w.Errorf("what is stored = %d %s", seen.status, seen.raw)
		}
		account := seen.body["account"].(map[string]any)
		if len(account["tokens"].([]any)) != 2 || account["since_ts"] == nil {
			w.Errorf("the account = %v", account)
		}
		for _, secret := range []string{alice, phone, "s_alice", "s_work"} {
			if strings.Contains(string(seen.raw), secret) {
				w.Errorf("a secret is told: %s", seen.raw)
			}
		}
		if a := w.do("POST", unbindMine, alice, mail("Work@Example.org")); a.status != 200 {
			w.Errorf("unbind = %d %s", a.status, a.raw)
		}
		if a := w.do("POST", unbindMine, alice, mail("work@example.org")); !a.is(404, matrix.NotFound) {
			w.Errorf("unbind again = %d %s", a.status, a.raw)
		}
		if a := w.do("DELETE", me, alice, ""); a.status != 200 {
			w.Errorf("DELETE = %d %s", a.status, a.raw)
		}
		for _, token := range []string{alice, phone} {
			if a := w.do("GET", me, token, ""); !a.is(401, matrix.Unauthorized) {
				w.Errorf("a token of an erased user = %d %s", a.status, a.raw)
			}
		}
		for address, want := range map[string]string{"alice@example.org": "", "work@example.org": "", "bob@example.org": "@bob:example.org"} {
			if user := w.find(bob, address, "email"); user != want {
				w.Errorf("%s is found to be %q, want %q", address, user, want)
			}
		}
		if left := w.stored(); strings.Contains(left, "@alice") {
			w.Errorf("left are\n%s", left)
		}
	})
}

// stored is every row that a user could be named in.
func (w *world) stored() string {
	w.Helper()
	return storetest.Dump(w.TB, w.DB, "lookup_bindings", "lookup_changes", "verify_sessions", "caller_tokens", "caller_accepted", "caller_accounts")
}

// Whoever does not accept new terms may leave all the same, and is told what was accepted.
func TestLeavingTakesNoTerms(t *testing.T) {
	url := "https://x.org/p"
	terms := caller.Terms{"privacy_policy": {Version: "1", Languages: map[string]caller.Translation{"en": {URL: url}}}}
	each(t, terms, func(w *world) {
		alice := w.register("alice")
		if a := w.do("GET", me, alice, ""); a.status != 200 {
			w.Errorf("before the terms = %d %s", a.status, a.raw)
		}
		w.ask("POST", "/terms", alice, object("user_accepts", []string{url}))
		if a := w.do("GET", me, alice, ""); !strings.Contains(string(a.raw), `"accepted_terms":[{"url":"https://x.org/p","accepted_ts":`) {
			w.Errorf("the terms = %s", a.raw)
		}
		w.do("DELETE", me, alice, "")
		again := w.register("alice")
		w.refuse("GET", "/account", again, "", 403, matrix.TermsNotSigned)
		if a := w.do("DELETE", me, again, ""); a.status != 200 {
			w.Errorf("leaving = %d %s", a.status, a.raw)
		}
	})
}

func TestWhatAnAccountCannotUnbind(t *testing.T) {
	each(t, nil, func(w *world) {
		alice, bob := w.register("alice"), w.register("bob")
		w.bind("alice", alice, "alice@example.org")
		before := w.stored()
		for _, c := range []struct {
			body   string
			status int
			code   matrix.ErrCode
		}{
			{mail("alice@example.org"), 404, matrix.NotFound}, // somebody else's
			{mail("nobody@example.org"), 404, matrix.NotFound},
			{mail("alice"), 400, matrix.InvalidEmail},
			{mail(""), 400, matrix.InvalidEmail},
			{mail(strings.Repeat("a", 300) + "@example.org"), 400, matrix.InvalidEmail},
			{mail("alice@example.org\x00"), 400, matrix.InvalidParam},
			{object("medium", "msisdn", "address", "12"), 400, matrix.InvalidAddress},
			{object("medium", "pigeon", "address", "x"), 400, matrix.InvalidParam},
			{object("medium", "email"), 400, matrix.MissingParams},
			{object("address", "alice@example.org", "medium", nil), 400, matrix.MissingParams},
			{object("medium", 1, "address", "alice@example.org"), 400, matrix.BadJSON},
			{`{"medium":"email","medium":"email","address":"alice@example.org"}`, 400, matrix.BadJSON},
			{`[]`, 400, matrix.BadJSON}, {``, 400, matrix.NotJSON}, {`medium=email`, 400, matrix.NotJSON},
			{strings.Repeat(" ", 65<<10) + mail("x@example.org"), 413, matrix.TooLarge},
		} {
			if a := w.do("POST", unbindMine, bob, c.body); !a.is(c.status, c.code) {
				w.Errorf("%.60s = %d %s, want %d %s", c.body, a.status, a.raw, c.status, c.code)
			}
		}
		for _, call := range [][2]string{{"GET", me}, {"DELETE", me}, {"POST", unbindMine}} {
			for _, token := range []string{"", "sit_unknown"} {
				if a := w.do(call[0], call[1], token, mail("alice@example.org")); !a.is(401, matrix.Unauthorized) {
					w.Errorf("%v with the token %q = %d %s", call, token, a.status, a.raw)
				}
			}
		}
		if a := w.do("PUT", me, alice, "{}"); !a.is(405, matrix.Unrecognized) {
			w.Errorf("PUT = %d %s", a.status, a.raw)
		}
		if after := w.stored(); after != before {
			w.Errorf("what was refused changed\n%s\nto\n%s", before, after)
		}
	})
}

// deactivated is a homeserver's word that an account is no more, said now.
func (w *world) deactivated(user, nonce string) string {
	return object("user_id", user, "im.signet.ts", w.Clock.Now().UnixMilli(), "im.signet.nonce", nonce)
}

// A homeserver takes back all that a deactivated account was behind; said anew it is the
// same, and the old word does nothing after the user has come back.
func TestAHomeserverUnbindsADeactivatedAccount(t *testing.T) {
	each(t, nil, func(w *world) {
		alice, bob := w.register("alice"), w.register("bob")
		w.bind("alice", alice, "alice@example.org")
		w.bind("alice", alice, "work@example.org")
		w.bind("bob", bob, "bob@example.org")
		word := w.deactivated("@alice:example.org", "nonce-01")
		for i, body := range []string{word, w.deactivated("@alice:example.org", "nonce-02"), w.deactivated("@nobody:example.org", "nonce-03")} {
			if a := w.as("example.org", "POST", unbindUsers, body); a.status != 200 {
				w.Errorf("call %d = %d %s", i+1, a.status, a.raw)
			}
		}
		for address, want := range map[string]string{"alice@example.org": "", "work@example.org": "", "bob@example.org": "@bob:example.org"} {
			if user := w.find(bob, address, "email"); user != want {
				w.Errorf("%s is found to be %q, want %q", address, user, want)
			}
		}
		w.Clock.Advance(time.Minute)
		w.bind("alice", w.register("alice"), "again@example.org")
		if a := w.as("example.org", "POST", unbindUsers, word); !a.is(403, matrix.Forbidden) {
			w.Errorf("the old word = %d %s", a.status, a.raw)
		}
		if user := w.find(bob, "again@example.org", "email"); user != "@alice:example.org" {
			w.Errorf("after the old word %q is found", user)
		}
	})
}

func TestWhoCannotUnbindAnAccount(t *testing.T) {
	each(t, nil, func(w *world) {
		alice := w.register("alice")
		w.bind("alice", alice, "alice@example.org")
		for i, c := range []struct {
			server matrix.ServerName
			body   string
			status int
			code   matrix.ErrCode
		}{
			{"evil.example", w.deactivated("@alice:example.org", "nonce-11"), 403, matrix.Forbidden},
			{"down.example", w.deactivated("@alice:down.example", "nonce-12"), 502, matrix.Unknown},
			{"example.org", w.deactivated("alice", "nonce-13"), 400, matrix.InvalidParam},
			{"example.org", w.deactivated("@alice:example.org", "short"), 400, matrix.InvalidParam},
			{"example.org", object("user_id", "@alice:example.org"), 400, matrix.InvalidParam},
			{"example.org", object("user_id", "@alice:example.org", "im.signet.ts", 0, "im.signet.nonce", "nonce-14"), 403, matrix.ClockDiffers},
			{"example.org", object("im.signet.ts", w.Clock.Now().UnixMilli(), "im.signet.nonce", "nonce-15"), 400, matrix.MissingParams},
			{"example.org", object("user_id", 5), 400, matrix.BadJSON},
		} {
			if a := w.as(c.server, "POST", unbindUsers, c.body); !a.is(c.status, c.code) {
				w.Errorf("case %d = %d %s, want %d %s", i+1, a.status, a.raw, c.status, c.code)
			}
		}
		body := w.deactivated("@alice:example.org", "nonce-16")
		if a := w.do("POST", unbindUsers, alice, body); !a.is(403, matrix.Forbidden) {
			w.Errorf("by the account itself = %d %s", a.status, a.raw)
		}
		signed := w.sign("example.org", "POST", unbindUsers, body).String()
		if a := w.do("POST", unbindUsers, "", strings.Replace(body, "alice", "carol", 1), "Authorization", signed); !a.is(403, matrix.Forbidden) {
			w.Errorf("another body than was signed = %d %s", a.status, a.raw)
		}
		if user := w.find(alice, "alice@example.org", "email"); user != "@alice:example.org" {
			w.Errorf("what was refused left %q", user)
		}
		if log := w.log.String(); strings.Contains(log, "alice@") || strings.Contains(log, fmt.Sprint("nonce-1", 6)) {
			w.Error("the log tells an address or a nonce")
		}
	})
}
