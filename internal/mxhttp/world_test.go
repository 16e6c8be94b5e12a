package mxhttp_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/labstack/echo/v4"

	"signet/internal/mxhttp"
)

// world is a server on loopback and the log that it writes, at debug level.
type world struct {
	*testing.T
	srv *httptest.Server
	log *journal
}

// journal is a log that tests read while the server writes.
type journal struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.b.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.b.String()
}

func newWorld(t *testing.T, o mxhttp.Options, routes ...mxhttp.Route) *world {
	t.Helper()
	w := &world{T: t, log: new(journal)}
	o.Logger = slog.New(slog.NewJSONHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	e, err := mxhttp.New(o, routes)
	if err != nil {
		t.Fatalf("New = %v", err)
	}
	w.srv = httptest.NewServer(e)
	t.Cleanup(w.srv.Close)
	return w
}

// reply is an answer, read to its end.
type reply struct {
	*http.Response
	body string
}

func (w *world) do(method, path, body string, header ...string) reply {
	w.Helper()
	req, err := http.NewRequest(method, w.srv.URL+path, strings.NewReader(body))
	if err != nil {
		w.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Add(header[i], header[i+1])
	}
	res, err := w.srv.Client().Do(req)
	if err != nil {
		w.Fatalf("%s %s: %v", method, path, err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		w.Fatalf("%s %s: reading the answer: %v", method, path, err)
	}
	return reply{res, string(b)}
}

// raw sends bytes as they are, all of them before it reads the answer.
func (w *world) raw(request string) reply {
	w.Helper()
	conn, err := net.Dial("tcp", w.srv.Listener.Addr().String())
	if err != nil {
		w.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, request); err != nil {
		w.Fatalf("writing the request: %v", err)
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		w.Fatalf("reading the answer: %v", err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		w.Fatalf("reading the answer's body: %v", err)
	}
	return reply{res, string(b)}
}

// want checks the status and the errcode of an answer; "" is no errcode.
func (w *world) want(what string, r reply, status int, code string) {
	w.Helper()
	var got struct{ Errcode, Error string }
	if r.body != "" {
		if err := json.Unmarshal([]byte(r.body), &got); err != nil {
			w.Errorf("%s: answer %q is not JSON: %v", what, r.body, err)
		}
	}
	if r.StatusCode != status || got.Errcode != code {
		w.Errorf("%s = %d %q (%s), want %d %q", what, r.StatusCode, got.Errcode, got.Error, status, code)
	}
}

// lines are the finished lines of the log that have the message.
func (w *world) lines(message string) []map[string]any {
	w.Helper()
	w.srv.Close() // waits until every request has been logged
	var all []map[string]any
	for line := range strings.Lines(w.log.String()) {
		var m map[string]any
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			w.Fatalf("log line %q: %v", line, err)
		}
		if m["msg"] == message {
			all = append(all, m)
		}
	}
	return all
}

const ping = "/_matrix/identity/v2"

// pong is the plainest of handlers.
func pong(c echo.Context) error { return mxhttp.Reply(c, http.StatusOK, struct{}{}) }

func get(path string, h echo.HandlerFunc) mxhttp.Route {
	return mxhttp.Route{Method: http.MethodGet, Path: path, Handler: h}
}

func post(path string, h echo.HandlerFunc) mxhttp.Route {
	return mxhttp.Route{Method: http.MethodPost, Path: path, Handler: h}
}
