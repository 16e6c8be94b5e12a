package page_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"signet/internal/deliver"
	"signet/internal/matrix"
	"signet/verify"
	"signet/verify/fraud"
	"signet/web/page"
)

const (
	emailForm = "/_signet/verify"
	codeForm  = "/_signet/verify/code"
	againForm = "/_signet/verify/again"
	editForm  = "/_signet/verify/edit"
	stepForm  = "/_signet/verify/captcha"
	otherForm = "/_signet/verify/captcha/another"
)

// open asks for an e-mail to Alice.
func (w *world) open() *reply {
	w.Helper()
	return w.send(emailForm, ask("medium", "email", "address", "Alice@Example.org"))
}

func TestAnAddressIsProvenByItsCode(t *testing.T) {
	w := newWorld(t)
	waiting := w.open().says(http.StatusOK, "Check your e-mail", "alice@example.org")
	if strings.Contains(waiting.body, "Alice@Example.org") {
		t.Error("the page shows the address as typed, not where the message went")
	}
	code, _ := w.lastEmail()
	waiting.press("", "code", code).says(http.StatusOK, "Address verified", "alice@example.org", "not connected with any Matrix account")
	if w.validated() != 1 {
		t.Error("the session is not validated")
	}
}

func TestAPhoneNumberIsProvenByItsCode(t *testing.T) {
	for _, form := range []url.Values{
		ask("medium", "msisdn", "country", "GB", "address", "07400 123456"),
		ask("medium", "msisdn", "country", "", "address", "+44 7400 123456"),
		ask("medium", "msisdn", "country", "DE", "address", " +44 7400 123456 "),
	} {
		w := newWorld(t)
		waiting := w.send(emailForm, form).says(http.StatusOK, "Check your phone", "+44 7400 123456")
		_, code, _ := strings.Cut(w.post.texts[0].Text, "#")
		waiting.press("", "code", code).says(http.StatusOK, "Address verified", "+44 7400 123456")
	}
}

func TestASessionOfThePageIsThePages(t *testing.T) {
	w := newWorld(t)
	w.open()
	var caller string
	w.must(w.db.QueryRow(t.Context(), "SELECT caller FROM verify_sessions").Scan(&caller))
	if caller != string(verify.Page) {
		t.Errorf("caller = %q, want %q", caller, verify.Page)
	}
}

func TestEveryVisitHasASecretOfItsOwn(t *testing.T) {
	w := newWorld(t)
	one, two := w.open(), w.open()
	if a, b := secretOf(one), secretOf(two); a == b || len(a) < 32 {
		t.Errorf("client secrets = %q and %q, want two of at least 32 characters", a, b)
	}
}

func secretOf(r *reply) string {
	for _, input := range r.all("input") {
		if attr(input, "name") == "client_secret" {
			return attr(input, "value")
		}
	}
	return ""
}

func TestWhatCannotBeSentIsAskedForAgain(t *testing.T) {
	hostile := `"><script>alert(1)</script>`
	for name, test := range map[string]struct {
		form   url.Values
		status int
		says   string
	}{
		"no e-mail address": {ask("medium", "email", "address", "alice"), http.StatusBadRequest, "does not look like an e-mail address"},
		"nothing":           {ask("medium", "email", "address", ""), http.StatusBadRequest, "does not look like an e-mail address"},
		"a hostile address": {ask("medium", "email", "address", hostile), http.StatusBadRequest, "does not look like an e-mail address"},
		"no phone number":   {ask("medium", "msisdn", "country", "GB", "address", "12"), http.StatusBadRequest, "does not look like a phone number"},
		"a hostile number":  {ask("medium", "msisdn", "country", hostile, "address", hostile), http.StatusBadRequest, "Choose your country from the list"},
		"a country of none": {ask("medium", "msisdn", "country", "XX", "address", "07400123456"), http.StatusBadRequest, "Choose your country from the list"},
		"a missing country": {ask("medium", "msisdn", "country", "", "address", "07400123456"), http.StatusBadRequest, "Choose your country, or begin"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			r := w.send(emailForm, test.form).says(test.status, test.says)
			if typed := test.form.Get("address"); fieldOf(r, "aria-invalid") != typed {
				t.Errorf("the form keeps %q, want %q", fieldOf(r, "aria-invalid"), typed)
			}
			if !strings.HasPrefix(words(r.one("title")), "Error:") {
				t.Errorf("title = %q, want it to begin with the error", words(r.one("title")))
			}
			if w.post.count() != 0 {
				t.Error("a message was sent")
			}
		})
	}
}

// fieldOf is the value of the field that has an attribute.
func fieldOf(r *reply, attribute string) string {
	r.Helper()
	for _, input := range r.all("input") {
		if has(input, attribute) {
			return attr(input, "value")
		}
	}
	r.Errorf("no field has %s", attribute)
	return ""
}

func TestARefusedMessageIsSaidAtOnce(t *testing.T) {
	w := newWorld(t)
	w.post.refuse(deliver.ErrRefused)
	w.open().says(http.StatusBadRequest, "could not be sent")
	w.send(emailForm, ask("medium", "msisdn", "country", "GB", "address", "07400123456")).
		says(http.StatusBadRequest, "could not be sent")
}

func TestWhatTheVerifierRefusesIsSaid(t *testing.T) {
	for err, says := range map[error]string{
		verify.ErrEmailNotServed: "does not send e-mail at present",
		verify.ErrUndeliverable:  "does not receive e-mail",
		verify.ErrEmailNotSent:   "could not be sent",
	} {
		w := newWorld(t, func(o *page.Options) { o.Verifier = refusing{o.Verifier, err} })
		w.open().says(http.StatusBadRequest, says)
	}
	w := newWorld(t, func(o *page.Options) { o.Verifier = refusing{o.Verifier, verify.ErrSMSNotServed} })
	w.send(emailForm, ask("medium", "msisdn", "country", "GB", "address", "07400123456")).
		says(http.StatusBadRequest, "does not send text messages at present")
}

// refusing is a verifier whose requests fail.
type refusing struct {
	page.Verifier
	err error
}

func (r refusing) Request(_ context.Context, _ verify.Request) (string, error) { return "", r.err }

func (r refusing) Link(_ context.Context, _ string) (verify.Link, error) { return verify.Link{}, r.err }

func (r refusing) SubmitAnyone(_ context.Context, _ verify.Credentials, _ string) (string, error) {
	return "", r.err
}

func TestALimitSaysHowLong(t *testing.T) {
	for wait, want := range map[time.Duration]struct{ says, header string }{
		0:                         {"try again in a minute", "60"},
		90 * time.Second:          {"try again in 2 minutes", "120"},
		2 * time.Hour:             {"try again in 120 minutes", "7200"},
		2*time.Hour + time.Hour/2: {"try again in 3 hours", "9000"},
	} {
		w := newWorld(t, func(o *page.Options) { o.Verifier = refusing{o.Verifier, matrix.LimitExceeded{RetryAfter: wait}} })
		r := w.open().says(http.StatusTooManyRequests, want.says)
		if got := r.Header.Get("Retry-After"); got != want.header {
			t.Errorf("Retry-After = %q, want %s", got, want.header)
		}
		for _, path := range []string{page.LinkPath("x"), submitLink(verify.Credentials{}, "x")} {
			w.get(path).says(http.StatusTooManyRequests, "Too many tries", want.says)
		}
	}
}

// Whoever is refused reads why, and what to do instead.
func TestARefusalSaysWhatToDo(t *testing.T) {
	no := &refusing{}
	w := newWorld(t, func(o *page.Options) { no.Verifier, o.Verifier = o.Verifier, no })
	phone := ask("medium", "msisdn", "address", "+447400123456")
	for _, test := range []struct {
		form   url.Values
		err    error
		status int
		says   string
	}{
		{ask("medium", "email", "address", "a@example.org"), verify.ErrDisposable, http.StatusBadRequest, "use one that you keep"},
		{ask("medium", "email", "address", "a@example.org"), verify.ErrUndeliverable, http.StatusBadRequest, "does not receive e-mail"},
		{phone, verify.ErrDestination, http.StatusBadRequest, "use another number"},
		{phone, fraud.ErrOff, http.StatusBadRequest, "does not send text messages at present"},
		{phone, fraud.NotServed{Country: "GB"}, http.StatusBadRequest, "use a number of another country"},
		{phone, fraud.ErrNumberType, http.StatusBadRequest, "enter a mobile number"},
		{phone, fraud.Paused{RetryAfter: 5 * time.Minute}, http.StatusTooManyRequests, "paused. Please try again in 5 minutes"},
		{phone, fraud.CapReached{RetryAfter: 5 * time.Hour}, http.StatusTooManyRequests, "as many text messages as it may for now. Please try again in 5 hours"},
	} {
		no.err = fmt.Errorf("asking: %w", test.err)
		r := w.send(emailForm, test.form).says(test.status, test.says)
		if got := fieldOf(r, "aria-invalid"); got != test.form.Get("address") {
			t.Errorf("%v: the form keeps %q", test.err, got)
		}
		if limited := r.Header.Get("Retry-After") != ""; limited != (test.status == http.StatusTooManyRequests) {
			t.Errorf("%v: Retry-After = %q", test.err, r.Header.Get("Retry-After"))
		}
	}
}

func TestAnErrorThatNobodyNamedIsAPage(t *testing.T) {
	w := newWorld(t, func(o *page.Options) { o.Verifier = refusing{o.Verifier, errNobodyNamed} })
	r := w.open().says(http.StatusInternalServerError, "Something broke on our side")
	if strings.Contains(r.body, errNobodyNamed.Error()) || !strings.Contains(r.body, r.Header.Get("X-Request-Id")) {
		t.Errorf("the page should tell the request's id, and not the error:\n%s", r.body)
	}
}

func TestAWrongCodeMayBeCorrected(t *testing.T) {
	w := newWorld(t)
	waiting := w.open()
	code, _ := w.lastEmail()
	again := waiting.press("", "code", wrong(code)).says(http.StatusBadRequest, "not the right code", "alice@example.org")
	if w.validated() != 0 {
		t.Error("a wrong code validates")
	}
	again.press("", "code", code).says(http.StatusOK, "Address verified")
}

func wrong(code string) string {
	last := code[len(code)-1]
	return code[:len(code)-1] + string('0'+(last-'0'+1)%10)
}

func TestAfterFiveWrongCodesTheLinkStillWorks(t *testing.T) {
	w := newWorld(t)
	waiting := w.open()
	code, link := w.lastEmail()
	for range 5 {
		waiting.press("", "code", wrong(code)).says(http.StatusBadRequest)
	}
	waiting.press("", "code", code).says(http.StatusBadRequest, "only the link in the message")
	w.get(link).press("").says(http.StatusOK, "Address verified")
}

func TestAnExpiredCodeIsReplacedByAnother(t *testing.T) {
	w := newWorld(t)
	waiting := w.open()
	old, _ := w.lastEmail()
	w.clock.Advance(16 * time.Minute)
	late := waiting.press("", "code", old).says(http.StatusBadRequest, "This code has expired")
	resent := late.press(againForm).says(http.StatusOK, "sent a new message to alice@example.org")
	code, _ := w.lastEmail()
	resent.press("", "code", code).says(http.StatusOK, "Address verified")
}

func TestSendingAgainKillsTheOldCode(t *testing.T) {
	w := newWorld(t)
	waiting := w.open()
	old, _ := w.lastEmail()
	waiting.press(againForm).says(http.StatusTooManyRequests, "Please wait a minute", "The code that you have still works")
	w.clock.Advance(time.Minute)
	resent := waiting.press(againForm).says(http.StatusOK, "Only its code works now")
	if w.post.count() != 2 || secretOf(resent) != secretOf(waiting) {
		t.Errorf("%d messages, want 2 of one session", w.post.count())
	}
	if code, _ := w.lastEmail(); code != old {
		resent.press("", "code", old).says(http.StatusBadRequest, "not the right code")
	}
	w.clock.Advance(2 * time.Minute)
	resent.press(againForm).says(http.StatusOK)
	if w.post.count() != 3 {
		t.Errorf("%d messages after the third press, want 3", w.post.count())
	}
}

func TestAFailedResendLeavesTheOldCode(t *testing.T) {
	w := newWorld(t)
	waiting := w.open()
	code, _ := w.lastEmail()
	w.post.refuse(deliver.ErrRefused)
	w.clock.Advance(time.Minute)
	failed := waiting.press(againForm).says(http.StatusBadRequest, "The code that you have still works")
	failed.press("", "code", code).says(http.StatusOK, "Address verified")
}

func TestTheAddressMayBeCorrected(t *testing.T) {
	w := newWorld(t)
	if got := fieldOf(w.open().press(editForm).says(http.StatusOK), "autofocus"); got != "alice@example.org" {
		t.Errorf("the form keeps %q, want the address", got)
	}
	phone := w.send(emailForm, ask("medium", "msisdn", "country", "GB", "address", "07400123456"))
	if got := fieldOf(phone.press(editForm).says(http.StatusOK), "autofocus"); got != "+44 7400 123456" {
		t.Errorf("the form keeps %q, want the number", got)
	}
}

func TestAForgottenSessionBeginsAnew(t *testing.T) {
	w := newWorld(t)
	waiting := w.open()
	waiting.press("", "sid", "unknown", "code", "12345678").says(http.StatusBadRequest, "We do not know this verification")
	waiting.press("", "client_secret", "wrong", "code", "12345678").says(http.StatusBadRequest, "We do not know this verification")
}

// The page must not lend its name to an address that was never proven.
func TestTheVerifiedAddressIsTheSessions(t *testing.T) {
	w := newWorld(t)
	waiting := w.open()
	code, _ := w.lastEmail()
	r := waiting.press("", "code", code, "address", "mallory@example.org").says(http.StatusOK, "alice@example.org")
	if strings.Contains(r.body, "mallory") {
		t.Error("the page says that another address is verified")
	}
}

func TestFormsThatNoPageOfOursSends(t *testing.T) {
	w := newWorld(t)
	waiting := ask("sid", "s", "client_secret", "c", "medium", "email", "address", "a@example.org", "send_attempt", "1", "code", "1")
	with := func(name, value string) url.Values {
		v := values()
		for k := range waiting {
			v[k] = waiting[k]
		}
		v.Set(name, value)
		return v
	}
	for name, test := range map[string]struct {
		path string
		form url.Values
	}{
		"no purpose":       {emailForm, values("medium", "email", "address", "a@example.org")},
		"another purpose":  {emailForm, values("medium", "email", "address", "a@example.org", "purpose", "login")},
		"a purpose later":  {codeForm, with("purpose", "reset")},
		"no CAPTCHA":       {stepForm, with("answer", "123456")},
		"no medium":        {emailForm, ask("address", "a@example.org")},
		"another medium":   {emailForm, ask("medium", "pigeon", "address", "a@example.org")},
		"two addresses":    {emailForm, url.Values{"purpose": {"verify"}, "medium": {"email"}, "address": {"a@example.org", "b@example.org"}}},
		"NUL":              {emailForm, ask("medium", "email", "address", "a\x00@example.org")},
		"no UTF-8":         {emailForm, ask("medium", "email", "address", "\xff@example.org")},
		"a bad secret":     {againForm, with("client_secret", "a b")},
		"no attempt":       {codeForm, with("send_attempt", "")},
		"attempt 0":        {againForm, with("send_attempt", "0")},
		"attempt too high": {againForm, with("send_attempt", "9223372036854775807")},
		"no address":       {againForm, with("address", "")},
		"no form":          {editForm, nil},
	} {
		t.Run(name, func(t *testing.T) {
			w.send(test.path, test.form).says(http.StatusBadRequest, "We did not understand that")
		})
	}
	w.send(emailForm+"?medium=email&address=a@example.org", nil).says(http.StatusBadRequest)
	w.send(emailForm, ask("medium", "email", "address", strings.Repeat("a", 20<<10))).says(http.StatusRequestEntityTooLarge, "That was too much")
	w.request(http.MethodPost, emailForm, `{"medium":"email","address":"a@example.org"}`, "Content-Type", "application/json").says(http.StatusBadRequest)
	if w.post.count() != 0 {
		t.Error("a message was sent")
	}
}

func TestAnotherSiteCannotPressOurButtons(t *testing.T) {
	w := newWorld(t)
	waiting := w.open()
	_, link := w.lastEmail()
	link = strings.TrimPrefix(link, w.srv.URL)
	for _, header := range [][]string{
		{"Sec-Fetch-Site", "cross-site"},
		{"Sec-Fetch-Site", "same-site"},
		{"Origin", "https://evil.example"},
		{"Origin", "null"},
	} {
		for _, path := range []string{emailForm, codeForm, againForm, editForm, stepForm, otherForm, link, page.StopPath("x"), page.StopPath("x") + "/allow", page.ChallengePath("x")} {
			form := ask("medium", "email", "address", "bob@example.org", "sid", "s", "client_secret", secretOf(waiting), "send_attempt", "1")
			w.request(http.MethodPost, path, form.Encode(), append(header, "Content-Type", "application/x-www-form-urlencoded")...).
				says(http.StatusForbidden, "We did not take that")
		}
	}
	if w.post.count() != 1 || w.validated() != 0 {
		t.Errorf("%d messages and %d validated, want 1 and 0", w.post.count(), w.validated())
	}
}

func TestReturningToTheAddressOfAnAnswerStartsOver(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{emailForm, codeForm, againForm, editForm, stepForm, otherForm} {
		if r := w.get(path); r.StatusCode != http.StatusSeeOther || r.Header.Get("Location") != "/" {
			t.Errorf("GET %s = %d to %q, want 303 to /", path, r.StatusCode, r.Header.Get("Location"))
		}
	}
}

var errNobodyNamed = errors.New("the disk is on fire")
