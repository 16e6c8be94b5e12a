package page_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"signet/verify"
	"signet/web/page"
)

// submitLink is the link of the specification for a session.
func submitLink(c verify.Credentials, code string) string {
	return "/_matrix/identity/v2/validate/email/submitToken?" +
		values("sid", c.SID, "client_secret", c.ClientSecret, "token", code).Encode()
}

func TestTheSpecificationsLinkValidatesWhenOpened(t *testing.T) {
	w := newWorld(t)
	session := w.asked("")
	code, _ := w.lastEmail()
	for range 2 {
		w.get(submitLink(session, code)).says(http.StatusOK, "Address verified", "alice@example.org", "go back to the app")
	}
	if w.validated() != 1 {
		t.Error("the session is not validated")
	}
}

func TestBothMediaHaveTheSpecificationsLink(t *testing.T) {
	w := newWorld(t)
	session := w.asked("")
	code, _ := w.lastEmail()
	w.get(strings.Replace(submitLink(session, code), "/email/", "/msisdn/", 1)).says(http.StatusOK, "Address verified")
}

func TestOnlyListedOriginsAreGoneToUnasked(t *testing.T) {
	for link, want := range map[string]string{
		"https://app.example.org/done?x=1":       "https://app.example.org/done?x=1",
		"https://APP.example.org:443/":           "https://app.example.org/",
		"https://app.example.org.evil.example":   "",
		"https://app.example.org:8443/":          "",
		"http://app.example.org/":                "",
		"https://evil.example/app.example.org":   "",
		"https://evil.example/#@app.example.org": "",
	} {
		w := newWorld(t)
		session := w.asked(link)
		code, _ := w.lastEmail()
		r := w.get(submitLink(session, code))
		if want != "" {
			if got := r.Header.Get("Location"); r.StatusCode != http.StatusFound || got != want {
				t.Errorf("next_link %q: %d to %q, want 302 to %q", link, r.StatusCode, got, want)
			}
			if r.Header.Get("Referrer-Policy") != "same-origin" || r.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("next_link %q: the way on tells or keeps where one comes from", link)
			}
			continue
		}
		u, err := url.Parse(link)
		w.must(err)
		if to := r.says(http.StatusOK, "Continue to "+u.Host).linkNamed("Continue to " + u.Host); to != link {
			t.Errorf("next_link %q: the page links to %q", link, to)
		}
	}
}

// leading is a verifier that has let a next_link pass which it should not have.
type leading struct {
	page.Verifier
	to string
}

func (l leading) Link(ctx context.Context, token string) (verify.Link, error) {
	found, err := l.Verifier.Link(ctx, token)
	found.NextLink = l.to
	return found, err
}

func (l leading) Confirm(ctx context.Context, token string) (verify.Link, error) {
	found, err := l.Verifier.Confirm(ctx, token)
	found.NextLink = l.to
	return found, err
}

func (l leading) SubmitAnyone(ctx context.Context, c verify.Credentials, code string) (string, error) {
	_, err := l.Verifier.SubmitAnyone(ctx, c, code)
	return l.to, err
}

func leadingTo(link string) func(*page.Options) {
	return func(o *page.Options) { o.Verifier = leading{o.Verifier, link} }
}

// The host that a person reads is the one the browser goes to, however it is dressed
// up: in ASCII, with its port, and whole.
func TestADeceptiveNextLinkIsShownForWhatItIs(t *testing.T) {
	long := strings.Repeat("login.app.example.org.", 6) + "evil.example"
	for link, host := range map[string]string{
		"https://аpp.example.org/":              "xn--pp-6kc.example.org", // the first letter is Cyrillic
		"https://app.example.org。evil.example/": "app.example.org.evil.example",
		"https://app.example.org:8443/x":        "app.example.org:8443",
		"http://APP.example.org:443/":           "app.example.org:443",
		"https://" + long + "/app.example.org":  long,
	} {
		w := newWorld(t, leadingTo(link))
		session := w.asked("")
		code, mail := w.lastEmail()
		for _, r := range []*reply{w.get(submitLink(session, code)), w.get(mail), w.send(mail, nil)} {
			r.says(http.StatusOK, "Continue to "+host, "chosen by whoever asked. Go there only if you know it")
			if to := r.linkNamed("Continue to " + host); !strings.HasPrefix(to, strings.Split(link, ":")[0]+"://"+host+"/") {
				t.Errorf("next_link %q: the page leads to %q", link, to)
			}
			for _, a := range r.all("a") {
				if strings.HasPrefix(attr(a, "href"), "http") && attr(a, "rel") != "noreferrer" {
					t.Errorf("the way to %q tells where one comes from", attr(a, "href"))
				}
			}
		}
	}
}

func TestAnOddNextLinkIsNoLink(t *testing.T) {
	for _, link := range []string{
		"javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x", "//app.example.org/", "/done", "https://",
		"https://user:secret@app.example.org/", "https://app.example.org\\@evil.example/", "https://a b.example/",
		"ftp://app.example.org/", "element://vector/", "https://<b>.example/", "https://app.example.org:99999/",
	} {
		w := newWorld(t, leadingTo(link))
		session := w.asked("")
		code, _ := w.lastEmail()
		r := w.get(submitLink(session, code)).says(http.StatusOK, "Address verified")
		for _, a := range r.all("a") {
			if to := attr(a, "href"); to != "/" {
				t.Errorf("next_link %q became a link to %q", link, to)
			}
		}
	}
}

func TestALinkOfTheSpecificationThatDoesNotOpen(t *testing.T) {
	w := newWorld(t)
	session := w.asked("https://app.example.org/")
	code, _ := w.lastEmail()
	other := session
	other.ClientSecret = "other"
	good := submitLink(session, code)
	for name, test := range map[string]struct{ path, says string }{
		"wrong code":    {submitLink(session, wrong(code)), "The code is not right"},
		"wrong secret":  {submitLink(other, code), "We do not know this verification"},
		"unknown":       {submitLink(verify.Credentials{SID: "x", ClientSecret: "y"}, code), "We do not know this verification"},
		"no token":      {submitLink(session, code)[:strings.LastIndex(good, "&")], "We did not understand that"},
		"nothing":       {"/_matrix/identity/v2/validate/email/submitToken", "We did not understand that"},
		"two tokens":    {good + "&token=1", "We did not understand that"},
		"NUL":           {good + "%00", "We did not understand that"},
		"no UTF-8":      {good + "%ff", "We did not understand that"},
		"a bad percent": {good + "%", "We did not understand that"},
	} {
		t.Run(name, func(t *testing.T) { w.get(test.path).says(http.StatusBadRequest, test.says) })
	}
	w.clock.Advance(16 * time.Minute)
	w.get(good).says(http.StatusBadRequest, "This link has expired")
	if w.validated() != 0 {
		t.Error("the session is validated")
	}
}
