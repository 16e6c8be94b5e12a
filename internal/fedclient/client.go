package fedclient

import (
	"context"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"time"

	"signet/internal/matrix"
)

const (
	defaultTimeout   = 20 * time.Second
	defaultUserAgent = "Signet"
)

// Options are what a Client is made of. The zero value reaches the public
// internet and trusts the system's certificate authorities.
type Options struct {
	// AllowNetworks are networks that may be entered although they are not public.
	AllowNetworks []netip.Prefix
	// RootCAs are the trusted certificate authorities; nil means the system's.
	RootCAs *x509.CertPool
	// Resolver answers DNS questions; nil means net.DefaultResolver.
	Resolver Resolver
	// Dial opens a connection to exactly addr; nil means net.Dialer.
	Dial func(ctx context.Context, network string, addr netip.AddrPort) (net.Conn, error)
	// Now is the clock of caches, key documents and certificates; nil means time.Now.
	Now func() time.Time
	// UserAgent names this program to other servers; empty means "Signet".
	UserAgent string
}

// Resolver is the part of net.Resolver that discovery needs. LookupSRV returns
// records in the order in which to try them, by priority and weight.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
	LookupSRV(ctx context.Context, service, proto, name string) (string, []*net.SRV, error)
}

// Client asks other servers. It may be used by many goroutines at once; one
// Client serves a whole program, for its caches and connections.
type Client struct {
	resolver  Resolver
	networks  filter
	transport *http.Transport
	userAgent string
	now       func() time.Time
	delegates *memo[matrix.ServerName]
	keys      *memo[ServerKeys]
}

// New makes a Client.
func New(o Options) *Client {
	if o.Resolver == nil {
		o.Resolver = net.DefaultResolver
	}
	if o.Dial == nil {
		o.Dial = dialTCP
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.UserAgent == "" {
		o.UserAgent = defaultUserAgent
	}
	c := &Client{
		resolver:  o.Resolver,
		networks:  filter{allowed: o.AllowNetworks},
		userAgent: o.UserAgent,
		now:       o.Now,
	}
	c.transport = newTransport(dialer{networks: c.networks, roots: o.RootCAs, dial: o.Dial, now: o.Now})
	c.delegates = newMemo(o.Now, wellKnownPatience, c.fetchWellKnown)
	c.keys = newMemo(o.Now, keysPatience, c.fetchKeys)
	return c
}

// Do finds the server and asks it once. The context's deadline covers everything,
// 20 seconds when it has none. Errors are ErrUnreachable, ErrForbiddenAddress,
// ErrTooLarge, or a mistake in the request itself.
func (c *Client) Do(ctx context.Context, r Request) (Response, error) {
	ctx, cancel := withDeadline(ctx)
	defer cancel()
	answer, err := c.ask(ctx, r)
	if err != nil {
		return Response{}, fmt.Errorf("asking %q: %w", r.Server, err)
	}
	return answer, nil
}

// ask reads the answer whole.
func (c *Client) ask(ctx context.Context, r Request) (Response, error) {
	answer, err := c.open(ctx, r)
	if err != nil {
		return Response{}, err
	}
	return answer.whole()
}

func (c *Client) open(ctx context.Context, r Request) (Stream, error) {
	if server, err := matrix.ParseServerName(r.Server.String()); err != nil || server != r.Server {
		return Stream{}, matrix.ErrServerName
	}
	if !escaped(r.Path) {
		return Stream{}, errRequest
	}
	m, err := c.message(r)
	if err != nil {
		return Stream{}, err
	}
	to, err := c.route(ctx, r)
	if err != nil {
		return Stream{}, err
	}
	return c.send(ctx, to, m)
}

func (c *Client) route(ctx context.Context, r Request) (route, error) {
	if r.Web != nil {
		return web(r.Web)
	}
	return c.discover(ctx, r.Server)
}

func withDeadline(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, has := ctx.Deadline(); has {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, defaultTimeout)
}
