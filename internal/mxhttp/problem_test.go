package mxhttp_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/labstack/echo/v4"

	"signet/internal/matrix"
	"signet/internal/mxhttp"
)

var errKnown = errors.New("a domain's sentinel")

func translate(err error) (mxhttp.Problem, bool) {
	if errors.Is(err, errKnown) {
		return mxhttp.Problem{Status: 403, Code: matrix.TermsNotSigned, Message: "sign the terms"}, true
	}
	return mxhttp.Problem{}, false
}

func TestErrorsAndTheirAnswers(t *testing.T) {
	limit := func(d time.Duration) error { return matrix.LimitExceeded{RetryAfter: d} }
	for _, tc := range []struct {
		name, want, retryAfter string
		status                 int
		err                    error
	}{
		{"problem", `{"errcode":"M_INVALID_PEPPER","error":"old pepper","lookup_pepper":"p"}`, "", 400,
			mxhttp.Problem{Status: 400, Code: matrix.InvalidPepper, Message: "old pepper", Extra: map[string]any{"lookup_pepper": "p"}}},
		{"wrapped problem", `{"errcode":"M_NOT_FOUND","error":"no such key"}`, "", 404,
			fmt.Errorf("looking: %w", mxhttp.Problem{Status: 404, Code: matrix.NotFound, Message: "no such key"})},
		{"extra cannot replace the errcode", `{"errcode":"M_NOT_FOUND","error":"x"}`, "", 404,
			mxhttp.Problem{Status: 404, Code: matrix.NotFound, Message: "x", Extra: map[string]any{"errcode": "y", "error": "z"}}},
		{"limit", `{"errcode":"M_LIMIT_EXCEEDED","error":"too many requests","retry_after_ms":1001}`, "2", 429, limit(1001 * time.Millisecond)},
		{"limit of whole seconds", `{"errcode":"M_LIMIT_EXCEEDED","error":"too many requests","retry_after_ms":3000}`, "3", 429, limit(3 * time.Second)},
		{"limit below a millisecond", `{"errcode":"M_LIMIT_EXCEEDED","error":"too many requests","retry_after_ms":1}`, "1", 429, limit(1)},
		{"limit that is over", `{"errcode":"M_LIMIT_EXCEEDED","error":"too many requests","retry_after_ms":0}`, "1", 429, limit(-time.Hour)},
		{"limit for ever", `{"errcode":"M_LIMIT_EXCEEDED","error":"too many requests","retry_after_ms":9223372036855}`, "9223372037", 429, limit(1<<63 - 1)},
		{"named by the program", `{"errcode":"M_TERMS_NOT_SIGNED","error":"sign the terms"}`, "", 403, fmt.Errorf("binding: %w", errKnown)},
		{"unnamed", `{"errcode":"M_UNKNOWN","error":"internal server error"}`, "", 500, errors.New("disk on fire")},
		{"echo's own", `{"errcode":"M_UNKNOWN","error":"Unsupported Media Type"}`, "", 415, echo.NewHTTPError(415, "inner text")},
		{"echo's 413", `{"errcode":"M_TOO_LARGE","error":"the request body is too large"}`, "", 413, echo.ErrStatusRequestEntityTooLarge},
		{"no status at all", `{"errcode":"M_UNKNOWN","error":"internal server error"}`, "", 500, mxhttp.Problem{}},
		{"not to be encoded", `{"errcode":"M_UNKNOWN","error":"internal server error"}`, "", 500,
			mxhttp.Problem{Status: 400, Extra: map[string]any{"f": func() {}}}},
		{"deadline of ours", `{"errcode":"M_UNKNOWN","error":"internal server error"}`, "", 500, context.DeadlineExceeded},
		{"cancelled by ourselves", `{"errcode":"M_UNKNOWN","error":"internal server error"}`, "", 500, context.Canceled},
	} {
		w := newWorld(t, mxhttp.Options{Translate: translate}, get(ping, func(echo.Context) error { return tc.err }))
		r := w.do("GET", ping, "")
		if r.body != tc.want || r.StatusCode != tc.status {
			t.Errorf("%s = %d %s, want %d %s", tc.name, r.StatusCode, r.body, tc.status, tc.want)
		}
		if got := r.Header.Get("Retry-After"); got != tc.retryAfter {
			t.Errorf("%s: Retry-After = %q, want %q", tc.name, got, tc.retryAfter)
		}
		if got := r.Header.Get("Content-Type"); got != "application/json" {
			t.Errorf("%s: Content-Type = %q, want application/json", tc.name, got)
		}
	}
}

// The client learns the request id; under it the log has the whole error.
func TestUnnamedErrorIsInTheLogOnly(t *testing.T) {
	w := newWorld(t, mxhttp.Options{}, get(ping, func(echo.Context) error { return errors.New("disk on fire") }))
	r := w.do("GET", ping, "")
	if strings.Contains(r.body, "fire") {
		t.Errorf("the client reads %s", r.body)
	}
	lines := w.lines("request")
	if len(lines) != 1 || lines[0]["level"] != "ERROR" || lines[0]["error"] != "disk on fire" ||
		lines[0]["request_id"] != r.Header.Get("X-Request-Id") {
		t.Errorf("log = %v, want one error with the cause and the request id", lines)
	}
}

func TestPanic(t *testing.T) {
	for _, tc := range []struct {
		name string
		page bool
		o    mxhttp.Options
		h    echo.HandlerFunc
	}{
		{"in a handler", false, mxhttp.Options{}, func(echo.Context) error { panic("boom") }},
		{"of the runtime", false, mxhttp.Options{}, func(c echo.Context) error { return c.Get("nothing").(error) }},
		{"in the table of errors", false, mxhttp.Options{Translate: func(error) (mxhttp.Problem, bool) { panic("boom") }},
			func(echo.Context) error { return errKnown }},
		{"in the page of errors", true, mxhttp.Options{Page: func(echo.Context, mxhttp.Problem) error { panic("boom") }},
			func(echo.Context) error { return errKnown }},
		{"in the page of a panic", true, mxhttp.Options{Page: func(echo.Context, mxhttp.Problem) error { panic("boom") }},
			func(echo.Context) error { panic("boom") }},
	} {
		w := newWorld(t, tc.o, mxhttp.Route{Method: "GET", Path: ping, Handler: tc.h, Page: tc.page})
		w.want(tc.name, w.do("GET", ping, ""), 500, "M_UNKNOWN")
		access, panics := w.lines("request"), w.lines("handler panicked")
		if len(access) != 1 || access[0]["status"] != 500.0 || access[0]["level"] != "ERROR" {
			t.Errorf("panic %s: access log = %v, want one line with status 500", tc.name, access)
		}
		if len(panics) == 0 {
			t.Fatalf("panic %s: not logged", tc.name)
		}
		stack, _ := panics[0]["stack"].(string)
		if !strings.Contains(stack, "mxhttp_test") || strings.Count(stack, " [running]:") != 1 || strings.Count(stack, "\n\n") > 0 {
			t.Errorf("panic %s: stack = %s, want that of the one goroutine", tc.name, stack)
		}
	}
}

// A page that cannot be rendered is answered as JSON, and told.
func TestBrokenErrorPage(t *testing.T) {
	w := newWorld(t, mxhttp.Options{Page: func(echo.Context, mxhttp.Problem) error { return errors.New("bad template") }})
	w.want("GET /", w.do("GET", "/", ""), 404, "M_UNRECOGNIZED")
	if lines := w.lines("request"); len(lines) != 1 || lines[0]["level"] != "ERROR" || lines[0]["error"] != "bad template" {
		t.Errorf("log = %v, want one error about the template", lines)
	}
}

// Half an answer must not look like a whole one.
func TestFailureAfterTheAnswerBegan(t *testing.T) {
	for name, end := range map[string]func(){
		"panic": func() { panic("boom") },
		"abort": func() { panic(http.ErrAbortHandler) },
	} {
		w := newWorld(t, mxhttp.Options{}, get(ping, func(c echo.Context) error {
			_ = c.String(200, strings.Repeat("half", 4096))
			c.Response().Flush()
			end()
			return nil
		}))
		res, err := http.Get(w.srv.URL + ping)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if _, err := io.ReadAll(res.Body); err == nil {
			t.Errorf("%s: the client took a broken answer for a whole one", name)
		}
		res.Body.Close()
		if lines := w.lines("request"); len(lines) != 1 || lines[0]["status"] == 200.0 {
			t.Errorf("%s: log = %v, want one line that does not say 200", name, lines)
		}
	}
}

// numbers writes itself, as many as there are, and then what is wrong.
type numbers struct {
	many  int
	wrong error
}

func (n numbers) MarshalJSONTo(e *jsontext.Encoder) error {
	if err := e.WriteToken(jsontext.BeginArray); err != nil {
		return err
	}
	for i := range n.many {
		if err := e.WriteToken(jsontext.Int(int64(i))); err != nil {
			return err
		}
	}
	if n.wrong != nil {
		return n.wrong
	}
	return e.WriteToken(jsontext.EndArray)
}

// What is written as it goes arrives whole, or its client is told that it does not.
func TestStream(t *testing.T) {
	bad := errors.New("the disk is gone")
	for name, c := range map[string]struct {
		value   numbers
		status  int
		whole   bool
		in, log string // body, and line of the log
	}{
		"short":           {numbers{3, nil}, 200, true, "[0,1,2]", `"level":"INFO"`},
		"none":            {numbers{0, nil}, 200, true, "[]", `"level":"INFO"`},
		"long":            {numbers{50_000, nil}, 200, true, "49999]", `"level":"INFO"`},
		"wrong at once":   {numbers{3, bad}, 500, true, "M_UNKNOWN", bad.Error()},
		"wrong later":     {numbers{50_000, bad}, 200, false, "10000,", bad.Error()},
		"a problem, soon": {numbers{3, mxhttp.Problem{Status: 404, Code: matrix.NotFound, Message: "no"}}, 404, true, "M_NOT_FOUND", `"level":"INFO"`},
	} {
		w := newWorld(t, mxhttp.Options{}, get(ping, func(e echo.Context) error { return mxhttp.ReplyStream(e, c.value) }))
		res, err := http.Get(w.srv.URL + ping)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if res.StatusCode != c.status || (err == nil) != c.whole || !strings.Contains(string(body), c.in) {
			t.Errorf("%s: %d, %v, %.50s…, want %d with %s", name, res.StatusCode, err, body, c.status, c.in)
		}
		if res.Header.Get("Content-Type") != "application/json" || res.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: header = %v", name, res.Header)
		}
		w.srv.Close()
		if !strings.Contains(w.log.String(), c.log) {
			t.Errorf("%s: log = %s, want %s in it", name, w.log, c.log)
		}
	}
}

// An error after the answer changes nothing for the client, but the log tells.
func TestErrorAfterTheAnswer(t *testing.T) {
	w := newWorld(t, mxhttp.Options{}, get(ping, func(c echo.Context) error {
		return errors.Join(pong(c), errors.New("too late"))
	}))
	if r := w.do("GET", ping, ""); r.StatusCode != 200 || r.body != "{}" {
		t.Errorf("GET = %d %s, want 200 {}", r.StatusCode, r.body)
	}
	if lines := w.lines("request"); len(lines) != 1 || lines[0]["level"] != "ERROR" || lines[0]["error"] != "too late" {
		t.Errorf("log = %v, want one error", lines)
	}
}

func TestClientGoesAway(t *testing.T) {
	arrived := make(chan struct{})
	w := newWorld(t, mxhttp.Options{}, get(ping, func(c echo.Context) error {
		close(arrived)
		<-c.Request().Context().Done()
		return fmt.Errorf("waiting for news: %w", c.Request().Context().Err())
	}))
	ctx, leave := context.WithCancel(t.Context())
	go func() { <-arrived; leave() }()
	req, _ := http.NewRequestWithContext(ctx, "GET", w.srv.URL+ping, nil)
	if _, err := http.DefaultClient.Do(req); err == nil {
		t.Fatal("the client got an answer that it did not wait for")
	}
	if lines := w.lines("request"); len(lines) != 1 || lines[0]["level"] != "INFO" || lines[0]["status"] != 499.0 {
		t.Errorf("log = %v, want one line at info with status 499", lines)
	}
}
