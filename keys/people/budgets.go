package people

import (
	"time"

	"signet/internal/quota"
)

// budget is a limit on what one subject may do.
type budget struct {
	name    string
	limit   int
	per     time.Duration
	subject func(asking) string // empty: nothing is charged
}

const (
	hour = time.Hour
	day  = 24 * hour
)

// Whose subject each is. A version stays in the log for ever and takes up to 17 KiB of the
// database, so each is answered for by its label, in which one device more is one version
// more; by the account, which has a few labels; by its homeserver and whoever holds the domain
// of that, since accounts are free; and by the network, of which a homeserver that publishes for
// its users needs as much as they do. No homeserver but the operator's can use up the
// deployment, which fills 340 MB an hour at most.
//
// What ends keys counts in none of them: whoever has stolen a key, a mailbox or a token and
// spends all there is cannot keep the owner from revoking or objecting. Both are paid for
// already: a revocation ends keys that were published within the budgets, and after it keys
// come by a recovery alone, which waits; an objection ends a recovery. So a label has at most
// two versions for each that was charged.
var publicationBudgets = []budget{
	{"keys.publish.label.day", 20, day, ofLabel},
	{"keys.publish.account.day", 60, day, account},
	{"keys.publish.homeserver.day", 5000, day, homeserver},
	{"keys.publish.domain.day", 10_000, day, domain},
	{"keys.publish.network.day", 200, day, ofPerson(network)},
	{"keys.publish.site.day", 2000, day, ofPerson(site)},
	{"keys.publish.homeserver.network.day", 10_000, day, ofHomeserver(network)},
	{"keys.publish.homeserver.site.day", 20_000, day, ofHomeserver(site)},
	{"keys.publish.deployment.hour", 20_000, hour, deployment},
}

// An attempt has up to 64 signatures verified, in 5 ms: of a network 15 s in an hour. It is
// charged to the account that makes it, or else, by a key alone, to the network. So neither
// does a neighbour in the owner's network use up the owner's account, nor a stolen token the
// way by the key. What is counted so, and proofs, is charged a hundredth of a budget at a time
// (tally.go).
var attemptBudgets = []budget{
	{"keys.attempt.account.hour", 1200, hour, account},
	{"keys.attempt.network.hour", 3000, hour, ofStranger(network)},
	{"keys.attempt.site.hour", 30_000, hour, ofStranger(site)},
}

// A proof takes about a millisecond and 3 KB: an account has 3 s in an hour, enough for the
// members of a large room at once, and a network 20 s, in which what owners' pages show counts
// too. A homeserver asks for all of its users.
var proofBudgets = []budget{
	{"keys.proof.account.hour", 3000, hour, account},
	{"keys.proof.domain.hour", 100_000, hour, domain},
	{"keys.proof.network.hour", 20_000, hour, ofPerson(network)},
	{"keys.proof.site.hour", 100_000, hour, ofPerson(site)},
}

// Budgets are the limits of a People, for the quota that it charges. In dry run they are
// counted and refuse nothing.
func Budgets(dryRun bool) []quota.Budget {
	var all []quota.Budget
	for _, list := range [][]budget{publicationBudgets, attemptBudgets, proofBudgets} {
		for _, b := range list {
			all = append(all, quota.Budget{Name: b.name, Limit: b.limit, Per: b.per, DryRun: dryRun})
		}
	}
	return all
}
