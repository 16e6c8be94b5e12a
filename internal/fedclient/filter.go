package fedclient

import (
	"net/netip"
	"slices"
)

// filter decides which addresses may be dialled: public ones, and those that the
// operator allows.
type filter struct{ allowed []netip.Prefix }

// Networks with no public servers in them (IANA special-purpose address
// registries). IPv6 is public in 2000::/3 only, besides what NAT64 translates.
var (
	specialIPv4 = prefixes(
		"0.0.0.0/8",          // this network
		"10.0.0.0/8",         // private
		"100.64.0.0/10",      // carrier-grade NAT
		"127.0.0.0/8",        // loopback
		"169.254.0.0/16",     // link-local, cloud metadata
		"172.16.0.0/12",      // private
		"192.0.0.0/24",       // protocol assignments
		"192.0.2.0/24",       // documentation
		"192.88.99.0/24",     // 6to4 relays
		"192.168.0.0/16",     // private
		"198.18.0.0/15",      // benchmarking
		"198.51.100.0/24",    // documentation
		"203.0.113.0/24",     // documentation
		"224.0.0.0/4",        // multicast
		"240.0.0.0/4",        // reserved
		"255.255.255.255/32", // broadcast
	)
	publicIPv6  = prefixes("2000::/3", nat64)
	specialIPv6 = prefixes(
		"2001::/23",     // protocol assignments, Teredo, benchmarking
		"2001:db8::/32", // documentation
		"2002::/16",     // 6to4
		"3fff::/20",     // documentation
	)
)

// Forms of IPv6 that carry an IPv4 address to which a gateway forwards.
const (
	ipv4Compatible = "::/96"
	nat64          = "64:ff9b::/96"
	nat64Local     = "64:ff9b:1::/48"
	sixToFour      = "2002::/16"
	teredo         = "2001::/32"
)

var (
	carriesInTail    = prefixes(ipv4Compatible, nat64, nat64Local)
	carriesAfterHead = prefixes(sixToFour)
	carriesInverted  = prefixes(teredo)
)

// permits tells whether addr may be dialled. Of an IPv6 address that carries an
// IPv4 address, both must be permitted.
func (f filter) permits(addr netip.Addr) bool {
	if addr.Zone() != "" {
		return false
	}
	addr = addr.Unmap()
	inner, hidden := carried(addr)
	return f.open(addr) && (!hidden || f.open(inner))
}

func (f filter) open(addr netip.Addr) bool {
	return within(f.allowed, addr) || public(addr)
}

func public(addr netip.Addr) bool {
	if addr.Is4() {
		return !within(specialIPv4, addr)
	}
	return within(publicIPv6, addr) && !within(specialIPv6, addr)
}

// carried is the IPv4 address that an IPv6 address stands for at a gateway.
func carried(addr netip.Addr) (netip.Addr, bool) {
	b := addr.As16()
	switch {
	case addr.IsLoopback(), addr.IsUnspecified():
		return netip.Addr{}, false // in ::/96, but IPv6's own (RFC 4291, section 2.5)
	case within(carriesInTail, addr):
		return netip.AddrFrom4([4]byte(b[12:])), true
	case within(carriesAfterHead, addr):
		return netip.AddrFrom4([4]byte(b[2:6])), true
	case within(carriesInverted, addr):
		return netip.AddrFrom4([4]byte{^b[12], ^b[13], ^b[14], ^b[15]}), true
	}
	return netip.Addr{}, false
}

func within(networks []netip.Prefix, addr netip.Addr) bool {
	return slices.ContainsFunc(networks, func(p netip.Prefix) bool { return p.Contains(addr) })
}

func prefixes(texts ...string) []netip.Prefix {
	parsed := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		parsed[i] = netip.MustParsePrefix(text)
	}
	return parsed
}
