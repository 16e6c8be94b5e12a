package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"signet/internal/daemon"
	"signet/internal/program"
)

// errTold ends a server that has told what it had to.
var errTold = errors.New("told")

// built tells of a server as it is wired, in development mode in a folder of its own. Nothing of
// it runs.
func built(t *testing.T, tell func(s *server)) {
	t.Helper()
	t.Chdir(t.TempDir())
	var said bytes.Buffer
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	env := program.Env{Ctx: ctx, Stdout: &said, Stderr: &said, Getenv: func(string) string { return "" }, Now: time.Now, Rand: rand.Reader}
	err := idserver.Serve(env, func(f program.Frame) (daemon.Process, error) {
		s, err := build(f)
		if err != nil {
			return daemon.Process{}, err
		}
		tell(s)
		return daemon.Process{}, errTold
	})
	if !errors.Is(err, errTold) {
		t.Fatalf("the server ends with %v\n%s", err, &said)
	}
}

// wantHealth asserts what /readyz answers, and the value of a metric.
func (s *server) wantHealth(t *testing.T, when string, status int, names, metric string, value float64) {
	t.Helper()
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://localhost:8090/readyz", nil))
	if got := strings.Fields(w.Body.String()); w.Code != status || strings.Join(got, " ") != names {
		t.Errorf("%s: /readyz answers %d %q, want %d %q", when, w.Code, got, status, names)
	}
	families, err := s.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != metric {
			continue
		}
		if got := f.GetMetric()[0].GetGauge().GetValue(); got != value {
			t.Errorf("%s: %s is %v, want %v", when, metric, got, value)
		}
		return
	}
	t.Errorf("%s: there is no metric %s", when, metric)
}

// exec changes the tables, as somebody who has them does.
func (s *server) exec(t *testing.T, statement string) {
	t.Helper()
	if _, err := s.DB.Exec(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}

// A server whose feed of bindings lacks a change says so where operators look, and no more once
// that is over.
func TestADamagedFeedIsSeen(t *testing.T) {
	const metric = "signet_idserver_bindings_feed_damaged"
	built(t, func(s *server) {
		s.wantHealth(t, "at first", http.StatusOK, "ok", metric, 0)
		s.exec(t, `UPDATE lookup_feed SET position = 1 WHERE name = 'bindings'`)
		s.wantHealth(t, "of a change that is nowhere", http.StatusServiceUnavailable, "bindings", metric, 1)
		s.exec(t, `UPDATE lookup_feed SET position = 0 WHERE name = 'bindings'`)
		s.wantHealth(t, "without it", http.StatusOK, "ok", metric, 0)
	})
}

// Of keys that cannot be read and wait, one who looks learns, too, and the server goes on.
func TestDamagedKeysAreSeen(t *testing.T) {
	const metric = "signet_idserver_keys_damaged"
	built(t, func(s *server) {
		s.wantHealth(t, "at first", http.StatusOK, "ok", metric, 0)
		s.exec(t, `INSERT INTO people_labels (label_tag, label_sealed, next_version, queued_ms) VALUES (zeroblob(32), x'01', 1, 1)`)
		s.exec(t, `INSERT INTO people_versions (label_tag, version, position, queued_ms, user_tag, session_id, prepared, opening_sealed, value_sealed)
			VALUES (zeroblob(32), 0, 0, 1, x'', '', x'', x'', x'01')`)
		if _, err := s.people.Tiles().Seal(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.wantHealth(t, "of a version that cannot be read", http.StatusOK, "ok but damaged_keys", metric, 1)
	})
}
