package mxhttp_test

import (
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"

	"signet/internal/mxhttp"
)

func TestNewRefusesAmbiguousTables(t *testing.T) {
	for _, tc := range []struct {
		name   string
		routes []mxhttp.Route
		want   string
	}{
		{"same twice", []mxhttp.Route{get("/a", pong), get("/a", pong)}, "another route answers GET"},
		{"same but for the parameter's name", []mxhttp.Route{post("/a/:x", pong), post("/a/:y", pong)}, "another route answers POST"},
		{"HEAD beside GET", []mxhttp.Route{get("/a", pong), {Method: "HEAD", Path: "/a", Handler: pong}}, "another route answers HEAD"},
		{"no handler", []mxhttp.Route{{Method: "GET", Path: "/a"}}, "needs"},
		{"no method", []mxhttp.Route{{Path: "/a", Handler: pong}}, "needs"},
		{"relative path", []mxhttp.Route{get("a", pong)}, "needs"},
		{"own OPTIONS", []mxhttp.Route{{Method: "OPTIONS", Path: "/a", Handler: pong}}, "without a route"},
		{"methods apart", []mxhttp.Route{get("/a", pong), post("/a", pong)}, ""},
		{"parameters of other names for other methods", []mxhttp.Route{get("/_matrix/:x", pong), post("/_matrix/:y", pong)}, ""},
	} {
		_, err := mxhttp.New(mxhttp.Options{}, tc.routes)
		if got := errorText(err); (tc.want == "") != (err == nil) || !strings.Contains(got, tc.want) {
			t.Errorf("%s: New = %q, want %q", tc.name, got, tc.want)
		}
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestRouting(t *testing.T) {
	w := newWorld(t, mxhttp.Options{},
		get(ping, pong), post(ping+"/lookup", pong),
		get("/_matrix/profile/:user", pong), post("/_matrix/rooms/:room/state", pong),
		get("/_signet/v1/tiles/*", pong))
	for _, tc := range []struct {
		method, path string
		status       int
		code, allow  string
	}{
		{"GET", ping, 200, "", ""},
		{"HEAD", ping, 200, "", ""},
		{"GET", ping + "/", 404, "M_UNRECOGNIZED", ""},
		{"GET", "/_matrix//identity/v2", 404, "M_UNRECOGNIZED", ""},
		{"GET", "/_matrix/identity/V2", 404, "M_UNRECOGNIZED", ""},
		{"GET", "/_matrix/identity/api/v1", 404, "M_UNRECOGNIZED", ""},
		{"GET", "/", 404, "M_UNRECOGNIZED", ""},
		{"DELETE", ping, 405, "M_UNRECOGNIZED", "GET"},
		{"BREW", ping, 405, "M_UNRECOGNIZED", "GET"},
		{"GET", ping + "/lookup", 405, "M_UNRECOGNIZED", "POST"},
		{"GET", "/_matrix/profile/@u:s", 200, "", ""},
		{"GET", "/_matrix/profile/@u:s/", 404, "M_UNRECOGNIZED", ""},
		{"GET", "/_matrix/profile/@u:s/displayname", 404, "M_UNRECOGNIZED", ""},
		{"GET", "/_matrix/profile/", 404, "M_UNRECOGNIZED", ""},
		{"PUT", "/_matrix/profile/@u:s", 405, "M_UNRECOGNIZED", "GET"},
		{"PUT", "/_matrix/profile/@u:s/displayname", 404, "M_UNRECOGNIZED", ""},
		{"PUT", "/_matrix/profile/", 404, "M_UNRECOGNIZED", ""},
		{"POST", "/_matrix/rooms/!r:s/state", 200, "", ""},
		{"POST", "/_matrix/rooms//state", 404, "M_UNRECOGNIZED", ""},
		{"GET", "/_signet/v1/tiles/0/x001/067", 200, "", ""},
	} {
		r := w.do(tc.method, tc.path, "")
		what := tc.method + " " + tc.path
		if tc.method == "HEAD" {
			if r.body != "" || r.Header.Get("Content-Length") != "2" {
				t.Errorf("%s: body %q, Content-Length %q, want none and 2", what, r.body, r.Header.Get("Content-Length"))
			}
		}
		w.want(what, r, tc.status, tc.code)
		if got := r.Header.Get("Allow"); !strings.Contains(got, tc.allow) || (tc.allow == "") != (got == "") {
			t.Errorf("%s: Allow = %q, want %q in it", what, got, tc.allow)
		}
	}
}

func TestOddRequestLines(t *testing.T) {
	w := newWorld(t, mxhttp.Options{}, get(ping, pong), get("/", pong))
	for _, tc := range []struct {
		line   string
		status int
		code   string
	}{
		{"GET http://elsewhere.test" + ping, 200, ""},
		{"GET " + ping + "?a;b=%zz", 200, ""},
		{"CONNECT elsewhere.test:443", 404, "M_UNRECOGNIZED"},
		{"GET /_matrix/../_matrix/identity/v2", 404, "M_UNRECOGNIZED"},
		{"GET /_matrix%2Fidentity/v2", 404, "M_UNRECOGNIZED"},
		{"GET /%5fmatrix/identity/v2", 404, "M_UNRECOGNIZED"},
		{"GET //", 404, "M_UNRECOGNIZED"},
	} {
		w.want(tc.line, w.raw(tc.line+" HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"), tc.status, tc.code)
	}
}

// A client may escape as much of an id as it likes: the handler sees the id.
func TestSegmentDecodesOnce(t *testing.T) {
	w := newWorld(t, mxhttp.Options{}, get("/_matrix/event/:id/up", segment), get("/_matrix/last/:id", segment))
	for _, tc := range []struct{ escaped, want string }{
		{"@u:s", "@u:s"},
		{"%40u%3As", "@u:s"},
		{"$x%2Fy", "$x/y"},
		{"%2541", "%41"},
		{"\u20ac%2541", "\u20ac%41"},
		{"%E2%82%AC", "\u20ac"},
		{"a+b", "a+b"},
		{"a%20b", "a b"},
		{"!r%3As", "!r:s"},
		{"..", ".."},
		{"%00", ""},
		{"a%00b", ""},
		{"%ff", ""},
		{"%C0%AF", ""},
		{"\xff", ""},
	} {
		for _, path := range []string{"/_matrix/event/" + tc.escaped + "/up", "/_matrix/last/" + tc.escaped} {
			r := w.raw("GET " + path + " HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
			if tc.want == "" {
				w.want(path, r, 404, "M_UNRECOGNIZED")
			} else if want := strconv.Quote(tc.want); r.body != want {
				t.Errorf("Segment of %q = %s, want %s", path, r.body, want)
			}
		}
	}
}

func segment(c echo.Context) error {
	id, err := mxhttp.Segment(c, "id")
	if err != nil {
		return err
	}
	return mxhttp.Reply(c, http.StatusOK, id)
}

func TestQuery(t *testing.T) {
	w := newWorld(t, mxhttp.Options{}, get("/_matrix/q", func(c echo.Context) error {
		v, err := mxhttp.Query(c, "sid")
		if err != nil {
			return err
		}
		return mxhttp.Reply(c, http.StatusOK, map[string]string{"sid": v})
	}))
	for _, tc := range []struct {
		query  string
		status int
		code   string
		body   string
	}{
		{"?sid=1", 200, "", `{"sid":"1"}`},
		{"?sid=%C3%BC+x%2By", 200, "", `{"sid":"ü x+y"}`},
		{"?sid=", 200, "", `{"sid":""}`},
		{"", 400, "M_MISSING_PARAMS", "sid"},
		{"?SID=1", 400, "M_MISSING_PARAMS", "sid"},
		{"?sid=1&sid=1", 400, "M_INVALID_PARAM", "more than once"},
		{"?sid=%ff", 400, "M_INVALID_PARAM", "not valid text"},
		{"?sid=a%00", 400, "M_INVALID_PARAM", "not valid text"},
		{"?sid=1&x=%zz", 400, "M_INVALID_PARAM", "malformed"},
		{"?sid=1;x", 400, "M_INVALID_PARAM", "malformed"},
	} {
		r := w.raw("GET /_matrix/q" + tc.query + " HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
		w.want(tc.query, r, tc.status, tc.code)
		if !strings.Contains(r.body, tc.body) {
			t.Errorf("query %q answered %s, want %s", tc.query, r.body, tc.body)
		}
	}
}

// In development only the server's own names are answered, so that no page in a
// browser can reach it under a name that it made up (DNS rebinding).
func TestHostCheck(t *testing.T) {
	reached := false
	w := newWorld(t, mxhttp.Options{Hosts: []string{"localhost:8090", "127.0.0.1:8090"}},
		get(ping, func(c echo.Context) error { reached = true; return pong(c) }))
	for _, tc := range []struct {
		host string
		ok   bool
	}{
		{"localhost:8090", true}, {"LOCALHOST:8090", true}, {"127.0.0.1:8090", true},
		{"localhost", false}, {"localhost:80", false}, {"evil.test:8090", false}, {"", false}, {"localhost:8090.evil.test", false},
	} {
		reached = false
		r := w.raw("GET " + ping + " HTTP/1.1\r\nHost: " + tc.host + "\r\nConnection: close\r\n\r\n")
		if tc.ok {
			w.want(tc.host, r, 200, "")
		} else {
			w.want(tc.host, r, 421, "M_FORBIDDEN")
		}
		if reached != tc.ok {
			t.Errorf("Host %q: handler reached = %v, want %v", tc.host, reached, tc.ok)
		}
		if got := r.Header.Get("Access-Control-Allow-Origin"); !tc.ok && got != "" {
			t.Errorf("Host %q: a stranger's page is allowed to read the answer", tc.host)
		}
	}
}

func TestRequestID(t *testing.T) {
	var seen string
	w := newWorld(t, mxhttp.Options{}, get(ping, func(c echo.Context) error {
		seen = mxhttp.RequestID(c)
		mxhttp.Log(c).Info("from the handler")
		return pong(c)
	}))
	first := w.do("GET", ping, "", "X-Request-Id", "chosen-by-the-client").Header.Get("X-Request-Id")
	if !regexp.MustCompile(`^[0-9a-f]{16}$`).MatchString(first) || first != seen {
		t.Errorf("X-Request-Id = %q, handler saw %q, want 16 hexadecimal digits of ours", first, seen)
	}
	if lines := w.lines("from the handler"); len(lines) != 1 || lines[0]["request_id"] != first {
		t.Errorf("the handler's lines = %v, want one with request_id %q", lines, first)
	}
}
