package api_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"signet/internal/mxhttp"
	"signet/keys/log"
	"signet/web/api"
)

// published is a log of which only bundles and hashes of level 0 are there; nil is one that
// was rolled back.
type published struct{ checkpoint string }

func (p *published) Checkpoint(context.Context) (log.Checkpoint, error) {
	switch {
	case p == nil:
		return log.Checkpoint{}, fmt.Errorf("users: %w", log.ErrRolledBack)
	case p.checkpoint == "":
		return log.Checkpoint{}, log.ErrNotFound
	}
	return log.Checkpoint{Note: []byte(p.checkpoint)}, nil
}

func (p *published) Tile(_ context.Context, t tlog.Tile) ([]byte, error) {
	if t.L > 0 {
		return nil, log.ErrNotFound
	}
	return fmt.Appendf(nil, "%d %d %d", t.L, t.N, t.W), nil
}

// Logs are served as C2SP tlog-tiles says, to anybody, and tiles to be kept.
func TestLogsAreServed(t *testing.T) {
	a := &api.API{Logs: map[string]api.KeyLog{"users": &published{"id.example.org/users\n1\n"}, "servers": &published{}, "broken": (*published)(nil)}}
	handler, err := mxhttp.New(mxhttp.Options{Logger: slog.New(slog.DiscardHandler), Translate: a.Translate}, a.Routes())
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	defer server.Close()
	const forever = "public, max-age=31536000, immutable"
	const lost = `{"errcode":"M_NOT_FOUND","error":"`
	for _, c := range []struct {
		path        string
		status      int
		kind, cache string
		body        string // its beginning
	}{
		{"users/checkpoint", 200, "text/plain; charset=UTF-8", "public, max-age=1", "id.example.org/users\n1\n"},
		{"users/tile/0/000", 200, "application/octet-stream", forever, "0 0 256"},
		{"users/tile/0/x001/x234/067.p/5", 200, "application/octet-stream", forever, "0 1234067 5"},
		{"users/tile/entries/000.p/255", 200, "application/octet-stream", forever, "-1 0 255"},
		{"users/tile/1/000", 404, "application/json", "no-store", lost},
		{"users/tile/0/0", 404, "application/json", "no-store", lost},
		{"users/tile/0/000.p/256", 404, "application/json", "no-store", lost},
		{"users/tile/0/%30%30%30", 404, "application/json", "no-store", lost},
		{"users/tile/", 404, "application/json", "no-store", ""},
		{"servers/checkpoint", 404, "application/json", "no-store", lost},
		{"broken/checkpoint", 503, "application/json", "no-store", `{"errcode":"M_UNKNOWN"`},
		{"people/checkpoint", 404, "application/json", "no-store", ""},
		{"people/tile/0/000", 404, "application/json", "no-store", ""},
	} {
		r, err := http.Get(server.URL + "/_signet/v1/keys/log/" + c.path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(r.Body)
		_ = r.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		if r.StatusCode != c.status || r.Header.Get("Content-Type") != c.kind || r.Header.Get("Cache-Control") != c.cache || len(body) < len(c.body) || string(body[:len(c.body)]) != c.body {
			t.Errorf("GET %s = %d %s, %s: %s", c.path, r.StatusCode, r.Header.Get("Content-Type"), r.Header.Get("Cache-Control"), body)
		}
		if r.Header.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("GET %s: no page of another origin may read it", c.path)
		}
	}
}
