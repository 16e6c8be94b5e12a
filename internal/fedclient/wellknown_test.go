package fedclient

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"signet/internal/matrix"
)

// A well-known file that is not valid is as good as none: the search goes on, and
// nothing of the file is believed.
func TestInvalidWellKnown(t *testing.T) {
	tests := map[string]http.HandlerFunc{
		"not JSON":     raw("<html>"),
		"empty":        func(http.ResponseWriter, *http.Request) {},
		"array":        raw(`["m.server"]`),
		"no m.server":  raw(`{"server": "evil.example:1"}`),
		"number":       raw(`{"m.server": 1}`),
		"given twice":  raw(`{"m.server": "evil.example:1", "m.server": "evil.example:1"}`),
		"two objects":  raw(`{"m.server": "evil.example:1"}{}`),
		"empty name":   delegate(""),
		"URL":          delegate("https://evil.example:1"),
		"port 0":       delegate("evil.example:0"),
		"port 65536":   delegate("evil.example:65536"),
		"with a path":  delegate("evil.example/x"),
		"with a user":  delegate("user@evil.example:1"),
		"zone":         delegate("[fe80::1%eth0]:1"),
		"whitespace":   delegate(" evil.example:1"),
		"NUL":          delegate("evil.example\x00:1"),
		"too large":    raw(`{"m.server": "evil.example:1"}` + strings.Repeat(" ", 50<<10)),
		"status 404":   withStatus(http.StatusNotFound),
		"status 500":   withStatus(http.StatusInternalServerError),
		"status 204":   func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusNoContent) },
		"status 201":   withStatus(http.StatusCreated),
		"redirect 304": withStatus(http.StatusNotModified),
		"broken off":   func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	}
	for name, file := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.dns.host("a.example", []string{"1.0.0.1"})
			w.dns.host("evil.example", []string{"6.6.6.6"})
			w.serve("6.6.6.6:1", say("evil"), "evil.example")
			w.serve("1.0.0.1:443", file, "a.example")
			w.serve("1.0.0.1:8448", say("own"), "a.example")
			w.get(w.client(), "a.example", "own a.example")
			w.wantDials("1.0.0.1:443", "1.0.0.1:8448")
		})
	}
}

// raw answers every request with text.
func raw(text string) http.HandlerFunc {
	return func(rw http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(rw, text) }
}

func withStatus(status int) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		rw.WriteHeader(status)
		delegate("evil.example:1")(rw, r)
	}
}

// A certificate for another name makes the file as good as none, too.
func TestWellKnownNeedsItsCertificate(t *testing.T) {
	w := newWorld(t)
	w.dns.host("a.example", []string{"1.0.0.1"})
	w.serve("1.0.0.1:443", delegate("evil.example:1"), "evil.example")
	w.serve("1.0.0.1:8448", say("own"), "a.example")
	w.get(w.client(), "a.example", "own a.example")
}

// Delegation into a forbidden network is not a broken file: it is refused.
func TestWellKnownDelegatesInside(t *testing.T) {
	for _, to := range []string{"127.0.0.1", "10.0.0.1:80", "[::1]", "[::ffff:10.0.0.1]:1", "inside.example:1", "inside.example"} {
		w := newWorld(t)
		w.dns.host("a.example", []string{"1.0.0.1"})
		w.dns.host("inside.example", []string{"169.254.169.254"})
		w.serve("1.0.0.1:443", delegate(to), "a.example")
		w.refused(w.client(), "a.example", ErrForbiddenAddress)
		w.wantDials("1.0.0.1:443")
	}
}

// redirecting serves /.well-known/matrix/server by redirects to each URL in turn,
// where a path alone stays on the host, and the file at the end.
func redirecting(status int, locations map[string]string) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		if to, ok := locations[r.URL.RequestURI()]; ok {
			rw.Header().Set("Location", to)
			rw.WriteHeader(status)
			return
		}
		delegate("b.example:99")(rw, r)
	}
}

const wellKnownPath = "/.well-known/matrix/server"

func TestWellKnownRedirects(t *testing.T) {
	hops := func(n int) map[string]string {
		m := map[string]string{wellKnownPath: "/1"}
		for i := 1; i < n; i++ {
			m[fmt.Sprintf("/%d", i)] = fmt.Sprintf("/%d", i+1)
		}
		return m
	}
	to := func(url string) map[string]string { return map[string]string{wellKnownPath: url} }
	tests := []struct {
		name      string
		locations map[string]string
		followed  bool
		dials     []string // before the outcome's own
	}{
		{"same host", to("/file?x=1"), true, []string{"1.0.0.1:443"}},
		{"other host", to("https://b.example/file"), true, []string{"1.0.0.1:443", "1.0.0.2:443"}},
		{"other port", to("https://b.example:444/file"), true, []string{"1.0.0.1:443", "1.0.0.2:444"}},
		{"without scheme", to("//b.example/file"), true, []string{"1.0.0.1:443", "1.0.0.2:443"}},
		{"five hops", hops(5), true, []string{"1.0.0.1:443"}},
		{"six hops", hops(6), false, []string{"1.0.0.1:443"}},
		{"to itself", to(wellKnownPath), false, []string{"1.0.0.1:443"}},
		{"to http", to("http://b.example/file"), false, []string{"1.0.0.1:443"}},
		{"to another scheme", to("file:///etc/passwd"), false, []string{"1.0.0.1:443"}},
		{"opaque", to("https:b.example"), false, []string{"1.0.0.1:443"}},
		{"no location", to(""), false, []string{"1.0.0.1:443"}},
		{"not a URL", to("https://b.example:x/%zz"), false, []string{"1.0.0.1:443"}},
		{"to loopback", to("https://127.0.0.1/file"), false, []string{"1.0.0.1:443"}},
		{"to metadata", to("https://169.254.169.254/latest"), false, []string{"1.0.0.1:443"}},
		{"to mapped", to("https://[::ffff:127.0.0.1]/file"), false, []string{"1.0.0.1:443"}},
		{"to a private name", to("https://inside.example/file"), false, []string{"1.0.0.1:443"}},
		{"to a zone", to("https://[fe80::1%25lo]/file"), false, []string{"1.0.0.1:443"}},
	}
	for _, tt := range tests {
		for _, status := range []int{301, 302, 303, 307, 308} {
			t.Run(fmt.Sprintf("%s %d", tt.name, status), func(t *testing.T) {
				w := newWorld(t)
				w.dns.host("a.example", []string{"1.0.0.1"})
				w.dns.host("b.example", []string{"1.0.0.2"})
				w.dns.host("inside.example", []string{"10.0.0.1"})
				w.serve("1.0.0.1:443", redirecting(status, tt.locations), "a.example")
				w.serve("1.0.0.2:443", delegate("b.example:99"), "b.example")
				w.serve("1.0.0.2:444", delegate("b.example:99"), "b.example")
				w.serve("1.0.0.2:99", say("delegated"), "b.example")
				w.serve("1.0.0.1:8448", say("own"), "a.example")
				want, last := "own a.example", "1.0.0.1:8448"
				if tt.followed {
					want, last = "delegated b.example:99", "1.0.0.2:99"
				}
				w.get(w.client(), "a.example", want)
				w.wantDials(append(slices.Clone(tt.dials), last)...)
			})
		}
	}
}

// Redirects of anything else are answers, not orders.
func TestFederationRequestsFollowNoRedirect(t *testing.T) {
	w := newWorld(t)
	w.serve("1.2.3.4:8448", func(rw http.ResponseWriter, r *http.Request) {
		http.Redirect(rw, r, "https://1.2.3.5/ping", http.StatusTemporaryRedirect)
	}, "1.2.3.4")
	answer, err := w.client().Do(t.Context(), ping("1.2.3.4"))
	if err != nil || answer.Status != http.StatusTemporaryRedirect || answer.Header.Get("Location") == "" {
		t.Errorf("Do = %d %v, %v, want the redirect itself", answer.Status, answer.Header, err)
	}
	w.wantDials("1.2.3.4:8448")
}

func TestFreshness(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	in := func(d time.Duration) string { return now.Add(d).Format(http.TimeFormat) }
	tests := []struct {
		cacheControl, expires string
		want                  time.Duration
	}{
		{"", "", 24 * time.Hour},
		{"max-age=3600", "", time.Hour},
		{`public, MAX-AGE="3600"`, "", time.Hour},
		{"max-age=3600", in(2 * time.Hour), time.Hour},
		{"public", in(2 * time.Hour), 2 * time.Hour},
		{"", in(2 * time.Hour), 2 * time.Hour},
		{"", in(100 * time.Hour), 48 * time.Hour},
		{"", in(-time.Hour), time.Minute},
		{"", "0", time.Minute},
		{"max-age=0", "", time.Minute},
		{"max-age=-1", "", time.Minute},
		{"max-age=soon", "", time.Minute},
		{"max-age=31536000", "", 48 * time.Hour},
		{"max-age=99999999999999999999999", "", 48 * time.Hour},
		{"no-store", "", time.Minute},
		{"max-age=3600, no-cache", "", time.Minute},
		{"no-store, max-age=3600", "", time.Minute},
		{"s-maxage=60", "", 24 * time.Hour},
	}
	for _, tt := range tests {
		h := http.Header{}
		if tt.cacheControl != "" {
			h.Set("Cache-Control", tt.cacheControl)
		}
		if tt.expires != "" {
			h.Set("Expires", tt.expires)
		}
		if got := freshness(h, now); got != tt.want {
			t.Errorf("freshness(%q, %q) = %v, want %v", tt.cacheControl, tt.expires, got, tt.want)
		}
	}
}

// The file is fetched once in its lifetime; its absence is remembered for a minute
// first, then twice as long each time, for an hour at most.
func TestWellKnownIsRemembered(t *testing.T) {
	w := newWorld(t)
	w.dns.host("a.example", []string{"1.0.0.1"})
	fetches, file := 0, withStatus(http.StatusNotFound)
	w.serve("1.0.0.1:443", func(rw http.ResponseWriter, r *http.Request) { fetches++; file(rw, r) }, "a.example")
	w.serve("1.0.0.1:8448", say("own"), "a.example")
	w.serve("1.0.0.1:99", say("delegated"), "a.example")
	c := w.client()
	next := func(want string, fetched bool) {
		t.Helper()
		before := fetches
		w.get(c, "a.example", want)
		if got := fetches != before; got != fetched {
			t.Errorf("fetched the file = %v, want %v", got, fetched)
		}
	}
	next("own a.example", true)
	for _, minutes := range []time.Duration{1, 2, 4, 8, 16, 32, 60, 60} {
		w.pass(minutes*time.Minute - time.Second)
		next("own a.example", false)
		w.pass(time.Second)
		next("own a.example", true)
	}
	w.pass(time.Hour)
	file = func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Cache-Control", "max-age=7200")
		_, _ = io.WriteString(rw, `{"m.server": "a.example:99"}`)
	}
	next("delegated a.example:99", true)
	w.pass(2*time.Hour - time.Second)
	next("delegated a.example:99", false)
	file = withStatus(http.StatusNotFound)
	w.pass(time.Second)
	next("own a.example", true)
	w.pass(time.Minute)
	next("own a.example", true) // a success in between started the count anew
}

// Whatever the file says, what is read from it is a server name or an ErrBadAnswer.
func FuzzParseWellKnown(f *testing.F) {
	for _, seed := range []string{`{"m.server":"a.example"}`, `{"m.server":"[::1]:8448"}`, `{"m.server":""}`, `{"m.server":null}`, `[]`, ``, "{\"m.server\":\"\xff\"}"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		name, err := parseWellKnown(Response{Status: http.StatusOK, Body: body})
		if err != nil {
			if name != "" || !errors.Is(err, ErrBadAnswer) {
				t.Errorf("parseWellKnown(%q) = %q, %v", body, name, err)
			}
			return
		}
		if again, err := matrix.ParseServerName(name.String()); err != nil || again != name {
			t.Errorf("parseWellKnown(%q) = %q, which reads back as %q, %v", body, name, again, err)
		}
	})
}
