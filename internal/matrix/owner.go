package matrix

import (
	"net/netip"
	"strings"

	"golang.org/x/net/publicsuffix"
)

// Owner is who answers for a server, so that budgets count what cannot be had for
// nothing: the registrable domain of its host, below which its holder makes as many
// names as they like, and no port. An IPv4 address stands for itself, an IPv6 address
// for its /64, both written as prefixes. A public suffix, such as co.uk, and a name of
// one label stand for themselves.
func (n ServerName) Owner() string {
	addr, literal := n.IP()
	switch addr = addr.Unmap(); {
	case literal && addr.Is4():
		return netip.PrefixFrom(addr, 32).String()
	case literal:
		return netip.PrefixFrom(addr, 64).Masked().String()
	}
	if domain, err := publicsuffix.EffectiveTLDPlusOne(n.Host()); err == nil {
		return domain
	}
	return n.Host()
}

// IsPublicSuffix tells whether the host is on the public suffix list: those who hold
// names below it have nothing to do with each other. A name of one label that is not
// there, such as localhost, is a machine's.
func (n ServerName) IsPublicSuffix() bool {
	suffix, icann := publicsuffix.PublicSuffix(n.Host())
	_, literal := n.IP()
	return !literal && suffix == n.Host() && (icann || strings.Contains(suffix, "."))
}
