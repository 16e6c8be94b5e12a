package sms

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"net/url"

	"signet/internal/deliver"
)

// maxAnswer is how much of an answer is read; the answers of interest are shorter.
const maxAnswer = 64 << 10

// Network is how providers are reached. The zero value is the network, and the
// authorities that the system trusts.
type Network struct {
	Dial    func(ctx context.Context, network, addr string) (net.Conn, error)
	RootCAs *x509.CertPool
}

// A wire sends the requests of one provider.
type wire struct {
	provider  string
	transport *http.Transport
}

// newWire makes connections of HTTP/1.1 that serve one request each: on a kept
// connection net/http would repeat by itself what looks lost, if it is a GET or
// carries an Idempotency-Key. Nothing is taken from the environment, no proxy either.
func newWire(provider string, n Network) wire {
	if n.Dial == nil {
		n.Dial = (&net.Dialer{}).DialContext
	}
	return wire{provider, &http.Transport{
		DialContext:            n.Dial,
		TLSClientConfig:        &tls.Config{RootCAs: n.RootCAs, MinVersion: tls.VersionTLS12},
		DisableKeepAlives:      true,
		DisableCompression:     true,
		MaxResponseHeaderBytes: maxAnswer,
	}}
}

// An answer is what came back, up to maxAnswer octets of it.
type answer struct {
	status int
	body   []byte
	cut    error // why the body ended early, nil if it did not
}

// exchange sends req and reads the answer. It goes below http.Client, so that a
// redirect is an answer like any other. From the moment there is a connection, a
// failure says nothing about what the provider has read: not even net/http knows
// for sure what has left by then.
func (w wire) exchange(req *http.Request) (answer, error) {
	connected := false
	trace := &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { connected = true }}
	ctx := httptrace.WithClientTrace(req.Context(), trace)
	if err := ctx.Err(); err != nil {
		return answer{}, w.failed(deliver.ErrNotNow, ended(err))
	}
	res, err := w.transport.RoundTrip(req.WithContext(ctx))
	if err != nil && connected {
		return answer{}, w.failed(deliver.ErrUnknownOutcome, broken(err))
	}
	if err != nil {
		return answer{}, w.failed(unreached(err))
	}
	defer res.Body.Close()
	a := answer{status: res.StatusCode}
	if a.body, err = io.ReadAll(io.LimitReader(res.Body, maxAnswer)); err != nil {
		a.cut = broken(err)
	}
	return a, nil
}

func (w wire) failed(kind, cause error) error {
	return &Error{Provider: w.provider, kind: kind, cause: cause}
}

var (
	errPlainURL = errors.New("must be an https URL, or http on a loopback address")
	errUserURL  = errors.New("must have no user and no fragment")
)

// checkURL tells whether messages may go to u. A name may resolve to another
// machine tomorrow, so only an address counts as this one. Errors do not quote u,
// which may hold a key.
func checkURL(u *url.URL) error {
	ip, err := netip.ParseAddr(u.Hostname())
	loopback := err == nil && ip.Unmap().IsLoopback()
	switch {
	case u.Hostname() == "", u.Scheme != "https" && (u.Scheme != "http" || !loopback):
		return errPlainURL
	case u.User != nil, u.Fragment != "":
		return errUserURL
	}
	return nil
}
