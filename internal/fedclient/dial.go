package fedclient

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"time"
)

const (
	connectTimeout = 5 * time.Second // one address: connection and TLS
	idleTimeout    = 90 * time.Second
	maxIdle        = 256
	maxIdlePerHost = 4
	maxHeaderBytes = 32 << 10
)

// endpoint is where a connection leads: an address that was judged, and the name
// that the certificate there must carry, or none without TLS. Connections are kept by both, so that one
// is never used again for a name that was not checked on it, nor for an address
// that the name no longer resolves to.
type endpoint struct {
	addr        netip.AddrPort
	certificate string
}

// key writes the endpoint as the host of a URL, for http.Transport to keep
// connections by. parseEndpoint is its inverse.
func (e endpoint) key() string {
	ip := e.addr.Addr().As16()
	return fmt.Sprintf("%x:%d", append(ip[:], e.certificate...), e.addr.Port())
}

func parseEndpoint(key string) (endpoint, error) {
	host, portText, err := net.SplitHostPort(key)
	if err != nil {
		return endpoint{}, fmt.Errorf("reading endpoint: %w", err)
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil {
		return endpoint{}, fmt.Errorf("reading endpoint: %w", err)
	}
	raw, err := hex.DecodeString(host)
	if err != nil || len(raw) < 16 {
		return endpoint{}, errors.New("reading endpoint: not an address and a name")
	}
	addr := netip.AddrFrom16([16]byte(raw)).Unmap()
	return endpoint{addr: netip.AddrPortFrom(addr, uint16(port)), certificate: string(raw[16:])}, nil
}

// dialer opens TLS connections for the transport.
type dialer struct {
	networks filter
	roots    *x509.CertPool
	dial     func(ctx context.Context, network string, addr netip.AddrPort) (net.Conn, error)
	now      func() time.Time
}

func newTransport(d dialer) *http.Transport {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	return &http.Transport{
		DialTLSContext:         d.dialTLS,
		DialContext:            d.dialPlain,
		Protocols:              protocols,
		DisableCompression:     true,
		MaxIdleConns:           maxIdle,
		MaxIdleConnsPerHost:    maxIdlePerHost,
		IdleConnTimeout:        idleTimeout,
		MaxResponseHeaderBytes: maxHeaderBytes,
	}
}

// dialTLS is the last gate: whatever led here, a forbidden address is not dialled,
// and what is dialled is the address itself, never a name to be resolved again.
func (d dialer) dialTLS(ctx context.Context, network, key string) (net.Conn, error) {
	e, err := parseEndpoint(key)
	if err != nil {
		return nil, connectError{cause: err}
	}
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	raw, err := d.connect(ctx, network, e)
	if err != nil {
		return nil, err
	}
	secured := tls.Client(raw, d.tlsConfig(e.certificate))
	if err := secured.HandshakeContext(ctx); err != nil {
		_ = raw.Close()
		return nil, connectError{cause: err}
	}
	return secured, nil
}

// dialPlain opens a connection without TLS, which nothing but this machine is reached by.
func (d dialer) dialPlain(ctx context.Context, network, key string) (net.Conn, error) {
	e, err := parseEndpoint(key)
	if err != nil {
		return nil, connectError{cause: err}
	}
	if !e.addr.Addr().IsLoopback() {
		return nil, ErrForbiddenAddress
	}
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	return d.connect(ctx, network, e)
}

func (d dialer) connect(ctx context.Context, network string, e endpoint) (net.Conn, error) {
	if !d.networks.permits(e.addr.Addr()) {
		return nil, ErrForbiddenAddress
	}
	raw, err := d.dial(ctx, network, e.addr)
	if err != nil {
		return nil, connectError{cause: err}
	}
	return raw, nil
}

func (d dialer) tlsConfig(certificate string) *tls.Config {
	return &tls.Config{
		RootCAs:    d.roots,
		ServerName: certificate, // an IP address is checked as one, and not sent as SNI
		MinVersion: tls.VersionTLS12,
		NextProtos: []string{"h2", "http/1.1"},
		Time:       d.now,
	}
}

func dialTCP(ctx context.Context, network string, addr netip.AddrPort) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, network, addr.String())
}
