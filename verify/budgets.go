package verify

import (
	"net/netip"
	"time"

	"golang.org/x/net/publicsuffix"

	"signet/internal/quota"
	"signet/internal/threepid"
)

// budget is a limit on the messages or guesses that one subject may cause. raised is the
// limit of a second budget, charged in its place for a request with a CAPTCHA passed; 0
// means that no CAPTCHA lifts it.
type budget struct {
	name    string
	limit   int
	per     time.Duration
	raised  int
	subject func(asking) string // empty: nothing is charged
}

// asking is a request as budgets see it.
type asking struct {
	Request
	standing   Standing
	newAddress bool            // the asker has not asked for this address before, today
	suppressed map[reason]bool // why the address is sent nothing now, if so
}

func (a asking) budgets() []budget {
	if a.Address.Medium() == threepid.MSISDN {
		return smsBudgets
	}
	return emailBudgets
}

// Whose subject each is. The destination and the prefix of its number are protected from
// everybody, so a CAPTCHA lifts them: no stranger can silence an owner for long. The
// account and its homeserver are answerable for what they ask, and the network for what
// comes from it; accounts are free, so theirs alone would be worth nothing, and a
// homeserver that was never heard of gets little and no more for a CAPTCHA. The domain, the
// country and the deployment bound what all of them can do together.
var (
	emailBudgets = []budget{
		{"email.destination.10min", 3, 10 * time.Minute, 6, destination},
		{"email.destination.hour", 5, time.Hour, 12, destination},
		{"email.destination.day", 10, 24 * time.Hour, 30, destination},
		{"email.account.hour", 5, time.Hour, 0, account},
		{"email.account.day", 20, 24 * time.Hour, 0, account},
		{"email.account.addresses.day", 5, 24 * time.Hour, 0, addressOfAccount},
		{"email.homeserver.hour", 100, time.Hour, 300, knownHomeserver},
		{"email.newcomer.hour", 10, time.Hour, 0, newcomer},
		{"email.network.hour", 10, time.Hour, 30, network},
		{"email.network.day", 50, 24 * time.Hour, 150, network},
		{"email.site.hour", 80, time.Hour, 240, site},
		{"email.site.day", 400, 24 * time.Hour, 1200, site},
		{"email.domain.hour", 50, time.Hour, 500, domain},
		{"email.deployment.hour", 2000, time.Hour, 0, deployment},
	}
	smsBudgets = []budget{
		{"sms.destination.10min", 2, 10 * time.Minute, 3, destination},
		{"sms.destination.hour", 3, time.Hour, 6, destination},
		{"sms.destination.day", 5, 24 * time.Hour, 10, destination},
		{"sms.account.hour", 3, time.Hour, 0, account},
		{"sms.account.day", 5, 24 * time.Hour, 0, account},
		{"sms.account.numbers.day", 3, 24 * time.Hour, 0, addressOfAccount},
		{"sms.homeserver.hour", 30, time.Hour, 90, knownHomeserver},
		{"sms.newcomer.hour", 5, time.Hour, 0, newcomer},
		{"sms.network.hour", 5, time.Hour, 15, network},
		{"sms.network.day", 10, 24 * time.Hour, 30, network},
		{"sms.site.hour", 40, time.Hour, 120, site},
		{"sms.site.day", 80, 24 * time.Hour, 240, site},
		{"sms.prefix.hour", 5, time.Hour, 15, prefix},
		{"sms.country.hour", 30, time.Hour, 0, country},
		{"sms.country.day", 300, 24 * time.Hour, 0, country},
		{"sms.deployment.hour", 200, time.Hour, 0, deployment},
	}
	// A session takes five guesses, so the raised limits are five times the messages that
	// CAPTCHAs buy: whoever may ask for another message may also type its code.
	emailGuesses = []budget{
		{"email.guess.hour", 10, time.Hour, 60, destination},
		{"email.guess.month", 100, 30 * 24 * time.Hour, 500, destination},
	}
	smsGuesses = []budget{
		{"sms.guess.hour", 10, time.Hour, 30, destination},
		{"sms.guess.day", 20, 24 * time.Hour, 50, destination},
		{"sms.guess.month", 100, 30 * 24 * time.Hour, 500, destination},
	}
	challengeBudgets = []budget{
		{"captcha.network.10min", 20, 10 * time.Minute, 0, network},
		{"captcha.homeserver.hour", 300, time.Hour, 0, homeserver},
	}
)

// raisedName is the name of the budget that stands in for another once a CAPTCHA was
// passed.
func raisedName(name string) string { return name + ".raised" }

// Budgets are the limits of a Verifier, for the quota that it charges. In dry run they
// are counted and refuse nothing.
func Budgets(dryRun bool) []quota.Budget {
	var all []quota.Budget
	for _, list := range [][]budget{emailBudgets, smsBudgets, emailGuesses, smsGuesses, challengeBudgets} {
		for _, b := range list {
			all = append(all, quota.Budget{Name: b.name, Limit: b.limit, Per: b.per, DryRun: dryRun})
			if b.raised > 0 {
				all = append(all, quota.Budget{Name: raisedName(b.name), Limit: b.raised, Per: b.per, DryRun: dryRun})
			}
		}
	}
	return all
}

func guessBudgets(m threepid.Medium) []budget {
	if m == threepid.MSISDN {
		return smsGuesses
	}
	return emailGuesses
}

// charges is one of each budget that has a subject; raised takes the second budgets where
// there are.
func charges(budgets []budget, a asking, raised bool) []quota.Charge {
	var all []quota.Charge
	for _, b := range budgets {
		subject := b.subject(a)
		if subject == "" {
			continue
		}
		name := b.name
		if raised && b.raised > 0 {
			name = raisedName(name)
		}
		all = append(all, quota.Charge{Budget: name, Subject: subject, N: 1})
	}
	return all
}

// liftable tells whether a CAPTCHA lifts every budget of those names.
func liftable(budgets []budget, names []string) bool {
	lifted := map[string]bool{}
	for _, b := range budgets {
		lifted[b.name] = b.raised > 0
	}
	for _, name := range names {
		if !lifted[name] {
			return false
		}
	}
	return len(names) > 0
}

func destination(a asking) string { return a.Address.String() }

// account is who asks, or for whom a homeserver says that it does.
func account(a asking) string { return a.User.String() }

func addressOfAccount(a asking) string {
	if !a.newAddress {
		return ""
	}
	return a.User.String()
}

func homeserver(a asking) string { return a.Caller.Homeserver().String() }

func knownHomeserver(a asking) string {
	if a.standing == Newcomer {
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

// network is the client's IPv4 address or IPv6 /64, which one subscriber has; site the
// IPv6 /48 around it, which one organisation has.
func network(a asking) string { return prefixOf(a.Client, 32, 64) }
func site(a asking) string    { return prefixOf(a.Client, 0, 48) }

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

// domain is the registrable domain of an e-mail address, or nobody's for the large
// providers: what their users ask for together says nothing.
func domain(a asking) string {
	registrable := RegistrableDomain(a.Address)
	if largeProviders[registrable] {
		return ""
	}
	return registrable
}

// RegistrableDomain is the domain that somebody bought, of an e-mail address: one label
// below the public suffix.
func RegistrableDomain(a threepid.Address) string {
	registrable, err := publicsuffix.EffectiveTLDPlusOne(a.Domain())
	if err != nil {
		return a.Domain() // a name without a public suffix, such as localhost
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

func deployment(asking) string { return "deployment" }
