package verify

import (
	"net/netip"

	"golang.org/x/net/publicsuffix"

	"signet/internal/threepid"
)

// mailbox is whoever receives what is sent to the address.
func mailbox(a asking) string { return a.Address.Inbox() }

// mailboxOfAsker is the mailbox as this asker may write to it.
func mailboxOfAsker(a asking) string { return mailbox(a) + " " + homeserver(a) + " " + string(a.asker) }

// account is who asks, or for whom a homeserver says that it does.
func account(a asking) string { return a.User.String() }

func addressOfAccount(a asking) string {
	if !a.newAddress {
		return ""
	}
	return a.User.String()
}

// homeserver is who answers for the caller's homeserver: names below one domain, and
// ports, cost nothing.
func homeserver(a asking) string { return a.Caller.Homeserver().Owner() }

func knownHomeserver(a asking) string {
	if a.standing == Newcomer {
		return ""
	}
	return homeserver(a)
}

// otherHomeserver is one that is not the operator's: whoever uses up what there is of that one
// would keep everybody from signing up.
func otherHomeserver(a asking) string {
	if a.standing == Own {
		return ""
	}
	return homeserver(a)
}

func newcomer(a asking) string {
	if a.standing != Newcomer {
		return ""
	}
	return homeserver(a)
}

// newcomers are all of them together.
func newcomers(a asking) string {
	if newcomer(a) == "" {
		return ""
	}
	return "newcomers"
}

// network is the person's IPv4 address or IPv6 /64, which one subscriber has; site the
// IPv6 /48 around it, which one organisation has. What another homeserver than the
// operator's says of people's addresses counts for its own people alone: it could name
// anybody's.
func network(a asking) string { return a.saidOf(prefixOf(a.Client, 32, 64)) }
func site(a asking) string    { return a.saidOf(prefixOf(a.Client, 0, 48)) }

func (a asking) saidOf(network string) string {
	if _, ok := a.Caller.isHomeserver(); !ok || network == "" || a.standing == Own {
		return network
	}
	return network + " " + homeserver(a)
}

func prefixOf(client netip.Addr, bits4, bits6 int) string {
	addr := client.Unmap()
	bits := bits6
	if addr.Is4() {
		bits = bits4
	}
	if !addr.IsValid() || bits == 0 {
		return ""
	}
	return netip.PrefixFrom(addr.WithZone(""), bits).Masked().String()
}

func domain(a asking) string { return MailDomain(a.Address) }

// MailDomain is the registrable domain of an e-mail address, or nobody's for the large
// providers: what their users ask for together says nothing.
func MailDomain(a threepid.Address) string {
	registrable, err := publicsuffix.EffectiveTLDPlusOne(a.Domain())
	if err != nil {
		registrable = a.Domain() // a name without a public suffix, such as localhost
	}
	if largeProviders[registrable] {
		return ""
	}
	return registrable
}

// prefix is a number without its last four digits, which one operator hands out as a
// block.
func prefix(a asking) string {
	number := a.Address.String()
	return number[:max(0, len(number)-4)]
}

func country(a asking) string { return a.Address.Country() }

// countryOfOthers is a country as one homeserver that is not the operator's uses it.
func countryOfOthers(a asking) string {
	if a.standing == Own || homeserver(a) == "" {
		return ""
	}
	return country(a) + " " + homeserver(a)
}

func deployment(asking) string { return "deployment" }
