package audit_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"signet/keys/audit"
	"signet/keys/audit/audittest"
)

// serve is a source that reads a handler's answers.
func serve(t testing.TB, h http.Handler) *audit.HTTP {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	s, err := audit.NewHTTP(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	s.Pause = 0
	return s
}

// at answers one path otherwise than the site does.
func at(s audittest.Site, path string, h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/"+path {
			h(w, r)
			return
		}
		s.ServeHTTP(w, r)
	}
}

// A server that does not let its log be read is not said to lie, and what is wrong is said.
func TestAServerThatCannotBeRead(t *testing.T) {
	l := small(t)
	site := l.Publish()
	const bundle = "tile/entries/001"
	silent := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	for _, c := range []struct {
		name string
		path string
		h    http.HandlerFunc
		want string
	}{
		{"a checkpoint that is not there", "checkpoint", http.NotFound, "404 Not Found"},
		{"a bundle that is not there", bundle, http.NotFound, "404 Not Found"},
		{"a hash tile that is not there", "tile/1/000.p/2", http.NotFound, "404 Not Found"},
		{"a server that fails", bundle, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) }, "503 Service Unavailable"},
		{"a server that forbids", bundle, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(403) }, "403 Forbidden"},
		{"another place", bundle, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) }, "not followed"},
		{"a slow server", bundle, silent, "no answer within"},
		{"a slow checkpoint", "checkpoint", silent, "no answer within"},
		{"a slow body", bundle, func(w http.ResponseWriter, r *http.Request) {
			w.Write([]byte{0})
			w.(http.Flusher).Flush()
			silent(w, r)
		}, "no answer within"},
		{"a body without end", bundle, func(w http.ResponseWriter, _ *http.Request) {
			for err := error(nil); err == nil; {
				_, err = w.Write(make([]byte, 1<<16))
			}
		}, "longer than"},
		{"a body that breaks off", bundle, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			w.Write([]byte{0})
		}, "unexpected EOF"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := serve(t, at(site, c.path, c.h))
			s.Timeout = time.Minute
			if c.want == "no answer within" {
				s.Timeout = 50 * time.Millisecond
			}
			for {
				_, err := auditorOf(l, s).Audit(t.Context())
				u, is := errors.AsType[audit.Unread](err)
				if is && u.Path == c.path && strings.Contains(err.Error(), c.want) {
					return
				}
				if s.Timeout *= 2; !is || !strings.Contains(err.Error(), "no answer within") || s.Timeout > time.Minute { // or the machine is slow
					t.Fatalf("the audit says %v, want that %s cannot be read: %s", err, c.path, c.want)
				}
			}
		})
	}
}

// A server that is busy is asked again, and not for ever.
func TestABusyServer(t *testing.T) {
	l := small(t)
	site := l.Publish()
	var asked atomic.Int32
	busy := func(answers int32) http.HandlerFunc {
		asked.Store(0)
		return at(site, "tile/0/001", func(w http.ResponseWriter, r *http.Request) {
			if asked.Add(1) <= answers {
				w.WriteHeader(http.StatusTooManyRequests)
				return
			}
			site.ServeHTTP(w, r)
		})
	}
	holds(t, auditorOf(l, serve(t, busy(2))))
	if _, err := auditorOf(l, serve(t, busy(1000))).Audit(t.Context()); err == nil || asked.Load() != 3 {
		t.Errorf("after %d questions: %v", asked.Load(), err)
	}
}

// Whoever loses patience is not kept.
func TestAnAuditIsGivenUp(t *testing.T) {
	l := small(t)
	ctx, cancel := context.WithCancel(t.Context())
	s := serve(t, at(l.Publish(), "tile/entries/001", func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	}))
	if _, err := auditorOf(l, s).Audit(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("the audit says %v", err)
	}
}

func TestWhereALogMayBe(t *testing.T) {
	for base, want := range map[string]bool{
		"https://id.example.org/_signet/v1/keys/log/users":  true,
		"https://id.example.org/_signet/v1/keys/log/users/": true,
		"http://localhost:8090/log":                         true,
		"http://127.0.0.1:8090/log":                         true,
		"http://[::1]:8090/log":                             true,
		"http://id.example.org/log":                         false,
		"http://localhost.example.org/log":                  false,
		"http://10.0.0.1/log":                               false,
		"ftp://localhost/log":                               false,
		"https:///log":                                      false,
		"https://id.example.org/log?a=b":                    false,
		"log":                                               false,
		"https://id.example.org/%zz":                        false,
	} {
		if _, err := audit.NewHTTP(base); (err == nil) != want {
			t.Errorf("NewHTTP(%q) = %v, want %v", base, err, want)
		}
	}
}

// A directory is read like a server, and nothing beside it is.
func TestADirectory(t *testing.T) {
	l := small(t)
	dir := filepath.Join(t.TempDir(), "log")
	l.Publish().Write(t, dir)
	source, err := audit.OpenDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	holds(t, auditorOf(l, source))

	bundle := filepath.Join(dir, "tile", "entries", "001")
	outside := filepath.Join(dir, "..", "bundle")
	if err := os.Rename(bundle, outside); err != nil {
		t.Fatal(err)
	}
	if _, err := auditorOf(l, source).Audit(t.Context()); !errors.Is(err, audit.ErrNotFound) {
		t.Errorf("a bundle is gone, and the audit says %v", err)
	}
	if err := os.Symlink(outside, bundle); err != nil {
		t.Fatal(err)
	}
	if _, err := auditorOf(l, source).Audit(t.Context()); err == nil {
		t.Error("a link led out of the directory")
	}
	if _, err := audit.OpenDir(filepath.Join(dir, "none")); err == nil {
		t.Error("a directory that is not there was opened")
	}
}
