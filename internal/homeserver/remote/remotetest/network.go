// Package remotetest is a network of servers within one test.
package remotetest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"

	"signet/internal/fedclient"
	"signet/internal/matrix"
)

// Network carries requests between servers by calling their handlers. It is a
// remote.Transport, and safe for concurrent use.
type Network struct {
	mu      sync.Mutex // guards what follows
	servers map[matrix.ServerName]http.Handler
	down    map[matrix.ServerName]bool
	asked   map[matrix.ServerName]int
}

// New is a network without servers.
func New() *Network {
	return &Network{servers: map[matrix.ServerName]http.Handler{}, down: map[matrix.ServerName]bool{}, asked: map[matrix.ServerName]int{}}
}

// Serve puts a server into the network, in place of one of that name.
func (n *Network) Serve(name matrix.ServerName, h http.Handler) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.servers[name] = h
}

// SetDown takes a server from the network, or gives it back.
func (n *Network) SetDown(name matrix.ServerName, down bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.down[name] = down
}

// Asked is how many requests were made to a server, those that did not reach it among them.
func (n *Network) Asked(name matrix.ServerName) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.asked[name]
}

func (n *Network) server(name matrix.ServerName) http.Handler {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.asked[name]++
	if n.down[name] {
		return nil
	}
	return n.servers[name]
}

// Open is remote.Transport's. A server that panics with http.ErrAbortHandler breaks off.
func (n *Network) Open(ctx context.Context, r fedclient.Request) (fedclient.Stream, error) {
	h := n.server(r.Server)
	if h == nil {
		return fedclient.Stream{}, fmt.Errorf("asking %q: %w", r.Server, fedclient.ErrUnreachable)
	}
	req := httptest.NewRequestWithContext(ctx, r.Method, r.Path, bytes.NewReader(r.Body))
	req.Host = r.Server.String()
	if len(r.Body) > 0 {
		req.Header.Set("Content-Type", "application/json")
	}
	if r.Sign != nil {
		signed := matrix.SignedRequest{Method: r.Method, URI: r.Path, Origin: r.Sign.Server, Destination: r.Server, Content: r.Body}
		x, err := signed.Authorize(r.Sign.Key)
		if err != nil {
			return fedclient.Stream{}, err
		}
		req.Header.Set("Authorization", x.String())
	}
	answer := httptest.NewRecorder()
	broken := run(h, answer, req)
	if err := ctx.Err(); err != nil {
		return fedclient.Stream{}, fmt.Errorf("asking %q: %w: %w", r.Server, fedclient.ErrUnreachable, err)
	}
	body := &body{rest: answer.Body.Bytes(), left: r.MaxBytes, broken: broken}
	return fedclient.Stream{Status: answer.Code, Header: answer.Header(), Body: io.NopCloser(body)}, nil
}

func run(h http.Handler, answer *httptest.ResponseRecorder, req *http.Request) (broken bool) {
	defer func() {
		if p := recover(); p == http.ErrAbortHandler {
			broken = true
		} else if p != nil {
			panic(p)
		}
	}()
	h.ServeHTTP(answer, req)
	return false
}

// body is an answer that ends as fedclient's do.
type body struct {
	rest   []byte
	left   int64
	broken bool
}

func (b *body) Read(p []byte) (int, error) {
	n := copy(p, b.rest[:min(len(b.rest), 4096)])
	b.rest = b.rest[n:]
	b.left -= int64(n)
	switch {
	case b.left < 0:
		return n + int(b.left), fedclient.ErrTooLarge
	case n > 0 || len(p) == 0:
		return n, nil
	case b.broken:
		return 0, fedclient.ErrUnreachable
	}
	return 0, io.EOF
}

// FreshKeys reads what a server publishes as its keys, as fedclient.Client does, and
// remembers nothing.
func (n *Network) FreshKeys(ctx context.Context, server matrix.ServerName) (fedclient.ServerKeys, error) {
	answer, err := n.Open(ctx, fedclient.Request{Server: server, Method: http.MethodGet, Path: "/_matrix/key/v2/server", MaxBytes: 64 << 10})
	if err != nil {
		return fedclient.ServerKeys{}, err
	}
	if answer.Status != http.StatusOK {
		return fedclient.ServerKeys{}, fedclient.ErrBadAnswer
	}
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return fedclient.ServerKeys{}, err
	}
	return keysIn(server, text)
}
