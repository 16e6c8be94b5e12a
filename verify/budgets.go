package verify

import (
	"net/netip"
	"time"

	"signet/internal/quota"
	"signet/internal/threepid"
)

// budget is a limit on the messages that one subject may cause.
type budget struct {
	name    string
	limit   int
	per     time.Duration
	subject func(Request) string // empty: nothing is charged
}

// Whose subject each is: the destination is protected from everybody, the account and
// its homeserver are answerable for what they ask, and the network for what comes from
// it without any account. Accounts are free, so theirs alone would be worth nothing.
var (
	emailBudgets = []budget{
		{"email.destination.10min", 3, 10 * time.Minute, destination},
		{"email.destination.hour", 5, time.Hour, destination},
		{"email.destination.day", 10, 24 * time.Hour, destination},
		{"email.account.hour", 5, time.Hour, account},
		{"email.account.day", 20, 24 * time.Hour, account},
		{"email.homeserver.hour", 100, time.Hour, homeserver},
		{"email.network.hour", 10, time.Hour, network},
		{"email.network.day", 50, 24 * time.Hour, network},
	}
	smsBudgets = []budget{
		{"sms.destination.10min", 2, 10 * time.Minute, destination},
		{"sms.destination.hour", 3, time.Hour, destination},
		{"sms.destination.day", 5, 24 * time.Hour, destination},
		{"sms.account.hour", 3, time.Hour, account},
		{"sms.account.day", 5, 24 * time.Hour, account},
		{"sms.homeserver.hour", 30, time.Hour, homeserver},
		{"sms.network.hour", 5, time.Hour, network},
		{"sms.network.day", 10, 24 * time.Hour, network},
	}
)

// Budgets are the limits on messages, for a quota that a Verifier charges. In dry run
// they are counted and refuse nothing.
func Budgets(dryRun bool) []quota.Budget {
	var all []quota.Budget
	for _, list := range [][]budget{emailBudgets, smsBudgets} {
		for _, b := range list {
			all = append(all, quota.Budget{Name: b.name, Limit: b.limit, Per: b.per, DryRun: dryRun})
		}
	}
	return all
}

// charges is what one message of the request costs, and whom.
func charges(r Request) []quota.Charge {
	budgets := emailBudgets
	if r.Address.Medium() == threepid.MSISDN {
		budgets = smsBudgets
	}
	var all []quota.Charge
	for _, b := range budgets {
		if subject := b.subject(r); subject != "" {
			all = append(all, quota.Charge{Budget: b.name, Subject: subject, N: 1})
		}
	}
	return all
}

func destination(r Request) string { return r.Address.String() }

func account(r Request) string {
	user, _ := r.Caller.Account()
	return user.String()
}

func homeserver(r Request) string {
	user, _ := r.Caller.Account()
	return user.Server().String()
}

// network is the client's IPv4 address or IPv6 /64, which one subscriber has.
func network(r Request) string {
	addr := r.Client.Unmap()
	switch {
	case !addr.IsValid():
		return ""
	case addr.Is4():
		return addr.String()
	}
	return netip.PrefixFrom(addr.WithZone(""), 64).Masked().String()
}
