package api_test

import (
	"crypto/rand"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"signet/internal/caller"
	"signet/internal/matrix"
)

const bindUsers = "/_signet/v1/users/bind"

// signedUp is the validated session of somebody who signs up at example.org and, where bind is
// so, agrees to be found.
func (w *world) signedUp(address, secret string, bind bool) []any {
	w.Helper()
	asked := w.as("example.org", "POST", v2+"/validate/email/requestToken", object("email", address, "client_secret", secret, "send_attempt", 1,
		"im.signet.purpose", "register", "im.signet.bind", bind))
	s := []any{"sid", asked.text("sid"), "client_secret", secret}
	shown := w.as("example.org", "POST", v2+"/validate/email/submitToken", object(append(s, "token", w.Post.Last(w.TB).Code())...))
	if shown.status != 200 {
		w.Fatalf("requestToken = %d %s; submitToken = %d %s", asked.status, asked.raw, shown.status, shown.raw)
	}
	return s
}

// has is a homeserver's word that a user is to be found by a session, said now.
func (w *world) has(user string, session []any) string {
	return object(append(session, "user_id", user, "im.signet.ts", w.Clock.Now().UnixMilli(), "im.signet.nonce", rand.Text())...)
}

// One code is enough: the message tells what is agreed to, and the homeserver has its new user
// found. Said again it is success again, since answers get lost; of two users whom it names at
// the same moment one is found; and nobody is once more after it was taken back.
func TestSomebodyIsFoundByTheCodeTheySignedUpWith(t *testing.T) {
	each(t, nil, func(w *world) {
		s := w.signedUp("new@example.org", "s3cret", true)
		if text := w.Post.Last(w.TB).Text; !strings.Contains(text, "you also agree that whoever knows this address can find that account") {
			w.Errorf("the message does not say what is agreed to:\n%s", text)
		}
		shown := w.as("example.org", "GET", v2+"/3pid/getValidated3pid?client_secret=s3cret&sid="+fmt.Sprint(s[1]), "")
		if shown.text("im.signet.purpose") != "register" || shown.body["im.signet.bind"] != true {
			w.Errorf("getValidated3pid = %s", shown.raw)
		}
		users := []string{"@new:example.org", "@twin:example.org"}
		var bound [2]atomic.Int64
		var all sync.WaitGroup
		for i := range 6 {
			word := w.has(users[i%2], s)
			all.Go(func() {
				if w.as("example.org", "POST", bindUsers, word).status == 200 {
					bound[i%2].Add(1)
				}
			})
		}
		all.Wait()
		alice := w.register("alice")
		found := w.find(alice, "new@example.org", "email")
		if n, twin := bound[0].Load(), bound[1].Load(); !(n == 3 && twin == 0 && found == users[0]) && !(n == 0 && twin == 3 && found == users[1]) {
			w.Errorf("%d and %d were bound, %q is found", n, twin, found)
		}
		w.Clock.Advance(23 * time.Hour)
		if a := w.as("example.org", "POST", bindUsers, w.has(found, s)); a.status != 200 {
			w.Errorf("said again = %d %s", a.status, a.raw)
		}
		if a := w.as("example.org", "POST", unbindUsers, w.deactivated(found, "nonce-bind")); a.status != 200 {
			w.Errorf("unbind = %d %s", a.status, a.raw)
		}
		if a := w.as("example.org", "POST", bindUsers, w.has(found, s)); !a.is(404, matrix.NoValidSession) || w.find(alice, "new@example.org", "email") != "" {
			w.Errorf("after it was taken back = %d %s", a.status, a.raw)
		}
	})
}

// Whoever has a token of the account that was made binds as specified, by the session of its
// homeserver.
func TestAnAccountBindsByTheSessionItWasMadeWith(t *testing.T) {
	each(t, nil, func(w *world) {
		s := w.signedUp("new@example.org", "s3cret", true)
		plain := w.signedUp("plain@example.org", "s3cret", false)
		alice, stranger := w.register("alice"), w.ask("POST", "/account/register", "", openID("eve", "evil.example")).text("token")
		mine := object(append(s, "mxid", "@alice:example.org")...)
		w.refuse("POST", "/3pid/bind", stranger, object(append(s, "mxid", "@eve:evil.example")...), 404, matrix.NoValidSession)
		w.refuse("POST", "/3pid/bind", alice, object(append(plain, "mxid", "@alice:example.org")...), 404, matrix.NoValidSession)
		w.refuse("POST", "/3pid/bind", alice, object(append(s, "mxid", "@bob:example.org")...), 403, matrix.Forbidden)
		if a := w.ask("POST", "/3pid/bind", alice, mine); a.text("mxid") != "@alice:example.org" || a.text("address") != "new@example.org" {
			w.Errorf("bind = %s", a.raw)
		}
		w.refuse("POST", "/3pid/bind", w.register("bob"), object(append(s, "mxid", "@bob:example.org")...), 404, matrix.NoValidSession)
		for address, want := range map[string]string{"new@example.org": "@alice:example.org", "plain@example.org": ""} {
			if user := w.find(alice, address, "email"); user != want {
				w.Errorf("%s is found to be %q, want %q", address, user, want)
			}
		}
	})
}

// Nobody is found by what they have not agreed to, nor on another server's word, nor late, nor
// by the flag of a later request.
func TestWhoCannotHaveAUserFound(t *testing.T) {
	each(t, nil, func(w *world) {
		plain, s := w.signedUp("plain@example.org", "s3cret", false), w.signedUp("new@example.org", "s3cret", true)
		ask := func(server matrix.ServerName, members ...any) answer {
			return w.as(server, "POST", v2+"/validate/email/requestToken", object(append(members, "send_attempt", 2, "im.signet.bind", true)...))
		}
		w.Clock.Advance(time.Hour)
		later := ask("example.org", "email", "plain@example.org", "client_secret", "s3cret", "im.signet.purpose", "register")
		if later.status != 200 || later.text("sid") == plain[1] {
			w.Errorf("the flag of a later request = %d %s", later.status, later.raw)
		}
		if a := ask("example.org", "email", "plain@example.org", "client_secret", "s3cret", "im.signet.purpose", "add"); !a.is(400, matrix.InvalidParam) {
			w.Errorf("with another purpose = %d %s", a.status, a.raw)
		}
		w.refuse("POST", "/validate/email/requestToken", w.register("alice"), object("email", "plain@example.org", "client_secret", "s3cret", "send_attempt", 1,
			"im.signet.purpose", "register", "im.signet.bind", true), 403, matrix.Forbidden)
		word := w.has("@new:example.org", plain)
		for what, c := range map[string]struct {
			server matrix.ServerName
			body   string
			status int
			code   matrix.ErrCode
		}{
			"not agreed":       {"example.org", word, 403, matrix.Forbidden},
			"not validated":    {"example.org", w.has("@new:example.org", []any{"sid", later.text("sid"), "client_secret", "s3cret"}), 400, matrix.SessionNotValidated},
			"another server":   {"evil.example", w.has("@eve:evil.example", s), 404, matrix.NoValidSession},
			"another's user":   {"evil.example", w.has("@new:example.org", s), 403, matrix.Forbidden},
			"another secret":   {"example.org", w.has("@new:example.org", []any{"sid", s[1], "client_secret", "other"}), 404, matrix.NoValidSession},
			"no user":          {"example.org", w.has("new", s), 400, matrix.InvalidParam},
			"no sid":           {"example.org", w.has("@new:example.org", s[2:]), 400, matrix.MissingParams},
			"no stamp":         {"example.org", object(append(s, "user_id", "@new:example.org")...), 400, matrix.InvalidParam},
			"an account's own": {"example.org", w.has("@alice:example.org", w.validated(w.register("alice"), "alice@example.org")), 404, matrix.NoValidSession},
		} {
			if a := w.as(c.server, "POST", bindUsers, c.body); !a.is(c.status, c.code) {
				w.Errorf("%s = %d %s, want %d %s", what, a.status, a.raw, c.status, c.code)
			}
		}
		if a := w.as("example.org", "POST", bindUsers, word); !a.is(403, matrix.Forbidden) || !strings.Contains(a.text("error"), "made before") {
			w.Errorf("the same word again = %d %s", a.status, a.raw)
		}
		if a := w.do("POST", bindUsers, w.register("alice"), w.has("@alice:example.org", s)); !a.is(403, matrix.Forbidden) {
			w.Errorf("with an account's token = %d %s", a.status, a.raw)
		}
		w.Clock.Advance(24 * time.Hour)
		if a := w.as("example.org", "POST", bindUsers, w.has("@new:example.org", s)); !a.is(400, matrix.SessionExpired) {
			w.Errorf("late = %d %s", a.status, a.raw)
		}
		for _, address := range []string{"plain@example.org", "new@example.org", "alice@example.org"} {
			if user := w.find(w.register("alice"), address, "email"); user != "" {
				w.Errorf("%s is found to be %q", address, user)
			}
		}
	})
}

// The terms are for the user to accept: until then nobody is found, and nothing is lost.
func TestTheTermsOfWhoIsToBeFound(t *testing.T) {
	terms := caller.Terms{"privacy_policy": {Version: "1", Languages: map[string]caller.Translation{"en": {URL: "https://x.org/p"}}}}
	each(t, terms, func(w *world) {
		s := w.signedUp("alice@example.org", "s3cret", true)
		if a := w.as("example.org", "POST", bindUsers, w.has("@alice:example.org", s)); !a.is(403, matrix.TermsNotSigned) {
			w.Errorf("before the terms = %d %s", a.status, a.raw)
		}
		alice := w.register("alice")
		w.ask("POST", "/terms", alice, object("user_accepts", []string{"https://x.org/p"}))
		if a := w.as("example.org", "POST", bindUsers, w.has("@alice:example.org", s)); a.status != 200 || w.find(alice, "alice@example.org", "email") != "@alice:example.org" {
			w.Errorf("after them = %d %s", a.status, a.raw)
		}
	})
}
