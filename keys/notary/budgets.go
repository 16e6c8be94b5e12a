package notary

import (
	"net/netip"
	"time"

	"signet/internal/matrix"
	"signet/internal/quota"
)

// budget is a limit on what one subject may do.
type budget struct {
	name  string
	limit int
	per   time.Duration
}

// A network is charged for each server that it asks about, and more dearly for each that has
// to be asked for it: that costs others something. A server is asked so often, whoever wants
// it. Its owner can have so many asked, and the log so many entries: whoever holds a domain
// makes servers below it for nothing. That strangers think of names there must not use up
// what is left for servers that are there, so those have a budget of their own.
var (
	askNetwork   = budget{"notary.network.hour", 20_000, time.Hour}
	askSite      = budget{"notary.site.hour", 100_000, time.Hour}
	fetchNetwork = budget{"notary.fetch.network.hour", 2000, time.Hour}
	fetchSite    = budget{"notary.fetch.site.hour", 10_000, time.Hour}
	fetchServer  = budget{"notary.fetch.server.day", 100, 24 * time.Hour}
	fetchOwner   = budget{"notary.fetch.owner.day", 20_000, 24 * time.Hour}
	fetchUnknown = budget{"notary.fetch.owner.unknown.day", 2000, 24 * time.Hour}
	fetchNew     = budget{"notary.fetch.unknown.hour", 20_000, time.Hour}
)

// Budgets are the limits of a Notary, for the quota that it charges. In dry run they are
// counted and refuse nothing.
func Budgets(dryRun bool) []quota.Budget {
	var all []quota.Budget
	for _, b := range []budget{askNetwork, askSite, fetchNetwork, fetchSite, fetchServer, fetchOwner, fetchUnknown, fetchNew} {
		all = append(all, quota.Budget{Name: b.name, Limit: b.limit, Per: b.per, DryRun: dryRun})
	}
	return all
}

// charges are n of the budgets of a network and, in IPv6, of the /48 around it, which one
// organisation has. A network that is not known is charged nothing.
func charges(from netip.Prefix, n int, network, site budget) (all []quota.Charge) {
	if !from.IsValid() || n == 0 {
		return nil
	}
	all = append(all, quota.Charge{Budget: network.name, Subject: from.String(), N: n})
	if from.Addr().Is6() {
		around := netip.PrefixFrom(from.Addr(), 48).Masked()
		all = append(all, quota.Charge{Budget: site.name, Subject: around.String(), N: n})
	}
	return all
}

// fetchCharges are those for asking a server once, which has answered before or not.
func fetchCharges(server matrix.ServerName, met bool) []quota.Charge {
	charged := quota.Charge{Budget: fetchServer.name, Subject: server.WithoutPort().String(), N: 1}
	if met {
		return []quota.Charge{charged, {Budget: fetchOwner.name, Subject: server.Owner(), N: 1}}
	}
	return []quota.Charge{charged, {Budget: fetchUnknown.name, Subject: server.Owner(), N: 1}, {Budget: fetchNew.name, Subject: "deployment", N: 1}}
}
