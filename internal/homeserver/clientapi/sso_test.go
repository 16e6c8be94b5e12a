package clientapi_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"signet/internal/fedclient"
	"signet/internal/homeserver/account"
	"signet/internal/homeserver/sso"
	"signet/internal/idclient/idclienttest"
	"signet/internal/matrix"
)

// byCode tells the story at a server where people log in by a code, and Alice has an address.
// What it returns to without a question is trusted.test.
func byCode(t *testing.T, story func(w *world)) {
	each(t, func(w *world) {
		w.byCode(w.joined("alice"))
		story(w)
	})
}

// byCode gives a user an address, and has people log in by a code.
func (w *world) byCode(token string) {
	w.Helper()
	var err error
	w.api.Logins, err = sso.New(w.Context(), sso.Options{
		DB: w.db, Vault: w.vault, Accounts: w.api.Accounts, Contacts: w.api.Contacts, Trusted: []sso.Site{"https://trusted.test"}, Now: w.clock.Now,
	})
	if err != nil {
		w.Fatal(err)
	}
	w.want("asking", w.call(token, "POST /account/3pid/email/requestToken", asksEmail), 200, "")
	w.want("the code", w.do("POST", "/_signet/v1/3pid/email/submitToken", submits), 200, "")
	const session = `"sid":"sid1","client_secret":"s3cret"`
	challenge := w.call(token, "POST /account/3pid/add", `{`+session+`}`)
	w.want("adding", w.call(token, "POST /account/3pid/add", `{`+session+`,`+owner(password, challenge.str("session"))+`}`), 200, "")
}

// browser is one person's, at the pages of a login.
type browser struct {
	*world
	cookie string
	header []string
	state  string
}

func (w *world) browser(header ...string) *browser { return &browser{world: w, header: header} }

var (
	stateField = regexp.MustCompile(`name="state" value="([^"]+)"`)
	setCookie  = regexp.MustCompile(`^__Host-signet_login=([^;]+); Path=/; Max-Age=3600; HttpOnly; Secure; SameSite=Lax$`)
)

// begin opens the first page, as a client has it done.
func (b *browser) begin(redirect string) answer {
	b.Helper()
	return b.read(b.do("GET", v3+"/login/sso/redirect?redirectUrl="+url.QueryEscape(redirect), "", b.headers()...))
}

// send sends the form of the page that was read last.
func (b *browser) send(fields string) answer {
	b.Helper()
	return b.read(b.follow(fields))
}

// follow is send without a look at the answer, and without going where it leads.
func (b *browser) follow(fields string) answer {
	b.Helper()
	req, err := http.NewRequestWithContext(b.Context(), "POST", b.server.URL+"/_signet/v1/login", strings.NewReader("state="+b.state+"&"+fields))
	if err != nil {
		b.Fatal(err)
	}
	for _, line := range append(b.headers(), formType) {
		name, value, _ := strings.Cut(line, ": ")
		req.Header.Set(name, value)
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		b.Fatal(err)
	}
	return read(b.T, res)
}

func (b *browser) headers() []string {
	header := append([]string{"Sec-Fetch-Site: same-origin"}, b.header...)
	if b.cookie != "" {
		header = append(header, "Cookie: __Host-signet_login="+b.cookie)
	}
	return header
}

// read keeps what a browser keeps of an answer.
func (b *browser) read(a answer) answer {
	b.Helper()
	if given := a.header.Get("Set-Cookie"); given != "" {
		match := setCookie.FindStringSubmatch(given)
		if match == nil {
			b.Fatalf("the cookie is %q", given)
		}
		b.cookie = match[1]
	}
	if match := stateField.FindStringSubmatch(a.text); match != nil {
		b.state = match[1]
	}
	return a
}

// typed is a browser that has come to the consent of Alice.
func (w *world) typed(redirect string) *browser {
	w.Helper()
	b := w.browser()
	w.page("the first page", b.begin(redirect), 200)
	w.page("the address", b.send("address=Alice%40example.org"), 200)
	w.page("the code", b.send("code="+idclienttest.Code), 200)
	return b
}

// tokenOf is the login token in where an answer leads, which is the address with it.
func (w *world) tokenOf(a answer, address string) string {
	w.Helper()
	token, found := strings.CutPrefix(a.header.Get("Location"), address+"loginToken=")
	if a.status != http.StatusSeeOther || !found || token == "" {
		w.Fatalf("the login ends with %d, Location %q, want 303 to %s: %s", a.status, a.header.Get("Location"), address, a.text)
	}
	if a.header.Get("Cache-Control") != "no-store" || a.header.Get("Referrer-Policy") != "no-referrer" {
		w.Errorf("what leads back has the header %v", a.header)
	}
	return token
}

func (w *world) loginBy(token string) answer {
	w.Helper()
	return w.do("POST", v3+"/login", `{"type":"m.login.token","token":"`+token+`","initial_device_display_name":"App"}`)
}

// Alice logs in by a code, from the first page to the devices that she has.
func TestLoginByACode(t *testing.T) {
	byCode(t, func(w *world) {
		w.wantJSON("the flows", w.do("GET", v3+"/login", ""), `{"flows":[{"type":"m.login.password"},`+
			`{"type":"m.login.sso","identity_providers":[{"id":"code","name":"code by e-mail or SMS"}]},{"type":"m.login.token"}]}`)
		b := w.browser("User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "X-Forwarded-For: 2001:db8::1", "Accept-Language: de-CH")
		const app = "https://app.test/#/login"
		text := w.page("the first page", b.begin("https://app.test/?a=1&b=%20#/login"), 200)
		for _, want := range []string{"hs.test", "https://app.test", "Firefox unter Linux"} {
			if !strings.Contains(text, want) {
				w.Errorf("the first page says %s, want in it %s", text, want)
			}
		}
		if text := w.page("the address", b.send("address=+Alice%40Example.org+"), 200); !strings.Contains(text, "alice@example.org") || strings.Contains(text, "@alice:hs.test") {
			w.Errorf("the second page says %s", text)
		}
		if w.ids.Last["im.signet.purpose"] != "login" || w.ids.Last["im.signet.client_ip"] != "2001:db8::1" || w.ids.Last["im.signet.language"] != "de" || w.ids.Last["im.signet.user_id"] != nil {
			w.Errorf("the identity server is asked for %v", w.ids.Last)
		}
		if text := w.page("a wrong code", b.send("code=000000"), 403); !strings.Contains(text, "nicht der richtige Code") {
			w.Errorf("a wrong code: the page says %s", text)
		}
		consent := b.send("code=" + idclienttest.Code)
		if text := w.page("the code", consent, 200); !strings.Contains(text, "@alice:hs.test") || !strings.Contains(text, "https://app.test") {
			w.Errorf("the page of the consent says %s", text)
		}
		if policy := consent.header.Get("Content-Security-Policy"); !strings.Contains(policy, "form-action 'self' https://app.test;") {
			w.Errorf("the policy %q does not let the browser go back", policy)
		}
		token := w.tokenOf(b.follow("agreed=1"), "https://app.test/?a=1&b=%20&")
		token, fragment, _ := strings.Cut(token, "#")
		if fragment != "/login" {
			w.Errorf("the fragment is %q, want that of %s", fragment, app)
		}
		login := w.loginBy(token)
		w.want("the token", login, 200, "")
		w.wantJSON("whoami", w.call(login.str("access_token"), "GET /account/whoami", ""), `{"user_id":"@alice:hs.test","device_id":"`+login.str("device_id")+`","is_guest":false}`)
		w.want("the token again", w.loginBy(token), 403, "M_FORBIDDEN")
		if w.outbox.AttemptDue(w.Context()); len(w.ids.Told) != 1 || w.ids.Told[0]["address"] != "alice@example.org" || w.ids.Told[0]["user_id"] != "@alice:hs.test" || w.ids.Told[0]["device"] != "App" || w.ids.Told[0]["kind"] != "login" {
			w.Errorf("of the login the owner was told %v", w.ids.Told)
		}
		if log := w.wholeLog(); strings.Contains(log, "example.org") || strings.Contains(log, token) || strings.Contains(log, b.cookie) {
			w.Errorf("the log tells addresses or secrets:\n%s", log)
		}
	})
}

// A login neither fails nor waits where its owner cannot be told now: they are told later. Of one
// that is refused nobody is told.
func TestALoginWhileTheIdentityServerIsAway(t *testing.T) {
	byCode(t, func(w *world) {
		token := w.tokenOf(w.typed("https://app.test/").follow("agreed=1"), "https://app.test/?")
		w.ids.Down = true
		w.want("the token", w.loginBy(token), 200, "")
		w.want("again", w.loginBy(token), 403, "M_FORBIDDEN")
		w.outbox.AttemptDue(w.Context())
		w.ids.Down = false
		w.clock.Advance(time.Minute)
		if w.outbox.AttemptDue(w.Context()); len(w.ids.Told) != 1 {
			w.Errorf("of the login the owner was told %v", w.ids.Told)
		}
		if log := w.wholeLog(); !strings.Contains(log, "kind=contact.notice") || strings.Contains(log, "example.org") {
			w.Errorf("the log is\n%s", log)
		}
	})
}

// Who asks for codes is limited by their network, on pages too.
func TestCodesToLogInByAreLimited(t *testing.T) {
	byCode(t, func(w *world) {
		b := w.browser("X-Forwarded-For: 2001:db8::1")
		b.begin("https://app.test/")
		w.limit(3, false)
		b.send("address=alice%40example.org")
		b.send("again=1")
		b.send("again=1")
		asked := len(w.ids.Asked)
		other := browser{world: w, cookie: b.cookie, state: b.state, header: []string{"X-Forwarded-For: 2001:db8::2"}}
		if text := w.page("a fourth code, from beside", other.send("again=1"), 429); !strings.Contains(text, "Too many") || len(w.ids.Asked) != asked {
			w.Errorf("the page says %s", text)
		}
		w.page("the next page", other.begin("https://app.test/"), 429)
		elsewhere := browser{world: w, cookie: b.cookie, state: b.state, header: []string{"X-Forwarded-For: 2001:db8:1::1"}}
		w.page("from elsewhere", elsewhere.send("again=1"), 200)
	})
}

// What a page carries along fits into its form, at its longest.
func TestTheLongestLogin(t *testing.T) {
	byCode(t, func(w *world) {
		b := w.browser()
		b.begin("https://app.test/" + strings.Repeat("&", 2000-len("https://app.test/")))
		long := strings.Repeat("x", 900)
		captcha := idclienttest.OK(map[string]any{"errcode": "M_CAPTCHA_NEEDED", "error": "no", "im.signet.challenge": map[string]any{
			"id": strings.Repeat("c", 255), "url": "https://id.test/" + long, "image_url": "https://id.test/" + long, "audio_url": "https://id.test/" + long, "expires_at": 1}})
		captcha.Status = 403
		w.ids.Says = &captcha
		w.page("a CAPTCHA", b.send("address="+strings.Repeat("a", 60)+"%40example.org"), 200)
		w.page("another", b.send("again=1"), 200)
	})
}

// A site that the operator trusts is returned to without a question.
func TestLoginForATrustedSite(t *testing.T) {
	byCode(t, func(w *world) {
		b := w.browser()
		w.page("the first page", b.begin("https://trusted.test/app"), 200)
		w.page("the address", b.send("address=alice%40example.org"), 200)
		again := *b
		w.want("the token", w.loginBy(w.tokenOf(b.follow("code="+idclienttest.Code), "https://trusted.test/app?")), 200, "")
		if text := w.page("the code twice", again.send("code="+idclienttest.Code), 403); !strings.Contains(text, "used already") {
			w.Errorf("a code that was used: the page says %s", text)
		}
	})
}

// Who follows the link of a message for a login that somebody else began lets nobody in.
func TestALinkLogsNobodyIn(t *testing.T) {
	byCode(t, func(w *world) {
		b := w.browser()
		b.begin("https://app.test/")
		b.send("address=alice%40example.org")
		w.ids.Validated["sid2"] = true
		for _, fields := range []string{"", "code=", "agreed=1", "code=000000", "code=000000&agreed=1"} {
			a := b.send(fields)
			if w.page(fields, a, 403); a.header.Get("Location") != "" || strings.Contains(a.text, "@alice:hs.test") {
				w.Errorf("%q after the link = %s", fields, a.text)
			}
		}
		w.page("the code all the same", b.send("code="+idclienttest.Code), 200)
	})
}

// A login belongs to the browser that began it, whatever other sites and browsers send.
func TestALoginIsOfOneBrowser(t *testing.T) {
	byCode(t, func(w *world) {
		b := w.typed("https://app.test/")
		other := w.browser()
		other.begin("https://evil.test/")
		stolen := browser{world: w, cookie: other.cookie, state: b.state}
		w.page("in another browser", stolen.follow("agreed=1"), 400)
		w.page("without a cookie", (&browser{world: w, state: b.state}).follow("agreed=1"), 400)
		w.page("another state", (&browser{world: w, cookie: b.cookie, state: b.state[:len(b.state)-4] + "AAAA"}).follow("agreed=1"), 400)
		w.page("no state", (&browser{world: w, cookie: b.cookie}).follow("agreed=1"), 400)
		foreign := browser{world: w, cookie: b.cookie, state: b.state, header: []string{"Sec-Fetch-Site: cross-site"}}
		w.page("another site's form", foreign.follow("agreed=1"), 403)
		elsewhere := browser{world: w, cookie: b.cookie, state: b.state, header: []string{"Sec-Fetch-Site: ", "Origin: https://evil.test"}}
		w.page("another site's form in an old browser", elsewhere.follow("agreed=1"), 403)
		w.page("in the query", w.do("POST", "/_signet/v1/login?state="+b.state+"&agreed=1", "", append(b.headers(), formType)...), 400)
		w.tokenOf(b.follow("agreed=1"), "https://app.test/?")
	})
}

// Two tabs have a login each, and both come to their end.
func TestTwoTabs(t *testing.T) {
	byCode(t, func(w *world) {
		first := w.browser()
		first.begin("https://one.test/")
		second := browser{world: w, cookie: first.cookie}
		second.begin("https://two.test/")
		if second.cookie != first.cookie {
			t.Fatal("the second tab makes the first one's form void")
		}
		for tab, at := range map[*browser]string{first: "https://one.test/?", &second: "https://two.test/?"} {
			tab.send("address=alice%40example.org")
			tab.send("code=" + idclienttest.Code)
			w.want(at, w.loginBy(w.tokenOf(tab.follow("agreed=1"), at)), 200, "")
		}
	})
}

// A form that is sent twice gives one token, whichever page of the login it is of.
func TestALoginEndsOnce(t *testing.T) {
	byCode(t, func(w *world) {
		b := w.typed("https://app.test/")
		again := *b
		w.tokenOf(b.follow("agreed=1"), "https://app.test/?")
		if text := w.page("agreed twice", again.send("agreed=1"), 403); !strings.Contains(text, "used already") {
			w.Errorf("a login that has ended: the page says %s", text)
		}
		n := 0
		if err := w.db.QueryRow(w.Context(), `SELECT COUNT(*) FROM account_login_tokens`).Scan(&n); err != nil || n != 1 {
			w.Errorf("%d login tokens, %v, want 1", n, err)
		}
		w.page("the address again", again.send("address=alice%40example.org"), 200)
		w.page("another code", again.send("code="+idclienttest.Code), 200)
		w.tokenOf(again.follow("agreed=1"), "https://app.test/?")
	})
}

func TestALoginTakesHalfAnHourAtMost(t *testing.T) {
	byCode(t, func(w *world) {
		b, late := w.typed("https://app.test/"), w.typed("https://app.test/")
		w.clock.Advance(sso.Life - time.Millisecond)
		token := w.tokenOf(b.follow("agreed=1"), "https://app.test/?")
		w.clock.Advance(account.LoginTokenLife)
		w.want("a token after two minutes", w.loginBy(token), 403, "M_FORBIDDEN")
		if text := w.page("the consent after half an hour", late.follow("agreed=1"), 400); !strings.Contains(text, "too long ago") {
			w.Errorf("the page says %s", text)
		}
	})
}

// Who does not have an address learns nothing of whether it is an account's.
func TestLoginByAnAddressOfNobody(t *testing.T) {
	byCode(t, func(w *world) {
		pages := map[string]string{}
		for _, address := range []string{"alice@example.org", "nobody@example.org"} {
			b, before := w.browser(), len(w.ids.Asked)
			b.begin("https://app.test/")
			text := w.page(address, b.send("address="+url.QueryEscape(address)), 200)
			text += w.page("a wrong code", b.send("code=000000"), 403)
			pages[address] = strings.ReplaceAll(text, address, "") + strings.Join(w.ids.Asked[before:], " ")
		}
		if pages["alice@example.org"] != pages["nobody@example.org"] {
			w.Errorf("what is told of the two differs: %v", pages)
		}
		b := w.browser()
		b.begin("https://app.test/")
		b.send("address=nobody%40example.org")
		if text := w.page("the code of nobody", b.send("code="+idclienttest.Code), 403); !strings.Contains(text, "No account here") {
			w.Errorf("the owner of an address of no account reads %s", text)
		}
	})
}

func TestLoginWithWhatIsNoAddress(t *testing.T) {
	byCode(t, func(w *world) {
		b, before := w.browser(), len(w.ids.Asked)
		b.begin("https://app.test/")
		for _, address := range []string{"", "alice", "@alice:hs.test", "0151 12345678", "a@b@c", "+1", "%00@example.org", "%ff", strings.Repeat("a", 4000) + "@b.org", "<script>@x"} {
			if a := b.send("address=" + address); strings.Contains(a.text, "<script>") || a.status != 400 {
				w.Errorf("%.20q = %d %s, want 400", address, a.status, a.text)
			}
		}
		if asked := w.ids.Asked[before:]; len(asked) > 0 {
			w.Errorf("the identity server is asked %v", asked)
		}
		if text := w.page("a phone number", b.send("address=%2B49+151+12345678"), 200); !strings.Contains(text, "+4915112345678") {
			w.Errorf("a phone number: the page says %s", text)
		}
	})
}

// What an identity server wants, or does, shows on the page, which can be gone on with.
func TestLoginWithATroubledIdentityServer(t *testing.T) {
	byCode(t, func(w *world) {
		b := w.browser()
		b.begin("https://app.test/")
		away := func(step, fields string) {
			t.Helper()
			w.ids.Down = true
			if a := b.send(fields); !strings.Contains(a.text, "try again in a moment") || !strings.Contains(a.text, step) || a.status != 502 {
				w.Errorf("at %q away = %d %s", fields, a.status, a.text)
			}
			w.ids.Down = false
		}
		away(`name="address"`, "address=alice%40example.org")
		captcha := idclienttest.OK(map[string]any{"errcode": "M_CAPTCHA_NEEDED", "error": "no", "im.signet.challenge": map[string]any{
			"id": "c1", "url": "https://id.test/c1", "image_url": "https://id.test/c1.png", "audio_url": "https://id.test/c1.wav", "expires_at": 1}})
		captcha.Status = 403
		w.ids.Says = &captcha
		a := b.send("address=alice%40example.org")
		if w.page("a CAPTCHA", a, 200); !strings.Contains(a.text, `src="https://id.test/c1.png"`) || !strings.Contains(a.header.Get("Content-Security-Policy"), "img-src https://id.test; media-src https://id.test") {
			w.Errorf("the page of a CAPTCHA is %s", a.text)
		}
		if text := w.page("a wrong answer", b.send("answer=1"), 403); !strings.Contains(text, "not the digits") {
			w.Errorf("a wrong answer: the page says %s", text)
		}
		w.page("another picture", b.send("again=1"), 200)
		w.ids.Says = nil
		w.page("the answer", b.send("answer=123456"), 200)
		if challenge, _ := w.ids.Last["im.signet.challenge"].(map[string]any); challenge["id"] != "c1" || challenge["answer"] != "123456" {
			w.Errorf("the identity server is told %v", w.ids.Last)
		}
		limited := idclienttest.Refusal(429, matrix.LimitExceededCode)
		w.ids.Says = &limited
		for _, fields := range []string{"code=000000", "again=1"} {
			if text := w.page("too many", b.send(fields), 429); !strings.Contains(text, "too often") {
				w.Errorf("too many: the page says %s", text)
			}
		}
		w.ids.Says = nil
		w.page("another code", b.send("again=1"), 200)
		if w.ids.Last["send_attempt"] != 2.0 {
			w.Errorf("another code is asked for by %v", w.ids.Last)
		}
		bad := strings.NewReplacer("https://id.test/c1.png", "javascript:alert(1)").Replace(string(captcha.Body))
		w.ids.Says = &fedclient.Response{Status: 403, Header: http.Header{}, Body: []byte(bad)}
		w.page("a CAPTCHA that is none", b.send("again=1"), 502)
		w.ids.Says = nil
		w.page("another address", b.send("anew=1"), 200)
		w.page("the address", b.send("address=alice%40example.org"), 200)
		away(`name="code"`, "code="+idclienttest.Code)
		w.page("the code", b.send("code="+idclienttest.Code), 200)
		away(`name="agreed"`, "agreed=1")
		w.tokenOf(b.follow("agreed=1"), "https://app.test/?")
	})
}

// What leads nowhere, or where nobody should be led, is refused before anything is entered.
func TestLoginsThatDoNotBegin(t *testing.T) {
	byCode(t, func(w *world) {
		const path = v3 + "/login/sso/redirect"
		for query, status := range map[string]int{
			path: 400, path + "?redirectUrl=": 400, path + "/other?redirectUrl=https%3A%2F%2Fapp.test": 404,
			path + "?redirectUrl=https%3A%2F%2Fapp.test&redirectUrl=https%3A%2F%2Fapp.test": 400,
			path + "?redirectUrl=javascript%3Aalert(1)":                                     400,
			path + "?redirectUrl=https%3A%2F%2Ftrusted.test%40evil.test":                    400,
			path + "?redirectUrl=http%3A%2F%2Fapp.test":                                     400,
			path + "?redirectUrl=%2F%2Fapp.test":                                            400,
		} {
			a := w.do("GET", query, "")
			w.page(query, a, status)
			if a.header.Get("Set-Cookie") != "" && status == 404 || stateField.MatchString(a.text) {
				w.Errorf("GET %s begins a login: %s", query, a.text)
			}
		}
		w.page("by its former name", w.do("GET", "/_matrix/client/r0/login/sso/redirect/code?redirectUrl=https%3A%2F%2Fapp.test", ""), 200)
		w.page("a page loaded anew", w.do("GET", "/_signet/v1/login", ""), 400)
		w.want("a login without a token", w.loginBy(""), 400, "M_BAD_JSON")
		w.want("a login with nonsense", w.loginBy("nonsense"), 403, "M_FORBIDDEN")
	})
}

// Login by a code is off unless the operator wants it.
func TestLoginByACodeIsOff(t *testing.T) {
	each(t, func(w *world) {
		w.wantJSON("the flows", w.do("GET", v3+"/login", ""), `{"flows":[{"type":"m.login.password"}]}`)
		w.page("the page", w.do("GET", v3+"/login/sso/redirect?redirectUrl=https%3A%2F%2Fapp.test", ""), 404)
		w.page("its form", w.do("POST", "/_signet/v1/login", "state=x", formType), 404)
		w.want("a token", w.loginBy("x"), 400, "M_UNKNOWN")
	})
}
