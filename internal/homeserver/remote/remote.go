package remote

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"signet/internal/fedclient"
	"signet/internal/homeserver/event"
	"signet/internal/matrix"
)

// Transport brings a request to another server and its answer back, as fedclient.Client
// does.
type Transport interface {
	// Open asks once. Who has the answer closes its body.
	Open(ctx context.Context, r fedclient.Request) (fedclient.Stream, error)
}

// Options is what a Client stands on.
type Options struct {
	Federation Transport
	ServerName matrix.ServerName
	// Signer is the key that signs requests now. It is asked for every request.
	Signer func(context.Context) (event.Signer, error)
	// Peers knows which servers are there; nil: nobody does. It is set before all else.
	Peers Peers
}

// Peers knows which servers are there, as outbound.Outbound does, by what it sends to them.
type Peers interface {
	// Down tells whether a server was not reached lately, so that people who look something
	// up there are not made to wait.
	Down(server matrix.ServerName) bool
	// Heard is told that a server has answered.
	Heard(server matrix.ServerName)
}

// Client asks other servers. It is safe for concurrent use.
type Client struct{ Options }

// New makes a Client.
func New(o Options) *Client { return &Client{o} }

// How long a question may take from its first step to the last octet of the answer, unless
// the context ends earlier, and how much is read of the answer. Those of a large room take
// the other server minutes to put together.
const (
	shortLife = 20 * time.Second
	longLife  = 5 * time.Minute
	sendLife  = time.Minute

	maxSmall = 1 << 20
	maxPage  = 24 << 20  // of events
	maxRoom  = 256 << 20 // all of its state
)

// The prefixes of paths.
const (
	v1 = "/_matrix/federation/v1"
	v2 = "/_matrix/federation/v2"
)

// call is one question.
type call struct {
	server matrix.ServerName
	method string
	path   string // of at
	body   any    // marshalled; nil for none
	max    int64  // 0: maxSmall
	life   time.Duration
	lookup bool // of somebody who waits for it

	delivers bool // what is queued: who sends it sees what becomes of it
}

// at writes a path whose last segments are escaped, with its query.
func at(prefix string, query url.Values, segments ...string) string {
	var path strings.Builder
	path.WriteString(prefix)
	for _, s := range segments {
		path.WriteString("/" + url.PathEscape(s))
	}
	if text := query.Encode(); text != "" {
		path.WriteString("?" + text)
	}
	return path.String()
}

// ask asks, and gives the answer to read, whose errors are its own.
func (c *Client) ask(ctx context.Context, q call, read func(io.Reader) error) error {
	if q.lookup && c.Peers != nil && c.Peers.Down(q.server) {
		return fmt.Errorf("asking %q, which was not reached lately: %w", q.server, fedclient.ErrUnreachable)
	}
	if q.life == 0 {
		q.life = shortLife
	}
	ctx, cancel := context.WithTimeout(ctx, q.life)
	defer cancel()
	answer, err := c.open(ctx, q)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.Status != http.StatusOK {
		return fmt.Errorf("asking %q: %w", q.server, answer.Refusal())
	}
	if err := read(answer.Body); err != nil {
		return fmt.Errorf("asking %q: %w", q.server, err)
	}
	if c.Peers != nil && !q.delivers {
		c.Peers.Heard(q.server)
	}
	return nil
}

func (c *Client) open(ctx context.Context, q call) (fedclient.Stream, error) {
	signer, err := c.Signer(ctx)
	if err != nil {
		return fedclient.Stream{}, fmt.Errorf("signing a request: %w", err)
	}
	r := fedclient.Request{Server: q.server, Method: q.method, Path: q.path, MaxBytes: q.max,
		Sign: &fedclient.Identity{Server: c.ServerName, Key: signer.Key}}
	if r.MaxBytes == 0 {
		r.MaxBytes = maxSmall
	}
	if q.body != nil {
		if r.Body, err = json.Marshal(q.body, json.Deterministic(true)); err != nil {
			return fedclient.Stream{}, fmt.Errorf("writing a request: %w", err)
		}
	}
	return c.Federation.Open(ctx, r)
}

// into reads an answer as strict JSON.
func into(v any) func(io.Reader) error {
	return func(r io.Reader) error {
		body, err := io.ReadAll(r)
		if err != nil {
			return err
		}
		return fedclient.Response{Body: body}.Decode(v)
	}
}

// nothing takes an answer that says no more than that it is one.
func nothing(r io.Reader) error {
	var any map[string]any
	return into(&any)(r)
}
