package caller

import (
	"net/netip"
	"time"

	"signet/internal/matrix"
	"signet/internal/quota"
)

// budget is a limit on what one subject may do here before it is asked who it is.
type budget struct {
	name    string
	limit   int
	per     time.Duration
	subject func(visitor) string // empty: nothing is charged
}

// visitor is who comes, as budgets see it.
type visitor struct {
	network  netip.Prefix // zero when unknown
	server   matrix.ServerName
	newcomer bool // the server is
}

// Whose subject each is. A registration is charged to the network that it comes from,
// whatever becomes of it: the token is free to invent. It is charged to whoever holds
// the homeserver's domain too, below which names are free, and given back unless the
// homeserver vouches: nobody uses up what others' users need. Nobody has a newcomer's
// rows cheaply, and a homeserver cannot fill the nonces.
var (
	networkBudgets = []budget{
		{"register.network.hour", 60, time.Hour, network},
		{"register.network.day", 300, 24 * time.Hour, network},
		{"register.site.hour", 480, time.Hour, site},
		{"register.site.day", 2400, 24 * time.Hour, site},
	}
	homeserverBudgets = []budget{
		{"register.homeserver.hour", 600, time.Hour, knownOwner},
		{"register.newcomer.hour", 100, time.Hour, newOwner},
	}
	callBudgets = []budget{
		{"calls.homeserver.hour", 1000, time.Hour, owner},
	}
)

// Budgets are the limits of a Gate, for the quota that it charges. In dry run they are
// counted and refuse nothing.
func Budgets(dryRun bool) []quota.Budget {
	var all []quota.Budget
	for _, list := range [][]budget{networkBudgets, homeserverBudgets, callBudgets} {
		for _, b := range list {
			all = append(all, quota.Budget{Name: b.name, Limit: b.limit, Per: b.per, DryRun: dryRun})
		}
	}
	return all
}

// charges is one of each budget that has a subject.
func (v visitor) charges(budgets []budget) []quota.Charge {
	var all []quota.Charge
	for _, b := range budgets {
		if subject := b.subject(v); subject != "" {
			all = append(all, quota.Charge{Budget: b.name, Subject: subject, N: 1})
		}
	}
	return all
}

// network is the client's, which one subscriber has; site the IPv6 /48 around it, which
// one organisation has.
func network(v visitor) string {
	if !v.network.IsValid() {
		return ""
	}
	return v.network.String()
}

func site(v visitor) string {
	if !v.network.Addr().Is6() {
		return ""
	}
	return netip.PrefixFrom(v.network.Addr(), 48).Masked().String()
}

func owner(v visitor) string { return v.server.Owner() }

func knownOwner(v visitor) string {
	if v.newcomer {
		return ""
	}
	return owner(v)
}

func newOwner(v visitor) string {
	if !v.newcomer {
		return ""
	}
	return owner(v)
}
