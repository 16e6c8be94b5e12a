package sso

import (
	"errors"
	"net/url"
	"strings"
	"testing"
)

func TestParseRedirect(t *testing.T) {
	for text, want := range map[string]string{
		"https://app.example.org":                      "https://app.example.org",
		"https://APP.example.org:443/a?b=c&d#e":        "https://app.example.org",
		"HTTPS://app.example.org:8443/":                "https://app.example.org:8443",
		"https://[2001:db8::1]:8443/":                  "https://[2001:db8::1]:8443",
		"https://xn--e1afmkfd.example/":                "https://xn--e1afmkfd.example",
		"https://2130706433/":                          "https://2130706433",
		"http://localhost:8008/?x":                     "http://localhost:8008",
		"http://app.example.org/":                      "http://app.example.org",
		"https://good.example?.evil.example/":          "https://good.example",
		"https://good.example#@evil.example/":          "https://good.example",
		"io.element.app:/callback":                     "io.element.app:",
		"IO.Element.App:callback":                      "io.element.app:",
		"element://connect?x=1":                        "element:",
		"intent://x#Intent;scheme=http;end":            "intent:",
		"":                                             "",
		"/login":                                       "",
		"//app.example.org/":                           "",
		"app.example.org":                              "",
		"https:app.example.org":                        "",
		"https:/app.example.org/":                      "",
		"https:///app.example.org/":                    "",
		"https://":                                     "",
		"https://a@app.example.org/":                   "",
		"https://app.example.org@evil.example/":        "",
		"https://app.example.org:pw@evil.example/":     "",
		`https://evil.example\@app.example.org/`:       "",
		`https:\\evil.example`:                         "",
		"https://evil.example%2f.app.example.org/":     "",
		"https://%65vil.example/":                      "",
		"https://app.example.org:99999/":               "",
		"https://app.example.org:/":                    "",
		"https://app example.org/":                     "",
		"https://app.example.org/\nx":                  "",
		"\thttps://app.example.org/":                   "",
		"https://app.example.org/\x00":                 "",
		"https://äpp.example/":                         "",
		"https://app.example.org/<script>":             "",
		"javascript:alert(1)":                          "",
		"JavaScript://app.example.org/%0aalert(1)":     "",
		"data:text/html,x":                             "",
		"vbscript:x":                                   "",
		"file:///etc/passwd":                           "",
		"blob:https://app.example.org/x":               "",
		"view-source:https://app.example.org/":         "",
		"about:blank":                                  "",
		"element://a@b/":                               "",
		"https://app.example.org/" + manyOf("a", 2000): "",
	} {
		r, err := ParseRedirect(text)
		if string(r.Site()) != want || want != "" && err != nil || want == "" && !errors.Is(err, ErrRedirect) {
			t.Errorf("ParseRedirect(%.60q) is of %q, %v, want %q", text, r.Site(), err, want)
		}
	}
}

func manyOf(s string, n int) string { return strings.Repeat(s, n) }

// Nobody is asked about what would not be safe to say yes to.
func TestSafeSites(t *testing.T) {
	for site, want := range map[Site]bool{
		"https://app.example.org": true, "http://localhost": true, "http://localhost:8080": true, "http://127.0.0.1:1": true, "http://[::1]:1": true,
		"io.element.app:": true, "im.fluffychat:": true, "element:": true,
		"http://app.example.org": false, "http://localhost.example.org": false, "http://127.0.0.1.example.org": false, "http://10.0.0.1": false,
		"intent:": false, "tel:": false, "ms-settings:": false, "mailto:": false, "x.:": false, ".x:": false,
	} {
		if got := site.safe(); got != want {
			t.Errorf("%s is safe: %t, want %t", site, got, want)
		}
	}
}

func TestParseSite(t *testing.T) {
	for text, want := range map[string]bool{
		"https://app.example.org": true, "http://app.example.org:8080": true, "io.element.app:": true, "myapp:": true,
		"": false, ":": false, "https:": false, "javascript:": false, "https://app.example.org/": false, "https://app.example.org/x": false, "https://APP.example.org": false,
		"https://app.example.org:443": false, "app.example.org": false, "io.element.app:/": false, "https://*.example.org": false, "MyApp:": false, "https://a@b.example": false,
	} {
		if site, err := ParseSite(text); (err == nil) != want || want && string(site) != text {
			t.Errorf("ParseSite(%q) = %q, %v, want it taken: %t", text, site, err, want)
		}
	}
}

func TestTheTokenGoesIntoTheQuery(t *testing.T) {
	for text, want := range map[string]string{
		"https://a.test":                                          "https://a.test?loginToken=T",
		"https://a.test/":                                         "https://a.test/?loginToken=T",
		"https://a.test/?":                                        "https://a.test/?loginToken=T",
		"https://a.test/?b=%20&c&&d=?#/x?y=z":                     "https://a.test/?b=%20&c&&d=?&loginToken=T#/x?y=z",
		"https://a.test/#?loginToken=x":                           "https://a.test/?loginToken=T#?loginToken=x",
		"https://a.test/?loginToken=evil&b=1":                     "https://a.test/?b=1&loginToken=T",
		"https://a.test/?b=1&login%54oken=evil&loginToken&c=%zz#": "https://a.test/?b=1&c=%zz&loginToken=T#",
		"io.element.app:/callback":                                "io.element.app:/callback?loginToken=T",
		"io.element.app:callback?a":                               "io.element.app:callback?a&loginToken=T",
		"element://connect":                                       "element://connect?loginToken=T",
	} {
		r, err := ParseRedirect(text)
		if got := r.With("T"); err != nil || got != want {
			t.Errorf("%s with a token = %s, %v, want %s", text, got, err, want)
		}
	}
}

// The token goes to the site that the person was asked about, once, whatever the address is.
func FuzzRedirect(f *testing.F) {
	for _, text := range []string{"https://app.example.org/?a=b#c", "io.element.app:/x", "http://[::1]:8080", `https:\\evil.example`, "https://a@b/", "javascript:x", "https://a.test/?loginToken=x&login%54oken=y"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := ParseRedirect(text)
		if err != nil {
			return
		}
		with := r.With("T-1_")
		u, err := url.Parse(with)
		if err != nil || u.User != nil {
			t.Fatalf("%q with a token does not parse: %v", text, err)
		}
		if again, err := ParseRedirect(with); len(with) <= maxRedirect && (err != nil || again.Site() != r.Site()) {
			t.Fatalf("%q with a token is of %q, not of %q", text, again.Site(), r.Site())
		}
		if !r.Site().App() && string(r.Site()) != strings.ToLower(u.Scheme+"://"+u.Host) && !strings.HasSuffix(u.Host, ":443") && !strings.HasSuffix(u.Host, ":80") {
			t.Fatalf("%q is of %q", text, r.Site())
		}
		values := url.Values{}
		for pair := range strings.SplitSeq(u.RawQuery, "&") {
			if one, err := url.ParseQuery(pair); err == nil {
				values[loginToken] = append(values[loginToken], one[loginToken]...)
			}
		}
		if got := values[loginToken]; len(got) != 1 || got[0] != "T-1_" {
			t.Fatalf("%q with a token has the tokens %q", text, got)
		}
		if strings.ContainsAny(with, "\r\n\\\"<> ") {
			t.Fatalf("%q is no header", with)
		}
	})
}
