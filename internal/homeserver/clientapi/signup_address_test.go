package clientapi_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"signet/internal/homeserver/account"
	"signet/internal/homeserver/contact"
	"signet/internal/idclient"
	"signet/internal/idclient/idclienttest"
	"signet/internal/store/storetest"
)

// byAddress are the flows of an address of either medium.
var byAddress = account.Flows{{account.StageEmail}, {account.StageMSISDN}}

// eachAddress is each at a server where people register with an address.
func eachAddress(t *testing.T, story func(w *world)) {
	eachSignUp(t, byAddress, func(w *world, _ *captchas) { story(w) })
}

// code has a code sent to an address, for a purpose ("register", "account/password").
func (w *world) code(purpose, medium, address, secret string) (asked answer, creds string) {
	w.Helper()
	body := fmt.Sprintf(`{"client_secret":%q,"email":%q,"send_attempt":1}`, secret, address)
	if medium == "msisdn" {
		body = fmt.Sprintf(`{"client_secret":%q,"country":"DE","phone_number":%q,"send_attempt":1}`, secret, address)
	}
	asked = w.do("POST", v3+"/"+purpose+"/"+medium+"/requestToken", body)
	w.want("a code for "+purpose, asked, 200, "")
	return asked, fmt.Sprintf(`"threepid_creds":{"sid":%q,"client_secret":%q}`, asked.str("sid"), secret)
}

// shown is code, and the person has entered it.
func (w *world) shown(purpose, medium, address, secret string) (creds string) {
	w.Helper()
	asked, creds := w.code(purpose, medium, address, secret)
	w.enter(asked, secret)
	return creds
}

func (w *world) enter(asked answer, secret string) {
	w.Helper()
	w.want("the code", w.submit(asked, fmt.Sprintf(`{"sid":%q,"client_secret":%q,"token":%q}`, asked.str("sid"), secret, idclienttest.Code)), 200, "")
}

// signUp registers by a stage of an address.
func (w *world) signUp(name string, stage account.Stage, creds, rest string) answer {
	w.Helper()
	return w.do("POST", v3+"/register", fmt.Sprintf(`{"username":%q,"password":%q,"auth":{"type":%q,%s%s}}`, name, password, stage, creds, rest))
}

// settled has registered with an address.
func (w *world) settled(name, address string) (token string) {
	w.Helper()
	a := w.signUp(name, account.StageEmail, w.shown("register", "email", address, "of-"+name), "")
	w.want("registering "+name, a, 200, "")
	return a.str("access_token")
}

// Somebody signs up with an e-mail address, as clients do: it is the account's from then on.
func TestSignUpWithAnAddress(t *testing.T) {
	eachAddress(t, func(w *world) {
		session := w.do("POST", v3+"/register", `{}`).str("session")
		rest := fmt.Sprintf(`,"session":%q`, session)
		asked, creds := w.code("register", "email", "Alice@Example.org", "s3cret")
		w.want("before the code", w.signUp("alice", account.StageEmail, creds, rest), 401, "M_THREEPID_AUTH_FAILED")
		w.enter(asked, "s3cret")
		w.ids.Down = true
		w.want("while the identity server is away", w.signUp("alice", account.StageEmail, creds, rest), 502, "M_UNKNOWN")
		w.ids.Down = false
		a := w.signUp("alice", account.StageEmail, creds, rest)
		w.want("the account", a, 200, "")
		if has := w.call(a.str("access_token"), "GET /account/3pid", ""); !strings.Contains(has.text, `"address":"alice@example.org"`) {
			w.Errorf("alice has %s", has.text)
		}
		w.want("the session of the code once more", w.signUp("bob", account.StageEmail, creds, ""), 401, "M_THREEPID_AUTH_FAILED")
		w.want("both once more", w.signUp("bob", account.StageEmail, creds, rest), 401, "M_FORBIDDEN")

		former := strings.Replace(w.shown("register", "msisdn", "0151 12345678", "other"), "threepid_creds\":{", `threepidCreds":{"id_server":"evil.test","id_access_token":"x",`, 1)
		w.want("by a phone number, as of old", w.signUp("bob", account.StageMSISDN, former, ""), 200, "")
		for _, at := range w.ids.Asked {
			if !strings.HasPrefix(at, "id.test/") {
				w.Errorf("asked %s", at)
			}
		}
		if log := w.wholeLog(); strings.Contains(log, "example.org") || strings.Contains(log, "s3cret") {
			w.Errorf("the log tells addresses or secrets:\n%s", log)
		}
	})
}

// Where the message costs a CAPTCHA too, it is the one that was solved for the account, by a
// client that knows of it or on the page: a client that knows of none names none.
func TestOneCaptchaForTheAccountAndItsMessage(t *testing.T) {
	eachSignUp(t, account.Flows{{account.StageCaptcha, account.StageEmail}}, func(w *world, _ *captchas) {
		w.ids.Passes = map[string]bool{"C1": true, "C2": true}
		asks := func(name string) answer {
			return w.do("POST", v3+"/register/email/requestToken", fmt.Sprintf(`{"client_secret":%q,"email":"%s@example.org","send_attempt":1}`, name, name))
		}
		session := w.do("POST", v3+"/register", `{}`).str("session")
		w.want("before", asks("alice"), 403, "M_CAPTCHA_NEEDED")
		w.page("the page", w.do("POST", fallback(account.StageCaptcha, session), "answer=123456", formType), 200)
		w.want("after the page", asks("alice"), 200, "")
		session = w.do("POST", v3+"/register", `{}`).str("session")
		w.want("the answer", w.do("POST", v3+"/register", fmt.Sprintf(`{"auth":{"type":"im.signet.captcha","answer":"123456","session":%q}}`, session)), 401, "")
		w.want("after the answer", asks("bob"), 200, "")
		w.want("a third", asks("carol"), 403, "M_CAPTCHA_NEEDED")
	})
}

// A session that is another's, for another purpose or of another medium makes no account, nor
// does what was never opened.
func TestSessionsThatMakeNoAccount(t *testing.T) {
	eachAddress(t, func(w *world) {
		w.settled("olga", "olga@example.org")
		reset := w.shown("account/password", "email", "olga@example.org", "r")
		added := w.shown("account/3pid", "email", "new@example.org", "a")
		good := w.shown("register", "email", "alice@example.org", "s3cret")
		for what, creds := range map[string]string{
			"to reset a password": reset, "to add an address": added,
			"another secret": strings.Replace(good, "s3cret", "guess", 1), "another sid": strings.Replace(good, "sid", "dis", 2),
			"nothing": `"threepid_creds":{}`, "null": `"threepid_creds":null`, "none": `"x":1`, "long": `"threepid_creds":{"sid":"` + strings.Repeat("x", 5000) + `","client_secret":"s3cret"}`,
		} {
			before := w.accountRows()
			w.want(what, w.signUp("mallory", account.StageEmail, creds, ""), 401, "M_THREEPID_AUTH_FAILED")
			if after := w.accountRows(); after != before {
				w.Errorf("%s: %s became %s", what, before, after)
			}
		}
		w.want("of another medium", w.signUp("mallory", account.StageMSISDN, good, ""), 401, "M_THREEPID_AUTH_FAILED")
		w.want("by its own", w.signUp("alice", account.StageEmail, good, ""), 200, "")
		for what, creds := range map[string]string{"a list": `"threepid_creds":[]`, "a number": `"threepid_creds":{"sid":5}`, "NUL": `"threepid_creds":{"sid":"\u0000"}`} {
			if a := w.signUp("mallory", account.StageEmail, creds, ""); a.status != 400 {
				w.Errorf("%s = %d %s, want 400", what, a.status, a.text)
			}
		}
	})
}

func (w *world) accountRows() string {
	w.Helper()
	var users, addresses, spent int
	for query, into := range map[string]*int{
		`SELECT COUNT(*) FROM account_users`: &users, `SELECT COUNT(*) FROM contact_addresses`: &addresses, `SELECT COUNT(*) FROM contact_sessions WHERE spent`: &spent,
	} {
		if err := w.db.QueryRow(w.Context(), query).Scan(into); err != nil {
			w.Fatal(err)
		}
	}
	return fmt.Sprintf("%d accounts, %d addresses, %d spent sessions", users, addresses, spent)
}

// The address came to somebody else in the meantime: no account is made, and the session of the
// code is not spent.
func TestTheAddressGotAnOwnerMeanwhile(t *testing.T) {
	eachAddress(t, func(w *world) {
		late := w.shown("register", "email", "alice@example.org", "late")
		w.settled("alice", "alice@example.org")
		before := w.accountRows()
		a := w.signUp("mallory", account.StageEmail, late, "")
		w.want("the second", a, 401, "M_THREEPID_IN_USE")
		if a.str("session") == "" {
			w.Errorf("the second has no session to go on with: %s", a.text)
		}
		if after := w.accountRows(); after != before {
			w.Errorf("%s became %s", before, after)
		}
	})
}

// What a session of interactive authentication keeps of an address is asked for again when it
// is used, and does nothing once that is over.
func TestAStageThatIsOver(t *testing.T) {
	eachSignUp(t, account.Flows{{account.StageEmail, account.StageDummy}}, func(w *world, _ *captchas) {
		creds := w.shown("register", "email", "alice@example.org", "s3cret")
		half := w.signUp("alice", account.StageEmail, creds, "")
		if half.status != 401 || !strings.Contains(half.text, `"completed":["m.login.email.identity"]`) {
			w.Fatalf("half-way = %d %s", half.status, half.text)
		}
		other := w.signUp("bob", account.StageEmail, creds, "")
		rest := `"session":"` + half.str("session") + `"`
		w.ids.Down = true
		w.want("while the identity server is away", w.signUp("alice", account.StageDummy, rest, ""), 502, "M_UNKNOWN")
		w.ids.Down = false
		w.want("the rest", w.signUp("alice", account.StageDummy, rest, ""), 200, "")
		w.want("another half of the same", w.signUp("bob", account.StageDummy, `"session":"`+other.str("session")+`"`, ""), 401, "M_THREEPID_AUTH_FAILED")

		if dump := storetest.Dump(w.T, w.db, "account_uia", "contact_sessions", "contact_addresses"); strings.Contains(dump, "s3cret") || strings.Contains(dump, "example.org") {
			w.Error("the database tells secrets or addresses")
		}
	})
}

// Twenty register with one session of a code at the same moment, and one of them gets in.
func TestOneCodeIsOneAccount(t *testing.T) {
	const n = 20
	eachAddress(t, func(w *world) {
		asked, _ := w.code("register", "email", "alice@example.org", "s3cret")
		w.enter(asked, "s3cret")
		errs := make([]error, n)
		var all sync.WaitGroup
		for i := range n {
			all.Go(func() {
				name := fmt.Sprint("user", i)
				_, errs[i] = w.api.Accounts.Register(context.WithoutCancel(w.Context()), account.Registration{Username: &name, Password: password,
					Auth: &account.Auth{Stage: account.StageEmail, Proof: idclient.Session{SID: asked.str("sid"), ClientSecret: "s3cret"}}})
			})
		}
		all.Wait()
		won := len(slices.DeleteFunc(slices.Clone(errs), func(err error) bool { return err != nil }))
		for _, err := range errs {
			if challenge, is := errors.AsType[account.Challenge](err); err != nil && (!is || !errors.Is(challenge.Reason, contact.ErrSession)) {
				w.Errorf("a loser is told %v", err)
			}
		}
		if got := w.accountRows(); won != 1 || got != "1 accounts, 1 addresses, 1 spent sessions" {
			w.Errorf("%d won; there are %s", won, got)
		}
	})
}

// Whoever has lost the password sets another by an address of the account.
func TestResetPassword(t *testing.T) {
	eachAddress(t, func(w *world) {
		token := w.settled("alice", "alice@example.org")
		reset := func(creds, rest string) answer {
			return w.do("POST", v3+"/account/password", `{"new_password":"battery staple",`+rest+`"auth":{"type":"m.login.email.identity",`+creds+`}}`)
		}
		asked := w.do("POST", v3+"/account/password", `{"new_password":"battery staple"}`)
		if asked.status != 401 || !strings.Contains(asked.text, `"flows":[{"stages":["m.login.email.identity"]},{"stages":["m.login.msisdn"]}]`) {
			w.Errorf("the flows = %d %s", asked.status, asked.text)
		}
		unknown := reset(w.shown("account/password", "email", "nobody@example.org", "n"), "")
		w.want("of nobody", unknown, 401, "M_THREEPID_AUTH_FAILED")
		w.want("a session to register", reset(w.shown("register", "email", "new@example.org", "g"), ""), 401, "M_THREEPID_AUTH_FAILED")

		kept := w.shown("account/password", "email", "Alice@example.org", "1")
		w.want("too short", w.do("POST", v3+"/account/password", `{"new_password":"short","auth":{"type":"m.login.email.identity",`+kept+`}}`), 400, "M_WEAK_PASSWORD")
		w.want("by the session", reset(kept+`,"session":"`+asked.str("session")+`"`, `"logout_devices":false,`), 401, "M_FORBIDDEN") // which was for another request
		w.wantJSON("set", reset(kept, `"logout_devices":false,`), `{}`)
		if w.outbox.AttemptDue(w.Context()); len(w.ids.Told) != 1 || w.ids.Told[0]["kind"] != "password" || w.ids.Told[0]["address"] != "alice@example.org" || w.ids.Told[0]["im.signet.client_ip"] == nil {
			w.Errorf("of the new password the owner was told %v", w.ids.Told)
		}
		w.want("the device", w.do("GET", v3+"/account/whoami", "", bearer(token)), 200, "")
		w.want("once more", reset(kept, ""), 401, "M_THREEPID_AUTH_FAILED")
		w.want("the old password", w.login(`"user":"alice"`, password), 403, "M_FORBIDDEN")

		w.wantJSON("set again", reset(w.shown("account/password", "email", "alice@example.org", "2"), ""), `{}`)
		w.want("the device then", w.do("GET", v3+"/account/whoami", "", bearer(token)), 401, "M_UNKNOWN_TOKEN")
		w.want("the new password", w.login(`"user":"alice"`, "battery staple"), 200, "")

		before := w.shown("account/password", "email", "alice@example.org", "3")
		if err := w.api.Accounts.DeactivateUser(w.Context(), "@alice:hs.test", false); err != nil {
			w.Fatal(err)
		}
		ended := reset(before, "")
		w.want("of an account that has ended", ended, 401, "M_THREEPID_AUTH_FAILED")
		if ended.str("error") != unknown.str("error") {
			w.Errorf("it can be told from nobody's: %q and %q", ended.str("error"), unknown.str("error"))
		}
		w.want("with a wrong token", w.do("POST", v3+"/account/password", `{}`, bearer("x")), 401, "M_UNKNOWN_TOKEN")
		w.api.Accounts.Contacts = nil
		w.want("at a server without addresses", w.do("POST", v3+"/account/password", `{}`), 401, "M_MISSING_TOKEN")
	})
}

// login logs in as whoever the members say.
func (w *world) login(who, password string) answer {
	w.Helper()
	return w.do("POST", v3+"/login", fmt.Sprintf(`{"type":"m.login.password",%s,"password":%q}`, who, password))
}

// An address lets its owner in as the user's name does, however it is written; with it goes
// what must be authenticated again.
func TestLoginByAddress(t *testing.T) {
	eachAddress(t, func(w *world) {
		token := w.settled("alice", "alice@example.org")
		w.want("bob", w.signUp("bob", account.StageMSISDN, w.shown("register", "msisdn", "0151 12345678", "b"), ""), 200, "")
		const email, phone = `"type":"m.id.thirdparty","medium":"email","address":`, `"type":"m.id.phone","country":`
		for who, want := range map[string]string{
			`"identifier":{` + email + `"alice@example.org"}`:                                     "@alice:hs.test",
			`"identifier":{` + email + `"ALICE@Example.ORG"}`:                                     "@alice:hs.test",
			`"medium":"email","address":"Alice@example.org"`:                                      "@alice:hs.test",
			`"identifier":{"type":"m.id.thirdparty","medium":"msisdn","address":"4915112345678"}`: "@bob:hs.test",
			`"identifier":{` + phone + `"DE","phone":"0151/123 456-78"}`:                          "@bob:hs.test",
			`"identifier":{` + phone + `"GB","number":"+49 151 12345678"}`:                        "@bob:hs.test",
		} {
			if a := w.login(who, password); a.status != 200 || a.str("user_id") != want {
				w.Errorf("%s = %d %s, want %s", who, a.status, a.text, want)
			}
		}
		confirm := func(identifier string) answer {
			return w.do("POST", v3+"/delete_devices", `{"devices":[],"auth":{"type":"m.login.password",`+identifier+`,"password":"`+password+`"}}`, bearer(token))
		}
		w.wantJSON("a stage by the address", confirm(`"identifier":{`+email+`"alice@example.org"}`), `{}`)
		w.wantJSON("as of old", confirm(`"medium":"email","address":"alice@example.org"`), `{}`)
		w.want("by nobody's", confirm(`"identifier":{`+email+`"nobody@example.org"}`), 403, "M_FORBIDDEN")
		w.want("by bob's", confirm(`"identifier":{`+phone+`"DE","phone":"0151 12345678"}`), 403, "M_FORBIDDEN")
		w.want("by none", confirm(`"identifier":{`+email+`"no address"}`), 400, "M_INVALID_PARAM")
	})
}

// Whether an account has an address cannot be told: not by the answer, and not by how guesses
// are slowed down.
func TestAddressesCannotBeGuessed(t *testing.T) {
	eachAddress(t, func(w *world) {
		w.settled("alice", "alice@example.org")
		at := func(address string) string {
			return `"identifier":{"type":"m.id.thirdparty","medium":"email","address":"` + address + `"}`
		}
		for range 10 {
			known, unknown := w.login(at("alice@example.org"), "wrong guess"), w.login(at("nobody@example.org"), "wrong guess")
			if known.status != 403 || known.status != unknown.status || known.text != unknown.text {
				w.Errorf("of an account %d %s, of none %d %s", known.status, known.text, unknown.status, unknown.text)
			}
		}
		for _, address := range []string{"alice@example.org", "Alice@Example.org", "nobody@example.org"} {
			a := w.login(at(address), password)
			w.want("an eleventh", a, 429, "M_LIMIT_EXCEEDED")
			if a.header.Get("Retry-After") != "1" {
				w.Errorf("%s waits %q", address, a.header.Get("Retry-After"))
			}
		}
		w.want("by her name", w.login(`"user":"alice"`, password), 200, "")
		w.clock.Advance(time.Second)
		w.want("a second later", w.login(at("alice@example.org"), password), 200, "")
		w.want("forgiven", w.login(at("alice@example.org"), "wrong guess"), 403, "M_FORBIDDEN")
	})
}
