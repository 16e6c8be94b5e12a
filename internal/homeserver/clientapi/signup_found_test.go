package clientapi_test

import (
	"fmt"
	"strings"
	"testing"

	"signet/internal/homeserver/account"
	"signet/internal/idclient/idclienttest"
	"signet/internal/matrix"
)

// wantFound checks who is found by alice@example.org, empty for nobody.
func (w *world) wantFound(what, want string) {
	w.Helper()
	if got := w.ids.Bound["id.test email alice@example.org"]; got != want {
		w.Errorf("%s: %q is found, want %q", what, got, want)
	}
}

// Alice's client asks for one code to sign up and be found, and has her found with no token of
// the identity server; had it not, the homeserver would. Nobody else is by that session.
func TestSignUpToBeFound(t *testing.T) {
	eachAddress(t, func(w *world) {
		const wish = `{"client_secret":"s3cret","email":"alice@example.org","send_attempt":1,"im.signet.bind":true}`
		asked := w.do("POST", v3+"/register/email/requestToken", wish)
		w.want("the code", asked, 200, "")
		if w.ids.Last["im.signet.bind"] != true || w.ids.Last["im.signet.purpose"] != "register" {
			w.Errorf("the identity server is asked %v", w.ids.Last)
		}
		w.enter(asked, "s3cret")
		bind := fmt.Sprintf(`{"id_server":"id.test","sid":%q,"client_secret":"s3cret"}`, asked.str("sid"))
		bob := w.settled("bob", "bob@example.org")
		w.want("before there is an account", w.call(bob, "POST /account/3pid/bind", bind), 400, "M_INVALID_PARAM")
		creds := fmt.Sprintf(`"threepid_creds":{"sid":%q,"client_secret":"s3cret"}`, asked.str("sid"))
		a := w.signUp("alice", account.StageEmail, creds, "")
		w.want("the account", a, 200, "")
		alice := a.str("access_token")

		w.want("bob's", w.call(bob, "POST /account/3pid/bind", bind), 403, "M_THREEPID_AUTH_FAILED")
		w.want("with another secret", w.call(alice, "POST /account/3pid/bind", strings.Replace(bind, "s3cret", "guess", 1)), 400, "M_INVALID_PARAM")
		terms := idclienttest.Refusal(403, matrix.TermsNotSigned)
		w.ids.Says = &terms
		w.want("before the terms", w.call(alice, "POST /account/3pid/bind", bind), 403, "M_TERMS_NOT_SIGNED")
		w.ids.Says = nil
		w.wantFound("after what was refused", "")
		for _, what := range []string{"her wish", "once more"} {
			w.wantJSON(what, w.call(alice, "POST /account/3pid/bind", bind), `{}`)
			w.wantFound(what, "@alice:hs.test")
		}
		w.wantJSON("taken back", w.call(alice, "POST /account/3pid/unbind", `{"medium":"email","address":"alice@example.org"}`), unbound)
		w.want("and again", w.call(alice, "POST /account/3pid/bind", bind), 403, "M_THREEPID_AUTH_FAILED")
		w.wantFound("and again", "")

		w.want("adding", w.call(alice, "POST /account/3pid/email/requestToken", strings.Replace(wish, "alice", "other", 1)), 200, "")
		if _, passedOn := w.ids.Last["im.signet.bind"]; passedOn {
			w.Errorf("who adds an address binds it by a session of their own; the identity server is asked %v", w.ids.Last)
		}
		if log := w.wholeLog(); strings.Contains(log, "example.org") || strings.Contains(log, "s3cret") {
			w.Errorf("the log tells addresses or secrets:\n%s", log)
		}
	})
}

// Somebody whose client knows nothing of it ticks a box on the homeserver's page, and is found
// once the account is there; who leaves it as it is, is not.
func TestABoxToBeFound(t *testing.T) {
	const box, ticked = `name="found" value="1">`, `name="found" value="1" checked>`
	eachAddress(t, func(w *world) {
		begin := func() (session, page string) {
			session = w.do("POST", v3+"/register", `{}`).str("session")
			return session, fallback(account.StageEmail, session)
		}
		register := func(name, session string) string {
			w.Helper()
			a := w.do("POST", v3+"/register", `{"auth":{"session":"`+session+`"},"username":"`+name+`","password":"`+password+`"}`)
			w.want("the account of "+name, a, 200, "")
			if err := w.api.Contacts.Fulfil(w.Context()); err != nil {
				w.Error(err)
			}
			return a.str("access_token")
		}
		session, page := begin()
		w.says("the page", w.do("GET", page, ""), 200, box)
		w.says("an address", w.submitForm(page, "address", "alice@example.org"), 200, "Enter its code")
		plain := w.ids.Last["client_secret"]
		w.says("the code", w.submitForm(page, "code", idclienttest.Code), 200, "authDone")
		alice := register("alice", session)
		w.wantFound("without the box", "")
		w.wantJSON("the address is free again", w.call(alice, "POST /account/3pid/delete", `{"medium":"email","address":"alice@example.org"}`), noSupport)

		session, page = begin()
		w.says("no address", w.submitForm(page, "address", "alice", "found", "1"), 400, ticked)
		w.says("the address", w.submitForm(page, "address", "alice@example.org", "found", "1"), 200, "Enter its code")
		if w.ids.Last["im.signet.bind"] != true || w.ids.Last["client_secret"] == plain {
			w.Errorf("the identity server is asked %v", w.ids.Last)
		}
		first := w.ids.Last["client_secret"]
		w.says("sent again", w.submitForm(page, "again", "1"), 200, "Enter its code")
		if w.ids.Last["im.signet.bind"] != true || w.ids.Last["client_secret"] != first {
			w.Errorf("once more, the identity server is asked %v", w.ids.Last)
		}
		w.says("a change of mind", w.submitForm(page, "other", "1"), 200, box)
		w.says("the address again", w.submitForm(page, "address", "alice@example.org", "found", "1"), 200, "Enter its code")
		w.says("its code", w.submitForm(page, "code", idclienttest.Code), 200, "authDone")
		w.wantFound("before there is an account", "")
		register("carol", session)
		w.wantFound("with the box", "@carol:hs.test")

		reset := w.do("POST", v3+"/account/password", `{"new_password":"battery staple"}`).str("session")
		if a := w.do("GET", fallback(account.StageEmail, reset), ""); strings.Contains(a.text, "found") {
			w.Errorf("who has lost a password is asked, too: %s", a.text)
		}
	})
}
