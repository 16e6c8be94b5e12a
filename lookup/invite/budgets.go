package invite

import (
	"context"
	"fmt"
	"strings"
	"time"

	"signet/internal/quota"
	"signet/internal/threepid"
)

// budget is a limit on the messages that one subject may cause.
type budget struct {
	name    string
	limit   int
	per     time.Duration
	subject func(asking) string // empty: nothing is charged
}

// asking is a message as budgets see it.
type asking struct {
	content
	newcomer bool // the sender's homeserver is
}

const (
	hour = time.Hour
	day  = 24 * hour
	// newcomerFor is how long a homeserver is one after it was first heard of.
	newcomerFor = 7 * day
)

// Whose subject each is. Nobody has asked for these messages, so no CAPTCHA lifts a
// limit. The sender and their homeserver are answerable for them; accounts are free, so
// theirs alone would be worth nothing, and a homeserver that was never heard of gets
// little. A room bounds what its members do together, and the destination is protected
// from everybody.
var (
	emailBudgets = []budget{
		{"invite.email.sender.hour", 10, hour, sender},
		{"invite.email.sender.day", 30, day, sender},
		{"invite.email.room.hour", 30, hour, room},
		{"invite.email.room.day", 100, day, room},
		{"invite.email.homeserver.hour", 100, hour, knownHomeserver},
		{"invite.email.newcomer.hour", 10, hour, newcomer},
		{"invite.email.newcomers.hour", 100, hour, newcomers},
		{"invite.email.destination.hour", 3, hour, destination},
		{"invite.email.destination.day", 6, day, destination},
		{"invite.email.deployment.hour", 1000, hour, deployment},
	}
	smsBudgets = []budget{
		{"invite.sms.sender.hour", 2, hour, sender},
		{"invite.sms.sender.day", 5, day, sender},
		{"invite.sms.room.day", 10, day, room},
		{"invite.sms.homeserver.hour", 10, hour, knownHomeserver},
		{"invite.sms.newcomer.hour", 1, hour, newcomer},
		{"invite.sms.newcomers.hour", 5, hour, newcomers},
		{"invite.sms.destination.day", 2, day, destination},
		{"invite.sms.country.day", 100, day, country},
		{"invite.sms.deployment.hour", 50, hour, deployment},
	}
)

// Budgets are the limits of Invites, for the quota that they charge. In dry run they are
// counted and refuse nothing.
func Budgets(dryRun bool) []quota.Budget {
	var all []quota.Budget
	for _, list := range [][]budget{emailBudgets, smsBudgets} {
		for _, b := range list {
			group, slot := b.place()
			all = append(all, quota.Budget{Name: b.name, Group: group, Slot: slot, Limit: b.limit, Per: b.per, DryRun: dryRun})
		}
	}
	return all
}

// place is where the quota keeps what is used: budgets whose names differ in their last
// part alone, the time, have the same subjects and share a row.
func (b budget) place() (group string, slot int) {
	return b.name[:strings.LastIndexByte(b.name, '.')], map[time.Duration]int{hour: 0, day: 1}[b.per]
}

// charges is one of each budget that has a subject.
func (a asking) charges() []quota.Charge {
	budgets := emailBudgets
	if a.address.Medium() == threepid.MSISDN {
		budgets = smsBudgets
	}
	var all []quota.Charge
	for _, b := range budgets {
		if subject := b.subject(a); subject != "" {
			all = append(all, quota.Charge{Budget: b.name, Subject: subject, N: 1})
		}
	}
	return all
}

// askingFor is the message of an invitation as budgets see it.
func (i *Invites) askingFor(ctx context.Context, c content) (asking, error) {
	a := asking{content: c}
	server := c.Sender.Server()
	if i.Acquaintance == nil || i.OwnHomeservers[server] {
		return a, nil
	}
	since, known, err := i.Acquaintance.FirstSeen(ctx, server)
	if err != nil {
		return a, fmt.Errorf("reading since when a homeserver is known: %w", err)
	}
	a.newcomer = !known || i.Now().Sub(since) < newcomerFor
	return a, nil
}

func sender(a asking) string { return a.Sender.String() }
func room(a asking) string   { return a.Room.String() }

// homeserver is who answers for the sender's homeserver: names below one domain, and
// ports, cost nothing.
func homeserver(a asking) string { return a.Sender.Server().Owner() }

func knownHomeserver(a asking) string {
	if a.newcomer {
		return ""
	}
	return homeserver(a)
}

func newcomer(a asking) string {
	if !a.newcomer {
		return ""
	}
	return homeserver(a)
}

// newcomers are all of them together.
func newcomers(a asking) string {
	if !a.newcomer {
		return ""
	}
	return "newcomers"
}

// destination is whoever receives what is sent to the address.
func destination(a asking) string { return a.address.Inbox() }
func country(a asking) string     { return a.address.Country() }
func deployment(asking) string    { return "deployment" }
