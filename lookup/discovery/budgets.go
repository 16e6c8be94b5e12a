package discovery

import (
	"net/netip"
	"time"

	"signet/internal/matrix"
	"signet/internal/quota"
)

// Asker is who wants to know, and from where.
type Asker struct {
	Account    matrix.UserID     // empty where a homeserver asks for itself
	Homeserver matrix.ServerName // who answers for the asker
	Client     netip.Addr        // where the request comes from, if that is known
}

// Earned is what an account has shown to be its own, which decides how much it may ask for.
// A phone number is hard to come by, and a mailbox is not on one's own domain.
type Earned struct {
	Number  string // keyed tag of a phone number, if it has one
	Mailbox string // or else of an e-mail address, if it has one
	Domain  string // of that, as its owner registered it; empty for those of large providers
}

// asking is a request as budgets see it.
type asking struct {
	Asker
	Earned
	own     bool // the homeserver is the operator's
	reserve bool // what is kept for a few addresses at a time is charged, not the account's own
}

// budget is a limit on the addresses that one subject may ask for.
type budget struct {
	name    string
	limit   int
	per     time.Duration
	own     bool                // it is the account's own
	subject func(asking) string // empty: nothing is charged
}

const (
	hour = time.Hour
	day  = 24 * hour
)

// Whose subject each is. What comes back is limit / per, such as 30 a day for an account
// with a phone number. An account is charged for what it has earned, by the address that
// earned it: one number that goes from account to account is one subject.
var budgets = []budget{
	{"discovery.number", 3000, 100 * day, true, number},
	{"discovery.mailbox", 1000, 67 * day, true, mailbox},
	{"discovery.account", 300, 30 * day, true, account},
	{"discovery.reserve", 20, day, true, reserve},
	{"discovery.mail_domain", 5000, 50 * day, false, mailDomain},
	{"discovery.homeserver", 5000, 50 * day, false, homeserver},
	{"discovery.homeserver.numbers", 100_000, 50 * day, false, homeserverOfNumbers},
	{"discovery.domain", 10_000, 50 * day, false, domain},
	{"discovery.network", 6000, 12 * day, false, network},
	{"discovery.site", 20_000, 10 * day, false, site},
	{"discovery.deployment.hour", 100_000, hour, false, deployment},
}

// Budgets are the limits of a Discovery, for the quota that it charges. In dry run they
// are counted and refuse nothing.
func Budgets(dryRun bool) []quota.Budget {
	var all []quota.Budget
	for _, b := range budgets {
		all = append(all, quota.Budget{Name: b.name, Limit: b.limit, Per: b.per, DryRun: dryRun})
	}
	return all
}

// charges are so many units of everybody's budgets, of which granted are free of the
// account's own.
func (a asking) charges(units, granted int) (all []quota.Charge) {
	for _, b := range budgets {
		n := units
		if b.own {
			n -= min(granted, units)
		}
		if subject := b.subject(a); subject != "" && n > 0 {
			all = append(all, quota.Charge{Budget: b.name, Subject: subject, N: n})
		}
	}
	return all
}

// atOnce is how many an account may ask for at once. No more is granted: with each pepper the
// grant would grow by what comes back in the time of one.
func (d *Discovery) atOnce(a asking) int {
	for _, b := range budgets {
		if b.own && b.subject(a) != "" {
			return d.limits[b.name]
		}
	}
	return 0
}

func number(a asking) string {
	if a.reserve {
		return ""
	}
	return a.Number
}

func mailbox(a asking) string {
	if a.reserve || a.Number != "" {
		return ""
	}
	return a.Mailbox
}

func account(a asking) string {
	if a.reserve || a.Number != "" || a.Mailbox != "" {
		return ""
	}
	return a.Account.String()
}

func reserve(a asking) string {
	if !a.reserve {
		return ""
	}
	return a.Account.String()
}

// mailDomain bounds whoever makes mailboxes on a domain of their own.
func mailDomain(a asking) string {
	if mailbox(a) == "" {
		return ""
	}
	return a.Domain
}

// homeserver answers for accounts that it makes for nothing. The operator's own makes none
// that the operator did not want.
func homeserver(a asking) string {
	if a.own || a.Number != "" {
		return ""
	}
	return a.Homeserver.String()
}

func homeserverOfNumbers(a asking) string {
	if a.own || a.Number == "" {
		return ""
	}
	return a.Homeserver.String()
}

// domain bounds whoever makes homeservers below a domain of their own.
func domain(a asking) string {
	if homeserver(a) == "" {
		return ""
	}
	return a.Homeserver.Owner()
}

func network(a asking) string { return prefixOf(a.Client, 32, 56) }
func site(a asking) string    { return prefixOf(a.Client, 24, 48) }

func prefixOf(client netip.Addr, bits4, bits6 int) string {
	addr := client.Unmap()
	bits := bits6
	if addr.Is4() {
		bits = bits4
	}
	if !addr.IsValid() {
		return ""
	}
	return netip.PrefixFrom(addr.WithZone(""), bits).Masked().String()
}

func deployment(asking) string { return "deployment" }
