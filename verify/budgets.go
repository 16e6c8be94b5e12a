package verify

import (
	"strings"
	"time"

	"signet/internal/quota"
	"signet/internal/threepid"
)

// budget is a limit on the messages or guesses that one subject may cause. A CAPTCHA lifts
// those that are marked so: the list of lifted budgets is charged in their place.
type budget struct {
	name    string
	limit   int
	per     time.Duration
	lifted  bool
	subject func(asking) string // empty: nothing is charged
}

// asking is a request as budgets see it.
type asking struct {
	Request
	asker      []byte // by whom requests are told from others', as a keyed tag
	standing   Standing
	newAddress bool            // the asker has not asked for this address before, today
	suppressed map[reason]bool // why the address is sent nothing now, if so
}

const (
	tenMinutes = 10 * time.Minute
	hour       = time.Hour
	day        = 24 * time.Hour
	month      = 30 * day
)

// Whose subject each is. The destination and the prefix of its number are protected from
// everybody, so a CAPTCHA lifts them; what is lifted is counted for each asker apart, under
// a total that bounds the flood, so that nobody silences an owner by solving CAPTCHAs
// alone. The account and its homeserver are answerable for what they ask, and the network
// for what comes from it; accounts are free, so theirs alone would be worth nothing, and a
// homeserver that was never heard of gets little and no more for a CAPTCHA. No homeserver
// but the operator's, and not all newcomers together, can use up a country or the
// deployment, which bound what everybody does together.
var (
	emailBudgets = []budget{
		{"email.destination.10min", 3, tenMinutes, true, mailbox},
		{"email.destination.hour", 5, hour, true, mailbox},
		{"email.destination.day", 10, day, true, mailbox},
		{"email.account.hour", 5, hour, false, account},
		{"email.account.day", 20, day, false, account},
		{"email.account.addresses.day", 5, day, false, addressOfAccount},
		{"email.homeserver.hour", 100, hour, true, knownHomeserver},
		{"email.newcomer.hour", 10, hour, false, newcomer},
		{"email.newcomers.hour", 200, hour, false, newcomers},
		{"email.network.hour", 10, hour, true, network},
		{"email.network.day", 50, day, true, network},
		{"email.site.hour", 80, hour, true, site},
		{"email.site.day", 400, day, true, site},
		{"email.domain.hour", 50, hour, true, domain},
		{"email.deployment.hour", 2000, hour, false, deployment},
	}
	emailLifted = []budget{
		{"email.lifted.asker.10min", 3, tenMinutes, false, mailboxOfAsker},
		{"email.lifted.asker.day", 10, day, false, mailboxOfAsker},
		{"email.lifted.destination.day", 60, day, false, mailbox},
		{"email.lifted.homeserver.hour", 300, hour, false, knownHomeserver},
		{"email.lifted.network.hour", 30, hour, false, network},
		{"email.lifted.network.day", 150, day, false, network},
		{"email.lifted.site.hour", 240, hour, false, site},
		{"email.lifted.domain.hour", 500, hour, false, domain},
	}
	smsBudgets = []budget{
		{"sms.destination.10min", 2, tenMinutes, true, mailbox},
		{"sms.destination.hour", 3, hour, true, mailbox},
		{"sms.destination.day", 5, day, true, mailbox},
		{"sms.account.hour", 3, hour, false, account},
		{"sms.account.day", 5, day, false, account},
		{"sms.account.numbers.day", 3, day, false, addressOfAccount},
		{"sms.homeserver.hour", 30, hour, true, knownHomeserver},
		{"sms.homeserver.country.hour", 15, hour, false, countryOfOthers},
		{"sms.newcomer.hour", 5, hour, false, newcomer},
		{"sms.newcomers.hour", 10, hour, false, newcomers},
		{"sms.network.hour", 5, hour, true, network},
		{"sms.network.day", 10, day, true, network},
		{"sms.site.hour", 40, hour, true, site},
		{"sms.site.day", 80, day, true, site},
		{"sms.prefix.hour", 5, hour, true, prefix},
		{"sms.country.hour", 30, hour, false, country},
		{"sms.country.day", 300, day, false, country},
		{"sms.deployment.hour", 200, hour, false, deployment},
	}
	smsLifted = []budget{
		{"sms.lifted.asker.10min", 2, tenMinutes, false, mailboxOfAsker},
		{"sms.lifted.asker.day", 5, day, false, mailboxOfAsker},
		{"sms.lifted.destination.day", 20, day, false, mailbox},
		{"sms.lifted.homeserver.hour", 90, hour, false, knownHomeserver},
		{"sms.lifted.network.hour", 15, hour, false, network},
		{"sms.lifted.network.day", 30, day, false, network},
		{"sms.lifted.site.hour", 120, hour, false, site},
		{"sms.lifted.prefix.hour", 15, hour, false, prefix},
	}
	// What reaches an owner who wants no messages and opens the owner's page: enough to change
	// one's mind, too little to be a nuisance in a stranger's hands. Beyond it nothing is
	// sent, and nobody is told.
	emailRefused = budget{"email.refused.day", 2, day, false, mailbox}
	smsRefused   = budget{"sms.refused.day", 2, day, false, mailbox}
	// A session takes five guesses, so what is lifted is no less than five times the
	// messages that one asker gets for CAPTCHAs: whoever may ask for another message may
	// also type its code.
	emailGuesses       = []budget{{"email.guess.hour", 10, hour, true, mailbox}, {"email.guess.month", 100, month, true, mailbox}}
	emailGuessesLifted = []budget{{"email.lifted.guess.day", 50, day, false, mailboxOfAsker}, {"email.lifted.guess.month", 500, month, false, mailboxOfAsker}}
	smsGuesses         = []budget{{"sms.guess.hour", 10, hour, true, mailbox}, {"sms.guess.day", 20, day, true, mailbox}, {"sms.guess.month", 100, month, true, mailbox}}
	smsGuessesLifted   = []budget{{"sms.lifted.guess.day", 25, day, false, mailboxOfAsker}, {"sms.lifted.guess.month", 250, month, false, mailboxOfAsker}}

	challengeBudgets = []budget{
		{"captcha.network.10min", 20, tenMinutes, false, network},
		{"captcha.site.10min", 60, tenMinutes, false, site},
		{"captcha.homeserver.hour", 300, hour, false, otherHomeserver},
		{"captcha.deployment.hour", 20_000, hour, false, deployment},
	}
)

// Budgets are the limits of a Verifier, for the quota that it charges. In dry run they
// are counted and refuse nothing.
func Budgets(dryRun bool) []quota.Budget {
	var all []quota.Budget
	for _, list := range [][]budget{emailBudgets, emailLifted, smsBudgets, smsLifted, {emailRefused, smsRefused},
		emailGuesses, emailGuessesLifted, smsGuesses, smsGuessesLifted, challengeBudgets} {
		for _, b := range list {
			group, slot := b.place()
			all = append(all, quota.Budget{Name: b.name, Group: group, Slot: slot, Limit: b.limit, Per: b.per, DryRun: dryRun})
		}
	}
	return all
}

// place is where the quota keeps what is used. Budgets whose names differ in their last
// part alone, the time, have the same subjects and are charged together, so a row has
// them all; each time has a slot of its own there. What counts an account's addresses is
// in the account's row, in the slot of the month, which no account has.
func (b budget) place() (group string, slot int) {
	group = b.name[:strings.LastIndexByte(b.name, '.')]
	for _, counted := range []string{".addresses", ".numbers"} {
		if account, found := strings.CutSuffix(group, counted); found {
			return account, slots[month]
		}
	}
	return group, slots[b.per]
}

var slots = map[time.Duration]int{tenMinutes: 0, hour: 1, day: 2, month: 3}

func (a asking) tariff() tariff { return messageTariff(a.Address.Medium()) }

// tariff is what something costs: the usual budgets, and those that a CAPTCHA puts in the
// place of the ones it lifts.
type tariff struct{ usual, lifted []budget }

func messageTariff(m threepid.Medium) tariff {
	if m == threepid.MSISDN {
		return tariff{smsBudgets, smsLifted}
	}
	return tariff{emailBudgets, emailLifted}
}

// refusedBudget limits what reaches an owner who wants no messages.
func refusedBudget(m threepid.Medium) budget {
	if m == threepid.MSISDN {
		return smsRefused
	}
	return emailRefused
}

func guessTariff(m threepid.Medium) tariff {
	if m == threepid.MSISDN {
		return tariff{smsGuesses, smsGuessesLifted}
	}
	return tariff{emailGuesses, emailGuessesLifted}
}

// charges is one of each budget that has a subject, after a CAPTCHA or without.
func (t tariff) charges(a asking, lifted bool) []quota.Charge {
	var all []quota.Charge
	for _, b := range t.usual {
		if !lifted || !b.lifted {
			all = b.appendTo(all, a)
		}
	}
	if lifted {
		for _, b := range t.lifted {
			all = b.appendTo(all, a)
		}
	}
	return all
}

func (b budget) appendTo(all []quota.Charge, a asking) []quota.Charge {
	if subject := b.subject(a); subject != "" {
		all = append(all, quota.Charge{Budget: b.name, Subject: subject, N: 1})
	}
	return all
}

// lifts tells whether a CAPTCHA lifts every budget of those names.
func (t tariff) lifts(names []string) bool {
	byName := map[string]bool{}
	for _, b := range t.usual {
		byName[b.name] = b.lifted
	}
	for _, name := range names {
		if !byName[name] {
			return false
		}
	}
	return len(names) > 0
}
