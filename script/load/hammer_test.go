package main

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// played is a server that answers as a test says.
func played(t *testing.T, answer http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(answer)
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}

// Whatever a request says arrives, and what is answered comes back, long or short, over
// one connection.
func TestWire(t *testing.T) {
	peers := map[string]bool{}
	addr := played(t, func(w http.ResponseWriter, r *http.Request) {
		peers[r.RemoteAddr] = true
		body, _ := io.ReadAll(r.Body)
		if r.Host != hostName || r.Header.Get("Authorization") != "Bearer tok" || r.Header.Get("X-Forwarded-For") != "198.18.0.1" {
			w.WriteHeader(http.StatusTeapot)
		}
		_, _ = io.WriteString(w, strings.Repeat(r.Method+r.URL.RequestURI()+string(body), 1000))
	})
	w, err := dial(t.Context(), addr)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	by := caller{token: "tok", client: "198.18.0.1"}
	for request, want := range map[string]string{
		string(get("/a?b=c", by)):       "GET/a?b=c",
		string(post("/d", by, `{"e"}`)): `POST/d{"e"}`,
	} {
		a, err := w.do([]byte(request))
		if err != nil || a.status != 200 || string(a.body) != strings.Repeat(want, 1000) {
			t.Errorf("%q is answered %d %.60q, %v", request, a.status, a.body, err)
		}
	}
	if a, err := w.do(get("/", caller{})); err != nil || !errors.Is(a.hoped(200), errRefused) || a.hoped(http.StatusTeapot) != nil {
		t.Errorf("a request of nobody is answered %d, %v", a.status, err)
	}
	if len(peers) != 1 {
		t.Errorf("%d connections were made for one wire", len(peers))
	}
}

// Every exchange that a source gives is made once, each connection is used, and each
// time is noted.
func TestHammer(t *testing.T) {
	var asked atomic.Int64
	together := make(chan struct{}, 4) // all four connections are busy at once before one is answered
	addr := played(t, func(w http.ResponseWriter, _ *http.Request) {
		if asked.Add(1) == 4 {
			close(together)
		}
		<-together
	})
	took, err := hammer(t.Context(), []string{addr}, 4, forever, upTo(100, func(int) exchange { return exchange{request: get("/", caller{})} }))
	if err != nil || len(took) != 100 || asked.Load() != 100 {
		t.Errorf("100 exchanges: %d noted, %d made, %v", len(took), asked.Load(), err)
	}
}

func TestHammerEnds(t *testing.T) {
	addr := played(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/refused" {
			w.WriteHeader(http.StatusTooManyRequests)
		}
	})
	t.Run("with its time", func(t *testing.T) {
		took, err := hammer(t.Context(), []string{addr}, 2, 50*time.Millisecond, only(get("/", caller{})))
		if err != nil || len(took) < 2 {
			t.Errorf("%d exchanges, %v", len(took), err)
		}
	})
	t.Run("with its time, which is over before it begins", func(t *testing.T) {
		took, err := hammer(t.Context(), []string{addr}, 2, 0, only(get("/", caller{})))
		if err != nil || len(took) != 2 {
			t.Errorf("%d exchanges, %v", len(took), err)
		}
	})
	t.Run("with the first refusal", func(t *testing.T) {
		_, err := hammer(t.Context(), []string{addr}, 2, forever, only(get("/refused", caller{})))
		if !errors.Is(err, errRefused) {
			t.Errorf("hammering a server that refuses: %v, want %v", err, errRefused)
		}
	})
	t.Run("with its context, which is no error", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var n atomic.Int64
		_, err := hammer(ctx, []string{addr}, 2, forever, func() (exchange, bool) {
			if n.Add(1) == 10 {
				cancel()
			}
			return exchange{request: get("/", caller{})}, true
		})
		if err != nil {
			t.Errorf("stopped: %v", err)
		}
	})
	t.Run("when nobody is there", func(t *testing.T) {
		gone, err := freeAddr()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := hammer(t.Context(), []string{gone}, 2, forever, only(nil)); err == nil {
			t.Error("hammering nobody is no error")
		}
	})
}
