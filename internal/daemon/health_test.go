package daemon

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func ask(handler http.HandlerFunc, r *http.Request) (int, string) {
	w := httptest.NewRecorder()
	handler(w, r)
	return w.Code, w.Body.String()
}

func TestHealth(t *testing.T) {
	log := new(journal)
	broken := map[string]bool{}
	check := func(name string) Check {
		return func(context.Context) error {
			if broken[name] {
				return errBroken
			}
			return nil
		}
	}
	h := NewHealth(log.logger(), map[string]Check{"database": check("database"), "migrations": check("migrations"), "keys": check("keys")})
	request := httptest.NewRequest("GET", "/readyz", nil)
	expect := func(when string, status int, body string) {
		t.Helper()
		if gotStatus, gotBody := ask(h.ServeReady, request); gotStatus != status || gotBody != body {
			t.Errorf("%s: ready = %d %q, want %d %q", when, gotStatus, gotBody, status, body)
		}
		if gotStatus, gotBody := ask(h.ServeAlive, request); gotStatus != 200 || gotBody != "ok\n" {
			t.Errorf("%s: alive = %d %q, want 200", when, gotStatus, gotBody)
		}
	}
	expect("all is well", 200, "ok\n")
	broken["migrations"], broken["database"] = true, true
	expect("two things are broken", 503, "database\nmigrations\n")
	if !strings.Contains(log.String(), errBroken.Error()) {
		t.Errorf("the log does not hold the error's text:\n%s", log)
	}
	clear(broken)
	expect("repaired", 200, "ok\n")
	h.Drain()
	expect("draining", 503, "draining\n")
}

// TestHealthChecksEndWithTheRequest: a check that hangs on a dead database ends
// when the asker is gone.
func TestHealthChecksEndWithTheRequest(t *testing.T) {
	h := NewHealth(new(journal).logger(), map[string]Check{"database": func(ctx context.Context) error {
		if _, limited := ctx.Deadline(); !limited {
			t.Error("a check may take for ever")
		}
		<-ctx.Done()
		return ctx.Err()
	}})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if status, body := ask(h.ServeReady, httptest.NewRequestWithContext(ctx, "GET", "/readyz", nil)); status != 503 || body != "database\n" {
		t.Errorf("ready = %d %q, want 503 database", status, body)
	}
}
