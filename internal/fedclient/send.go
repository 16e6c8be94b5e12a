package fedclient

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/netip"
)

// maxAttempts bounds how many addresses of one server are tried for one request.
const maxAttempts = 8

// send delivers the message to the first address of the route that lets itself be
// connected to. A request that may have been sent is not sent again elsewhere.
func (c *Client) send(ctx context.Context, to route, m message) (Stream, error) {
	var failed error
	attempts := 0
	for addr, err := range c.addresses(ctx, to) {
		if err == nil {
			var answer Stream
			answer, err = c.attempt(ctx, endpoint{addr: addr, certificate: to.certificate}, to.host, m)
			if _, retry := errors.AsType[connectError](err); !retry {
				return answer, err
			}
			attempts++
		}
		failed = err
		if attempts == maxAttempts {
			break
		}
	}
	return Stream{}, failed
}

// addresses are the route's permitted addresses in the order to try them. A target
// without any is reported once and passed over.
func (c *Client) addresses(ctx context.Context, to route) iter.Seq2[netip.AddrPort, error] {
	return func(yield func(netip.AddrPort, error) bool) {
		for _, t := range to.targets {
			addrs, err := c.resolve(ctx, t.host)
			if err != nil && !yield(netip.AddrPort{}, err) {
				return
			}
			for _, addr := range addrs {
				if !yield(netip.AddrPortFrom(addr, t.port), nil) {
					return
				}
			}
		}
	}
}

// resolve judges each address of a host for itself: a private address beside a
// public one is left out, not a reason to refuse both.
func (c *Client) resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	found, err := c.lookup(ctx, host)
	if err != nil {
		return nil, connectError{cause: err}
	}
	var permitted []netip.Addr
	for _, addr := range found {
		if c.networks.permits(addr) {
			permitted = append(permitted, addr)
		}
	}
	if len(permitted) == 0 {
		return nil, ErrForbiddenAddress
	}
	return permitted, nil
}

func (c *Client) lookup(ctx context.Context, host string) ([]netip.Addr, error) {
	if addr, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{addr}, nil
	}
	found, err := c.resolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, fmt.Errorf("resolving: %w", err)
	}
	if len(found) == 0 {
		return nil, errors.New("resolving: host has no address")
	}
	return found, nil
}

// attempt speaks to one endpoint: one request, and the answer as it begins.
func (c *Client) attempt(ctx context.Context, e endpoint, host string, m message) (Stream, error) {
	scheme := "https://"
	if e.certificate == "" {
		scheme = "http://"
	}
	req, err := http.NewRequestWithContext(ctx, m.method, scheme+e.key()+m.path, bytes.NewReader(m.body))
	if err != nil {
		return Stream{}, errRequest
	}
	req.Host = host
	req.Header = m.header
	resp, err := c.transport.RoundTrip(req)
	if err != nil {
		if refused, before := errors.AsType[connectError](err); before {
			return Stream{}, refused
		}
		return Stream{}, brokenAnswer{cause: err}
	}
	return Stream{Status: resp.StatusCode, Header: resp.Header, Body: &bounded{body: resp.Body, left: m.max}}, nil
}
