package page_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"signet/internal/matrix"
	"signet/web/page"
)

func TestTheFrontPageSaysWhatThisServerIs(t *testing.T) {
	w := newWorld(t, func(o *page.Options) {
		o.Terms = []page.TermsLink{{Title: "Privacy <policy>", URL: "https://example.org/privacy?a=1&b=2"}}
	})
	old, err := w.ring.List(t.Context())
	w.must(err)
	w.clock.Advance(time.Hour)
	current, err := w.ring.Rotate(t.Context())
	w.must(err)
	w.get("/").says(http.StatusOK, "Matrix identity server", "id.example.org",
		string(current.ID), matrix.EncodeBase64(current.Public), "Privacy <policy>")
	stolen, err := w.ring.Rotate(t.Context())
	w.must(err)
	current, err = w.ring.Rotate(t.Context())
	w.must(err)
	_, err = w.ring.Revoke(t.Context(), stolen.ID, "stolen")
	w.must(err)
	r := w.get("/").says(http.StatusOK, string(current.ID))
	if strings.Contains(words(r.doc), string(stolen.ID)) {
		t.Error("the page shows a revoked key")
	}
	details := words(r.byID("earlier"))
	if !strings.Contains(details, string(old[0].ID)) || strings.Contains(details, string(current.ID)) {
		t.Errorf("the earlier keys are %q", details)
	}
	if to := r.linkNamed("Privacy <policy>"); to != "https://example.org/privacy?a=1&b=2" {
		t.Errorf("the terms link to %q", to)
	}
	if strings.Contains(words(r.doc), "Development") {
		t.Error("the page speaks of development in production")
	}
}

func TestOnlyWhatIsServedIsOffered(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*page.Options)
		forms  int
	}{
		"both":    {func(*page.Options) {}, 2},
		"e-mail":  {func(o *page.Options) { o.SMS = false }, 1},
		"phone":   {func(o *page.Options) { o.Email = false }, 1},
		"neither": {func(o *page.Options) { o.Email, o.SMS = false, false }, 0},
	} {
		r := newWorld(t, test.change).get("/").says(http.StatusOK)
		if got := len(r.all("form")); got != test.forms {
			t.Errorf("%s: %d forms, want %d", name, got, test.forms)
		}
	}
}

func TestTheCountriesAreThoseWithPhones(t *testing.T) {
	r := newWorld(t).get("/")
	codes := make(map[string]string)
	for _, o := range r.all("option") {
		codes[attr(o, "value")] = words(o)
	}
	for code, name := range map[string]string{"DE": "Germany", "GB": "United Kingdom", "AX": "Åland Islands", "XK": "Kosovo"} {
		if codes[code] != name {
			t.Errorf("country %s = %q, want %q", code, codes[code], name)
		}
	}
	if len(codes) < 200 || codes["EU"] != "" || codes["ZZ"] != "" || codes["UK"] != "" {
		t.Errorf("%d countries, among them EU %q, ZZ %q, UK %q", len(codes), codes["EU"], codes["ZZ"], codes["UK"])
	}
}

func TestErrorsOfPagesArePages(t *testing.T) {
	w := newWorld(t)
	for path, method := range map[string]string{"/nowhere": http.MethodGet, "/": http.MethodPost, "/_signet/mailbox": http.MethodGet, "/_signet/mailbox/x": http.MethodGet} {
		r := w.request(method, path, "")
		r.says(r.StatusCode, "There is nothing here")
		if r.StatusCode != http.StatusNotFound && r.StatusCode != http.StatusMethodNotAllowed {
			t.Errorf("%s %s = %d, want 404 or 405", method, path, r.StatusCode)
		}
	}
}

func TestTheStyleIsCachedForAsLongAsItStays(t *testing.T) {
	w := newWorld(t)
	href := attr(w.get("/").all("link")[0], "href")
	for path, want := range map[string]string{href: "public, max-age=31536000, immutable", "/_signet/style.css": "no-cache", "/_signet/style.css?v=old": "no-cache"} {
		r := w.get(path)
		if got := r.Header.Get("Cache-Control"); r.StatusCode != http.StatusOK || got != want {
			t.Errorf("GET %s = %d, cached %q; want 200, %q", path, r.StatusCode, got, want)
		}
		if r.Header.Get("Content-Type") != "text/css; charset=utf-8" || strings.Contains(r.body, "url(") || strings.Contains(r.body, "@import") {
			t.Errorf("GET %s is no style sheet that stands alone", path)
		}
	}
	if r := w.get("/_signet/seal.svg"); r.Header.Get("Content-Type") != "image/svg+xml" {
		t.Errorf("the icon is %q", r.Header.Get("Content-Type"))
	}
}

func TestANextOriginMustBeOne(t *testing.T) {
	for _, origin := range []string{"", "app.example.org", "javascript:1", "https://"} {
		if _, err := page.New(page.Options{Name: "id.example.org", NextOrigins: []string{origin}}); err == nil {
			t.Errorf("New with next origin %q = nil, want an error", origin)
		}
	}
}
