package idclient

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/go-json-experiment/json"

	"signet/internal/fedclient"
	"signet/internal/matrix"
)

// Federation brings a request to a server and its answer back, as fedclient.Client does.
type Federation interface {
	Do(ctx context.Context, r fedclient.Request) (fedclient.Response, error)
}

// Options is what a Client stands on.
type Options struct {
	Federation Federation
	ServerName matrix.ServerName // the homeserver's
	// Key is the homeserver's, which signs requests now.
	Key  func(context.Context) (matrix.SigningKey, error)
	Now  func() time.Time
	Rand io.Reader
	// Own is the URL of the homeserver's own choice of an identity server; nil is none.
	Own *url.URL
	Log *slog.Logger // is told of clocks that differ; nil is told nothing
}

// Client asks identity servers. It is safe for concurrent use.
type Client struct {
	Options
	clocks clocks
}

// New makes a Client.
func New(o Options) *Client {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Client{Options: o}
}

// Server is an identity server.
type Server struct {
	Name matrix.ServerName // what a signature is for, and id_server names
	URL  *url.URL          // scheme and host
}

// ErrIDServer says that id_server is not the name of a server.
var ErrIDServer = errors.New("id_server is not a host name, with a port or without")

// ParseServer reads the id_server of a request: "the hostname of the identity server", with
// an optional port, which is reached by https. The error is ErrIDServer.
func ParseServer(idServer string) (Server, error) {
	name, err := matrix.ParseServerName(idServer)
	if err != nil {
		return Server{}, ErrIDServer
	}
	return Server{Name: name, URL: &url.URL{Scheme: "https", Host: name.String()}}, nil
}

// Caller is on whose behalf an identity server is asked.
type Caller struct{ token string }

// Homeserver is the homeserver itself, for people who have no account yet.
var Homeserver = Caller{}

// Account is a user who brought an access token for the identity server, which is not empty.
func Account(token string) Caller { return Caller{token} }

const (
	v2   = "/_matrix/identity/v2"
	ours = "/_signet/v1"
)

// call is one question.
type call struct {
	to     Server
	as     Caller
	method string
	path   string
	query  url.Values
	body   any   // marshalled; nil for none
	most   int64 // the length of the answer in octets; 0 for what is usual
}

// life is how long a question may take.
const life = 20 * time.Second

// ask asks, and reads the answer into a value.
func (c *Client) ask(ctx context.Context, q call, into any) error {
	answer, err := c.whole(ctx, q, http.StatusOK)
	if err != nil {
		return err
	}
	if err := answer.Decode(into); err != nil {
		return fmt.Errorf("asking the identity server %q: %w", q.to.Name, err)
	}
	return nil
}

// whole asks, and gives the whole answer, which is a refusal unless it has that status.
func (c *Client) whole(ctx context.Context, q call, status int) (fedclient.Response, error) {
	answer, err := c.answer(ctx, q)
	if err != nil {
		return fedclient.Response{}, err
	}
	if answer.Status != status {
		return fedclient.Response{}, fmt.Errorf("asking the identity server %q: %w", q.to.Name, c.refusal(q.to, answer))
	}
	return answer, nil
}

func (c *Client) answer(ctx context.Context, q call) (fedclient.Response, error) {
	ctx, cancel := context.WithTimeout(ctx, life)
	defer cancel()
	r := fedclient.Request{Server: q.to.Name, Web: q.to.URL, Method: q.method, Path: q.path, Bearer: q.as.token, MaxBytes: q.most}
	if text := q.query.Encode(); text != "" {
		r.Path += "?" + text
	}
	if q.body != nil {
		var err error
		if r.Body, err = json.Marshal(q.body, json.Deterministic(true)); err != nil {
			return fedclient.Response{}, fmt.Errorf("writing a request: %w", err)
		}
	}
	if q.as == Homeserver {
		key, err := c.Key(ctx)
		if err != nil {
			return fedclient.Response{}, fmt.Errorf("signing a request: %w", err)
		}
		r.Sign = &fedclient.Identity{Server: c.ServerName, Key: key}
	}
	return c.Federation.Do(ctx, r)
}

// done is the answer that says no more than that.
type done struct{}
