package clientapi_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"signet/internal/fedclient"
	"signet/internal/homeserver/account"
	"signet/internal/homeserver/contact"
	"signet/internal/idclient/idclienttest"
	"signet/internal/matrix"
	"signet/internal/threepid"
)

// submitForm sends the form of a page, as a browser does without script.
func (w *world) submitForm(page string, members ...string) answer {
	w.Helper()
	form := url.Values{}
	for i := 0; i < len(members); i += 2 {
		form.Set(members[i], members[i+1])
	}
	return w.do("POST", page, form.Encode(), formType)
}

// says checks a page, and that it has all of these in it.
func (w *world) says(what string, a answer, status int, parts ...string) {
	w.Helper()
	w.page(what, a, status)
	for _, part := range parts {
		if !strings.Contains(a.text, part) {
			w.Errorf("%s: the page has not %s in it: %s", what, part, a.text)
		}
	}
}

// Somebody whose client knows no stage shows an address on its page: by the code, and after a
// change of mind.
func TestAnAddressOnItsPage(t *testing.T) {
	eachSignUp(t, account.Flows{{account.StageCaptcha, account.StageEmail}}, func(w *world, _ *captchas) {
		session := w.do("POST", v3+"/register", `{}`).str("session")
		page := fallback(account.StageEmail, session)
		w.page("too early", w.do("GET", page, ""), 401)
		w.page("an address too early", w.submitForm(page, "address", "a@b.test"), 401)
		w.page("the CAPTCHA", w.submitForm(fallback(account.StageCaptcha, session), "answer", "123456"), 200)

		w.says("the page", w.do("GET", page, ""), 200, `<label for="address">`, "Send me a code")
		w.says("no address", w.submitForm(page, "address", `"><script>`), 400, "not look like an e-mail address", `role="alert"`, `aria-invalid="true"`, `value="&#34;&gt;&lt;script&gt;"`)
		w.page("a code of nothing", w.submitForm(page, "code", "123456"), 401)
		w.says("a first address", w.submitForm(page, "address", " Alice@Examples.org "), 200, "alice@examples.org", `<label for="code">`)
		w.says("another", w.submitForm(page, "other", "1"), 200, `<label for="address">`)
		w.says("the address", w.submitForm(page, "address", "alice@example.org"), 200, "alice@example.org", "its code")
		if got := fmt.Sprintf("%v %v %v", w.ids.Last["im.signet.purpose"], w.ids.Last["im.signet.challenge"], w.ids.Last["send_attempt"]); got != "register map[id:C1] 1" {
			w.Errorf("the identity server is asked %v", w.ids.Last)
		}
		w.says("read again", w.do("GET", page, ""), 200, "alice@example.org")
		w.says("sent again", w.submitForm(page, "again", "1"), 200, "alice@example.org")
		if w.ids.Last["send_attempt"] != 2.0 {
			w.Errorf("the identity server is asked %v", w.ids.Last)
		}
		w.says("the link, which was not opened", w.submitForm(page, "opened", "1"), 403, "not been confirmed yet")
		w.says("a wrong code", w.submitForm(page, "code", "000000"), 403, "not the right code")
		w.ids.Down = true
		w.page("while the identity server is away", w.submitForm(page, "code", idclienttest.Code), 502)
		w.ids.Down = false
		w.says("the code", w.submitForm(page, "code", idclienttest.Code), 200, "authDone")
		w.page("once more", w.submitForm(page, "code", idclienttest.Code), 200)
		a := w.do("POST", v3+"/register", `{"auth":{"session":"`+session+`"},"username":"alice","password":"`+password+`"}`)
		w.want("the account", a, 200, "")
		if has := w.call(a.str("access_token"), "GET /account/3pid", ""); !strings.Contains(has.text, `"address":"alice@example.org"`) {
			w.Errorf("alice has %s", has.text)
		}
	})
}

// A phone number is written with its country; what was opened elsewhere counts.
func TestAPhoneNumberOnItsPage(t *testing.T) {
	eachAddress(t, func(w *world) {
		session := w.do("POST", v3+"/register", `{}`).str("session")
		page := fallback(account.StageMSISDN, session)
		w.says("the page", w.do("GET", page, ""), 200, `type="tel"`)
		for _, number := range []string{"0151 12345678", "+1", "", "+49151x", "alice@example.org"} {
			w.says("the number "+number, w.submitForm(page, "address", number), 400, "not look like a phone number")
		}
		w.says("a number", w.submitForm(page, "address", "+49 151 1234 5678"), 200, "+4915112345678")
		for sid := range w.ids.Sessions {
			w.ids.Validated[sid] = true
		}
		w.says("shown elsewhere", w.submitForm(page, "opened", "1"), 200, "authDone")
		w.want("the account", w.do("POST", v3+"/register", `{"auth":{"session":"`+session+`"},"username":"alice","password":"`+password+`"}`), 200, "")
	})
}

// A new password is set the same way, and the page says that it is what one is about to do.
func TestAResetOnItsPage(t *testing.T) {
	eachAddress(t, func(w *world) {
		w.settled("alice", "alice@example.org")
		const body = `{"new_password":"battery staple"`
		session := w.do("POST", v3+"/account/password", body+`}`).str("session")
		page := fallback(account.StageEmail, session)
		w.says("the page", w.do("GET", page, ""), 200, "You are about to set a new password", "enter nothing")
		w.says("the address", w.submitForm(page, "address", "alice@example.org"), 200, "its code")
		if w.ids.Last["im.signet.purpose"] != "reset" {
			w.Errorf("the identity server is asked %v", w.ids.Last)
		}
		w.says("the code", w.submitForm(page, "code", idclienttest.Code), 200, "authDone")
		w.want("the session for another password", w.do("POST", v3+"/account/password", `{"new_password":"hacked staple","auth":{"session":"`+session+`"}}`), 401, "M_FORBIDDEN")
		w.wantJSON("the password", w.do("POST", v3+"/account/password", body+`,"auth":{"session":"`+session+`"}}`), `{}`)
		w.want("logging in", w.login(`"user":"alice"`, "battery staple"), 200, "")
	})
}

// The language that somebody has chosen on a page is that of the message too.
func TestAMessageInTheLanguageOfThePage(t *testing.T) {
	eachAddress(t, func(w *world) {
		session := w.do("POST", v3+"/register", `{}`).str("session")
		page := fallback(account.StageEmail, session)
		w.says("the page", w.do("GET", page+"&lang=ar", "", "Accept-Language: de"), 200, `<html lang="ar" dir="rtl">`, `?lang=ja&amp;session=`+session)
		sent := w.submitForm(page+"&lang=ar", "address", "alice@example.org", "lang", "ar")
		w.says("the address", sent, 200, `<html lang="ar" dir="rtl">`, "alice@example.org")
		if w.ids.Last["im.signet.language"] != "ar" {
			t.Errorf("the identity server is asked %v", w.ids.Last)
		}
	})
}

// What the identity server refuses the person reads on the page.
func TestWhatAnAddressIsRefusedFor(t *testing.T) {
	eachAddress(t, func(w *world) {
		session := w.do("POST", v3+"/register", `{}`).str("session")
		page := fallback(account.StageEmail, session)
		refuse := func(status int, code matrix.ErrCode, more string) {
			w.ids.Says = &fedclient.Response{Status: status, Body: []byte(fmt.Sprintf(`{"errcode":%q,"error":"its own words"%s}`, code, more))}
		}
		ask := func() answer { return w.submitForm(page, "address", "alice@example.org") }
		refuse(403, "M_CAPTCHA_NEEDED", `,"im.signet.challenge":{"id":"c","url":"https://id.test/c"}`)
		w.says("a CAPTCHA", ask(), 403, `href="https://id.test/c"`, "that you are a person", `value="alice@example.org"`)
		refuse(403, "M_CAPTCHA_NEEDED", `,"im.signet.challenge":{"id":"c","url":"javascript:alert(1)"}`)
		if a := ask(); strings.Contains(a.text, "javascript:") {
			w.Errorf("the page runs what the identity server says: %s", a.text)
		}
		refuse(400, "M_EMAIL_SEND_ERROR", "")
		w.says("no mailbox", ask(), 403, "could not be sent")
		for _, tt := range []struct {
			status, want int
			code         matrix.ErrCode
		}{{403, 502, "M_FORBIDDEN"}, {401, 502, "M_UNAUTHORIZED"}, {500, 502, "M_UNKNOWN"}, {429, 429, "M_LIMIT_EXCEEDED"}} {
			refuse(tt.status, tt.code, "")
			if a := ask(); a.status != tt.want || strings.Contains(a.text, "own words") {
				w.Errorf("%d %s = %d %s, want %d", tt.status, tt.code, a.status, a.text, tt.want)
			}
		}
		w.ids.Says = nil
		w.api.Contacts.Allowed = func(threepid.Address) error { return contact.ErrDenied }
		w.says("denied", ask(), 403, "does not take that address")
		w.api.Contacts.Allowed = nil
		w.says("after all that", ask(), 200, "its code")
		w.limit(1, false)
		w.page("one more", w.submitForm(page, "again", "1"), 200)
		w.page("too many", w.submitForm(page, "again", "1"), 429)
	})
}
