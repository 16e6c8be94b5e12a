package mxhttp_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"

	"signet/internal/mxhttp"
)

func readAll(c echo.Context) error {
	b, err := io.ReadAll(c.Request().Body)
	if err != nil {
		return fmt.Errorf("reading: %w", err)
	}
	return mxhttp.Reply(c, 200, len(b))
}

func bind(c echo.Context) error {
	var v map[string]any
	if err := c.Bind(&v); err != nil {
		return err
	}
	return pong(c)
}

func decodeAny(c echo.Context) error {
	var v map[string]any
	if err := mxhttp.Decode(c, &v); err != nil {
		return err
	}
	return pong(c)
}

func refuse(echo.Context) error { return mxhttp.Problem{Status: 401, Code: "M_UNKNOWN_TOKEN"} }

// chunked is a body in HTTP/1.1 chunks of 32 KiB.
func chunked(size int) string {
	var b strings.Builder
	for size > 0 {
		n := min(size, 32<<10)
		fmt.Fprintf(&b, "%x\r\n%s\r\n", n, strings.Repeat(" ", n))
		size -= n
	}
	return b.String() + "0\r\n\r\n"
}

// Every client here writes its whole request before it reads, as simple clients do. It
// must find an answer, not a reset connection; and the connection stays of use.
func TestBodyLimit(t *testing.T) {
	const limit, mib = 64 << 10, 1 << 20
	w := newWorld(t, mxhttp.Options{}, post("/_matrix/read", readAll), post("/_matrix/decode", decodeAny),
		post("/_matrix/ignore", pong), post("/_matrix/refuse", refuse), post("/_matrix/bind", bind),
		mxhttp.Route{Method: "POST", Path: "/_matrix/media", Handler: readAll, MaxBody: mib})
	for _, tc := range []struct {
		path    string
		size    int
		chunked bool
		status  int
		code    string
	}{
		{"read", limit, false, 200, ""},
		{"read", limit, true, 200, ""},
		{"read", limit + 1, false, 413, "M_TOO_LARGE"},
		{"read", limit + 1, true, 413, "M_TOO_LARGE"},
		{"read", 6 * mib, false, 413, "M_TOO_LARGE"},
		{"read", 6 * mib, true, 413, "M_TOO_LARGE"},
		{"decode", 6 * mib, false, 413, "M_TOO_LARGE"},
		{"decode", 6 * mib, true, 413, "M_TOO_LARGE"},
		{"bind", 6 * mib, true, 413, "M_TOO_LARGE"},
		{"ignore", limit + 1, false, 413, "M_TOO_LARGE"},
		{"ignore", limit + 1, true, 200, ""},
		{"refuse", limit, false, 401, "M_UNKNOWN_TOKEN"},
		{"refuse", 6 * mib, true, 401, "M_UNKNOWN_TOKEN"},
		{"nothing", 6 * mib, false, 404, "M_UNRECOGNIZED"},
		{"nothing", 6 * mib, true, 404, "M_UNRECOGNIZED"},
		{"media", mib, false, 200, ""},
		{"media", mib, true, 200, ""},
		{"media", mib + 1, true, 413, "M_TOO_LARGE"},
	} {
		head := "POST /_matrix/" + tc.path + " HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
		request := fmt.Sprintf("%sContent-Length: %d\r\n\r\n%s", head, tc.size, strings.Repeat(" ", tc.size))
		if tc.chunked {
			request = head + "Transfer-Encoding: chunked\r\n\r\n" + chunked(tc.size)
		}
		what := fmt.Sprintf("%s of %d bytes, chunked %v", tc.path, tc.size, tc.chunked)
		r := w.raw(request)
		if tc.status == 200 {
			r.body = ""
		}
		w.want(what, r, tc.status, tc.code)
		if r.Close {
			t.Errorf("%s: the connection is given up", what)
		}
	}
}

// A client that asks first is told at once, and need not send what is not wanted.
func TestBodyLimitBeforeTheBody(t *testing.T) {
	w := newWorld(t, mxhttp.Options{}, post("/_matrix/read", readAll), post("/_matrix/refuse", refuse))
	r := w.raw("POST /_matrix/read HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\nExpect: 100-continue\r\n\r\n")
	w.want("Expect", r, http.StatusRequestEntityTooLarge, "M_TOO_LARGE")
	r = w.raw("POST /_matrix/refuse HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n")
	w.want("Expect at a door that is closed", r, 401, "M_UNKNOWN_TOKEN")
	r = w.raw("POST /_matrix/read HTTP/1.1\r\nHost: h\r\nContent-Length: 100000000000\r\n\r\n")
	w.want("huge", r, http.StatusRequestEntityTooLarge, "M_TOO_LARGE")
}

func TestBodyThatBreaksOff(t *testing.T) {
	w := newWorld(t, mxhttp.Options{}, post("/_matrix/decode", decodeAny))
	r := w.raw("POST /_matrix/decode HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n{}\r\n0\r\n\r\n")
	w.want("broken chunk", r, 400, "M_NOT_JSON")
}

// A body can be had as it was sent, octet by octet, and decoded afterwards; what is
// too large is neither.
func TestBodyAsSent(t *testing.T) {
	asSent := func(c echo.Context) error {
		sent, err := mxhttp.Body(c)
		if err != nil {
			return err
		}
		var v struct {
			N int `json:"n"`
		}
		if len(sent) > 0 {
			if err := mxhttp.Decode(c, &v); err != nil {
				return err
			}
		}
		return mxhttp.Reply(c, 200, map[string]any{"sent": string(sent), "n": v.N})
	}
	w := newWorld(t, mxhttp.Options{}, post("/_matrix/x", asSent), get("/_matrix/x", asSent))
	r := w.do("POST", "/_matrix/x", " {\"n\" : 1 }\n")
	if want := `{"n":1,"sent":" {\"n\" : 1 }\n"}`; r.body != want {
		t.Errorf("POST = %s, want %s", r.body, want)
	}
	if r := w.do("GET", "/_matrix/x", ""); r.body != `{"n":0,"sent":""}` {
		t.Errorf("GET = %s", r.body)
	}
	w.want("not JSON", w.do("POST", "/_matrix/x", "{"), 400, "M_NOT_JSON")
	limit := strings.Repeat(" ", 64<<10-2) + "{}"
	w.want("the limit", w.do("POST", "/_matrix/x", limit), 200, "")
	w.want("beyond the limit", w.do("POST", "/_matrix/x", limit+" "), 413, "M_TOO_LARGE")
	chunks := "POST /_matrix/x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(64<<10+1)
	w.want("beyond the limit in chunks", w.raw(chunks), 413, "M_TOO_LARGE")
	cut := "POST /_matrix/x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"n\"" + "\r\nzz"
	w.want("a broken body", w.raw(cut), 400, "M_NOT_JSON")
}
