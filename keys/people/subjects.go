package people

import "net/netip"

func ofLabel(a asking) string { return a.label.String() }
func account(a asking) string { return a.Account.String() }

// homeserver answers for accounts that it makes for nothing. The operator's own makes none
// that the operator did not want.
func homeserver(a asking) string {
	if a.own {
		return ""
	}
	return a.Homeserver.WithoutPort().String()
}

// domain bounds whoever makes homeservers below a domain of their own.
func domain(a asking) string {
	if a.own || a.Homeserver == "" {
		return ""
	}
	return a.Homeserver.Owner()
}

func network(a asking) string {
	if !a.Network.IsValid() {
		return ""
	}
	return a.Network.String()
}

// site is the IPv6 /48 around a network, which one organisation has.
func site(a asking) string {
	if !a.Network.Addr().Is6() {
		return ""
	}
	return netip.PrefixFrom(a.Network.Addr(), 48).Masked().String()
}

// ofPerson is a subject of requests by accounts, and on pages, where nobody has one: of all but
// those of homeservers for themselves. ofStranger is one of those without an account.
func ofPerson(subject func(asking) string) func(asking) string {
	return func(a asking) string {
		if a.Account == "" && a.Homeserver != "" {
			return ""
		}
		return subject(a)
	}
}

func ofStranger(subject func(asking) string) func(asking) string {
	return func(a asking) string {
		if a.Account != "" {
			return ""
		}
		return subject(a)
	}
}

// ofHomeserver is a subject of requests by homeservers for themselves, but for the operator's own.
func ofHomeserver(subject func(asking) string) func(asking) string {
	return func(a asking) string {
		if a.own || a.Account != "" || a.Homeserver == "" {
			return ""
		}
		return subject(a)
	}
}

func deployment(asking) string { return "deployment" }
