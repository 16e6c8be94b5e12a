package mxhttp_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"

	"signet/internal/mxhttp"
)

// renderedPage answers errors on pages, as a program's page renderer would.
func renderedPage(c echo.Context, p mxhttp.Problem) error {
	return c.HTML(p.Status, "<h1>"+p.Message+"</h1>")
}

func TestCORSAndFormatOfEverySurface(t *testing.T) {
	broken := func(echo.Context) error { return errors.New("out of order") }
	submit := ping + "/validate/email/submitToken"
	w := newWorld(t, mxhttp.Options{Page: renderedPage},
		get(ping, pong), post(ping, broken), get("/.well-known/matrix/client", pong), get("/_signet/v1/x", pong),
		mxhttp.Route{Method: "GET", Path: submit, Handler: broken, Page: true}, post(submit, pong),
		mxhttp.Route{Method: "GET", Path: "/_matrix/page", Handler: pong, Page: true},
		mxhttp.Route{Method: "GET", Path: "/", Handler: func(c echo.Context) error { return c.HTML(200, "<p>") }, Page: true},
		get("/healthz", pong), post("/healthz", broken))
	for _, tc := range []struct {
		method, path string
		status       int
		cors, html   bool
	}{
		{"GET", ping, 200, true, false},
		{"HEAD", ping, 200, true, false},
		{"POST", ping, 500, true, false},
		{"PUT", ping, 405, true, false},
		{"GET", ping + "/nothing", 404, true, false},
		{"GET", "/.well-known/matrix/client", 200, true, false},
		{"GET", "/.well-known/matrix/nothing", 404, true, false},
		{"GET", "/_signet/v1/x", 200, true, false},
		{"OPTIONS", ping, 204, true, false},
		{"OPTIONS", ping + "/nothing", 204, true, false},
		{"OPTIONS", submit, 204, true, false},
		{"POST", submit, 200, true, false},
		{"GET", submit, 500, false, true},
		{"OPTIONS", "/_matrix/page", 204, false, false},
		{"GET", "/", 200, false, true},
		{"OPTIONS", "/", 204, false, false},
		{"OPTIONS", "/nothing", 404, false, true},
		{"POST", "/", 405, false, true},
		{"GET", "/nothing", 404, false, true},
		{"GET", "/_signet/nothing", 404, false, true},
		{"GET", "/healthz", 200, false, false},
		{"POST", "/healthz", 500, false, false},
	} {
		r := w.do(tc.method, tc.path, "", "Origin", "https://app.example.org")
		what := tc.method + " " + tc.path
		if r.StatusCode != tc.status {
			t.Errorf("%s = %d, want %d", what, r.StatusCode, tc.status)
		}
		checkCORS(t, what, r.Header, tc.cors)
		if html := strings.HasPrefix(r.Header.Get("Content-Type"), "text/html"); html != tc.html {
			t.Errorf("%s: Content-Type = %q, want HTML: %v", what, r.Header.Get("Content-Type"), tc.html)
		}
		if strings.Contains(r.body, "out of order") {
			t.Errorf("%s: the client reads an inner error: %s", what, r.body)
		}
	}
}

func checkCORS(t *testing.T, what string, h http.Header, cors bool) {
	t.Helper()
	for name, want := range map[string]string{
		"Access-Control-Allow-Origin":  "*",
		"Access-Control-Allow-Methods": "GET, HEAD, POST, PUT, DELETE, OPTIONS",
		"Access-Control-Allow-Headers": "X-Requested-With, Content-Type, Authorization",
	} {
		if got := h.Get(name); cors && got != want || !cors && got != "" {
			t.Errorf("%s: %s = %q, want it sent: %v", what, name, got, cors)
		}
	}
}

func TestSecurityHeaders(t *testing.T) {
	w := newWorld(t, mxhttp.Options{}, get(ping, pong),
		mxhttp.Route{Method: "GET", Path: "/", Handler: pong, Page: true})
	for path, csp := range map[string]string{
		ping:               "sandbox; default-src 'none'; frame-ancestors 'none'",
		"/_matrix/nothing": "sandbox; default-src 'none'; frame-ancestors 'none'",
		"/":                "", // a page sets its own
	} {
		h := w.do("GET", path, "").Header
		if got := h.Get("Content-Security-Policy"); got != csp {
			t.Errorf("GET %s: Content-Security-Policy = %q, want %q", path, got, csp)
		}
		if got := h.Get("X-Content-Type-Options"); got != "nosniff" {
			t.Errorf("GET %s: X-Content-Type-Options = %q, want nosniff", path, got)
		}
		if got := h.Get("Cache-Control"); got != "no-store" {
			t.Errorf("GET %s: Cache-Control = %q, want no-store", path, got)
		}
	}
}
