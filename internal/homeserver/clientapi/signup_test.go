package clientapi_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"signet/internal/fedclient"
	"signet/internal/homeserver/account"
	"signet/internal/homeserver/clientapi"
	"signet/internal/idclient"
	"signet/internal/matrix"
	"signet/internal/quota"
	"signet/internal/store"
	"signet/internal/store/storetest"
)

// captchas is an identity server whose CAPTCHAs all have the answer 123456.
type captchas struct {
	w    *world
	made int
	down error
}

func (c *captchas) NewChallenge(context.Context) (idclient.Challenge, error) {
	if c.down != nil {
		return idclient.Challenge{}, c.down
	}
	c.made++
	page := fmt.Sprint("https://id.test/c/", c.made)
	return idclient.Challenge{ID: fmt.Sprint("C", c.made), URL: page, ImageURL: page + "/image", AudioURL: page + "/audio", ExpiresAt: c.w.clock.Now().Add(10 * time.Minute).UnixMilli()}, nil
}

func (c *captchas) CheckChallenge(_ context.Context, _, answer string) error {
	if c.down != nil {
		return c.down
	}
	if answer != "123456" {
		return fedclient.Refusal{Status: 400, Errcode: matrix.CaptchaInvalid}
	}
	return nil
}

// privacy is what people accept.
var privacy = account.Terms{"privacy": {Version: "1.2", Languages: map[string]account.Translation{
	"en": {Name: "Privacy <policy>", URL: "https://hs.test/p-1.2-en"}, "de": {Name: "Datenschutz", URL: "https://hs.test/p-1.2-de"},
}}}

// eachSignUp is each at a server with an identity server, terms and those flows.
func eachSignUp(t *testing.T, flows account.Flows, story func(w *world, id *captchas)) {
	storetest.Each(t, owners, func(t *testing.T, db *store.DB) {
		id := &captchas{}
		id.w = newWorldWith(t, db, func(o *account.Options) { o.Flows, o.Captchas, o.Terms = flows, id, privacy })
		story(id.w, id)
	})
}

// A client that knows the stages shows them itself.
func TestSignUpWithCaptchaAndTerms(t *testing.T) {
	eachSignUp(t, account.Flows{{account.StageCaptcha, account.StageTerms}}, func(w *world, id *captchas) {
		asked := w.do("POST", v3+"/register", `{}`)
		const terms = `"m.login.terms":{"policies":{"privacy":{"de":{"name":"Datenschutz","url":"https://hs.test/p-1.2-de"},"en":{"name":"Privacy <policy>","url":"https://hs.test/p-1.2-en"},"version":"1.2"}}}`
		want := func(what string, got answer, completed, captcha, rest string) {
			w.Helper()
			text := fmt.Sprintf(`{"completed":[%s],"flows":[{"stages":["im.signet.captcha","m.login.terms"]}],"params":{%s%s},"session":%q%s}`,
				completed, captcha, terms, asked.str("session"), rest)
			if got.status != 401 || got.text != text {
				w.Errorf("%s = %d %s, want 401 %s", what, got.status, got.text, text)
			}
		}
		captcha := func(n int) string {
			return fmt.Sprintf(`"im.signet.captcha":{"id":"C%d","url":"https://id.test/c/%d","image_url":"https://id.test/c/%d/image","audio_url":"https://id.test/c/%d/audio","expires_at":%d},`,
				n, n, n, n, w.clock.Now().Add(10*time.Minute).UnixMilli())
		}
		stage := func(auth string) answer {
			return w.do("POST", v3+"/register", fmt.Sprintf(`{"username":"alice","password":%q,"auth":{%s,"session":%q}}`, password, auth, asked.str("session")))
		}
		want("the first answer", asked, ``, captcha(1), ``)
		want("a wrong answer", stage(`"type":"im.signet.captcha","answer":"000000"`), ``, captcha(2), `,"errcode":"M_CAPTCHA_INVALID","error":"the CAPTCHA was not solved"`)
		id.down = fedclient.ErrUnreachable
		w.want("while the identity server is away", stage(`"type":"im.signet.captcha","answer":"123456"`), 502, "M_UNKNOWN")
		id.down = nil
		want("the right answer", stage(`"type":"im.signet.captcha","answer":"123456"`), `"im.signet.captcha"`, ``, ``)
		w.want("accepting", stage(`"type":"m.login.terms"`), 200, "")
		if got, err := w.api.Accounts.AcceptedTerms(w.Context(), "@alice:hs.test"); err != nil || got["privacy"] != "1.2" {
			w.Errorf("alice has accepted %v, %v", got, err)
		}
		for body, code := range map[string]string{`{"auth":{"type":"im.signet.captcha","answer":5}}`: "M_BAD_JSON", `{"auth":{"type":"im.signet.captcha","answer":null,"session":"\u0000"}}`: "M_INVALID_PARAM"} {
			w.want(body, w.do("POST", v3+"/register", body), 400, code)
		}
	})
}

// Somebody whose client knows none of it passes both on pages, without script.
func TestSignUpOnPages(t *testing.T) {
	eachSignUp(t, account.Flows{{account.StageCaptcha, account.StageTerms}}, func(w *world, id *captchas) {
		session := w.do("POST", v3+"/register", `{}`).str("session")
		captcha, terms := fallback(account.StageCaptcha, session), fallback(account.StageTerms, session)
		shows := func(what string, a answer, status, n int) {
			w.Helper()
			w.page(what, a, status)
			for _, part := range []string{`src="https://id.test/c/%d/image"`, `<audio controls preload="none" src="https://id.test/c/%d/audio?lang=en"`, `href="https://id.test/c/%d/audio?lang=en"`} {
				if !strings.Contains(a.text, fmt.Sprintf(part, n)) {
					w.Errorf("%s: the page has not %s in it: %s", what, fmt.Sprintf(part, n), a.text)
				}
			}
			if policy := a.header.Get("Content-Security-Policy"); !strings.Contains(policy, "; img-src https://id.test; media-src https://id.test") {
				w.Errorf("%s: the policy is %s", what, policy)
			}
		}
		first := w.do("GET", captcha, "")
		shows("the page", first, 200, 1)
		if !strings.Contains(first.text, `alt="Six digits`) || !strings.Contains(first.text, `name="another"`) {
			w.Errorf("the page is %s", first.text)
		}
		wrong := w.do("POST", captcha, "answer=000000", formType)
		shows("a wrong answer", wrong, 403, 2)
		if !strings.Contains(wrong.text, `role="alert"`) || !strings.Contains(wrong.text, `aria-invalid="true"`) {
			w.Errorf("a wrong answer: %s", wrong.text)
		}
		shows("another picture", w.do("POST", captcha, "another=1&answer=", formType), 200, 3)
		shows("no answer", w.do("POST", captcha, "answer=", formType), 403, 3)
		id.down = fedclient.ErrUnreachable
		if text := w.page("while the identity server is away", w.do("POST", captcha, "answer=123456", formType), 502); !strings.Contains(text, "identity server") {
			w.Errorf("the page says %s", text)
		}
		id.down = nil
		w.page("the terms too early", w.do("GET", terms, ""), 401)
		if a := w.do("POST", captcha, "answer=123456", formType); !strings.Contains(a.text, "authDone") {
			w.Errorf("the right answer = %d %s", a.status, a.text)
		}
		w.page("another picture of a passed one", w.do("POST", captcha, "another=1", formType), 200)
		page := w.do("GET", terms, "")
		if text := w.page("the terms", page, 200); !strings.Contains(text, "Privacy <policy>") || !strings.Contains(page.text, `href="https://hs.test/p-1.2-de" lang="de"`) || !strings.Contains(text, "I accept") {
			w.Errorf("the terms: %s", page.text)
		}
		w.page("accepting", w.do("POST", terms, "", formType), 200)
		w.want("the session", w.do("POST", v3+"/register", `{"auth":{"session":"`+session+`"},"username":"alice","password":"`+password+`"}`), 200, "")
	})
}

// A flow that begins with a CAPTCHA cannot begin without the identity server; nothing is kept
// of the attempt.
func TestSignUpWithoutTheIdentityServer(t *testing.T) {
	eachSignUp(t, account.Flows{{account.StageCaptcha}}, func(w *world, id *captchas) {
		id.down = fedclient.Refusal{Status: 503, Errcode: matrix.Unknown, Message: "its own words"}
		a := w.do("POST", v3+"/register", `{}`)
		w.want("away", a, 502, "M_UNKNOWN")
		if strings.Contains(a.text, "own words") {
			w.Errorf("the client is told %s", a.text)
		}
		id.down = fedclient.Refusal{Status: 429, Errcode: matrix.LimitExceededCode, RetryAfter: 3 * time.Second}
		a = w.do("POST", v3+"/register", `{}`)
		w.want("too many", a, 429, "M_LIMIT_EXCEEDED")
		if a.header.Get("Retry-After") != "3" {
			w.Errorf("too many: Retry-After %q, want 3", a.header.Get("Retry-After"))
		}
	})
}

// One network has only so many CAPTCHAs made: by beginning again, by wrong answers, and on
// pages. Whoever waits for a message asks as often as clients do.
func TestCaptchasAreLimited(t *testing.T) {
	eachSignUp(t, account.Flows{{account.StageCaptcha}}, func(w *world, id *captchas) {
		session := w.do("POST", v3+"/register", `{}`).str("session")
		for i, ask := range []func(from string) answer{
			func(from string) answer { return w.do("POST", v3+"/register", `{}`, from) },
			func(from string) answer { return w.do("POST", v3+"/register", `{"auth":{"session":"forged"}}`, from) },
			func(from string) answer {
				return w.do("POST", v3+"/register", `{"auth":{"type":"im.signet.captcha","answer":"0","session":"`+session+`"}}`, from)
			},
			func(from string) answer {
				return w.do("POST", fallback(account.StageCaptcha, session), "another=1", formType, from)
			},
			func(from string) answer {
				return w.do("POST", strings.Replace(fallback(account.StageCaptcha, session), "im.signet", "im%2Esignet", 1), "another=1", formType, from)
			},
		} {
			here, elsewhere := fmt.Sprintf("X-Forwarded-For: 192.0.2.%d", i), fmt.Sprintf("X-Forwarded-For: 198.51.100.%d", i)
			w.limit(4, false)
			made := id.made
			for range 20 {
				ask(here)
			}
			if n := id.made - made; n > 4 {
				w.Errorf("way %d: %d CAPTCHAs were made for one network, want at most 4", i, n)
			}
			if a := ask(here); a.status != 429 {
				w.Errorf("way %d = %d, want 429", i, a.status)
			}
			if a := ask(elsewhere); a.status == 429 {
				w.Errorf("way %d from elsewhere = %d %s", i, a.status, a.text)
			}
		}
	})
}

// Clients ask each few seconds whether the link of a message was opened: that is not one
// registration after another.
func TestWaitingForAMessage(t *testing.T) {
	eachAddress(t, func(w *world) {
		var err error
		if w.api.Quota, err = quota.New(w.Context(), quota.Options{DB: w.db, Vault: w.vault, Budgets: clientapi.Budgets(false), Now: w.clock.Now}); err != nil {
			w.Fatal(err)
		}
		const from = "X-Forwarded-For: 192.0.2.1"
		session := w.do("POST", v3+"/register", `{}`, from).str("session")
		asked, creds := w.code("register", "email", "alice@example.org", "s3cret")
		poll := func(creds string) answer {
			return w.do("POST", v3+"/register", `{"username":"alice","password":"`+password+`","auth":{"session":"`+session+`"`+creds+`}}`, from)
		}
		for range 300 {
			if a := poll(`,"type":"m.login.email.identity",` + creds); a.status != 401 {
				w.Fatalf("waiting = %d %s", a.status, a.text)
			}
		}
		w.enter(asked, "s3cret")
		w.want("then", poll(`,"type":"m.login.email.identity",`+creds), 200, "")
		for range 200 {
			w.do("POST", v3+"/register", `{}`, from)
		}
		w.want("beginnings", w.do("POST", v3+"/register", `{}`, from), 429, "M_LIMIT_EXCEEDED")
	})
}
