package mxhttp

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"
)

// ClientAddr returns the address that a request comes from: the peer's, or, when the
// peer is a trusted proxy, the last hop of X-Forwarded-For that is not one. It is the
// zero Addr when unknown (a unix socket; a hop that is no address): no key for a budget.
func ClientAddr(c echo.Context) netip.Addr {
	s, r := of(c).server, c.Request()
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	addr := plain(peer.Addr())
	hops := r.Header.Values(echo.HeaderXForwardedFor)
	for _, line := range slices.Backward(hops) {
		for line != "" && s.trusted(addr) {
			cut := strings.LastIndexByte(line, ',')
			addr, line = parseHop(line[cut+1:]), line[:max(cut, 0)]
		}
	}
	return addr
}

// ClientNetwork returns the network of ClientAddr that one subscriber has: an IPv4
// address, or an IPv6 /64. It is the zero Prefix when unknown.
func ClientNetwork(c echo.Context) netip.Prefix {
	addr := ClientAddr(c)
	bits := addr.BitLen()
	if addr.Is6() {
		bits = 64
	}
	network, err := addr.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return network
}

// trusted reports whether what addr says of its own peer is believed.
func (s *server) trusted(addr netip.Addr) bool {
	return slices.ContainsFunc(s.Proxies, func(p netip.Prefix) bool { return p.Contains(addr) })
}

// parseHop reads an entry of X-Forwarded-For, to which some proxies add the port.
func parseHop(s string) netip.Addr {
	s = strings.TrimSpace(s)
	if withPort, err := netip.ParseAddrPort(s); err == nil {
		return plain(withPort.Addr())
	}
	addr, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Addr{}
	}
	return plain(addr)
}

// plain is the one form of an address, however the socket or the proxy writes it.
func plain(a netip.Addr) netip.Addr { return a.Unmap().WithZone("") }
