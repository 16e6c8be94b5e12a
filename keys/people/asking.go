package people

import (
	"context"
	"fmt"
	"net/netip"

	"signet/internal/matrix"
	"signet/internal/quota"
	"signet/keys/entry"
	"signet/keys/value"
)

// Asker is who wants something of the log, and from where.
type Asker struct {
	Account    matrix.UserID     // empty where a homeserver asks for itself, or nobody says who asks
	Homeserver matrix.ServerName // who answers for the asker; empty likewise
	Network    netip.Prefix      // that one subscriber has; zero if it is not known
}

// asking is a request as budgets see it.
type asking struct {
	Asker
	own   bool        // the homeserver is the operator's
	label entry.Label // whose version is published, if one is
}

// maxPast is for how many proofs a page of a history is charged at most: a long one must not
// become one that nobody may see.
const maxPast = 100

// Attempt charges whoever is about to have signatures verified, whatever becomes of that. The
// error is quota.Exhausted, which is matrix.LimitExceeded.
func (p *People) Attempt(ctx context.Context, by Asker) error {
	return p.charge(ctx, attemptBudgets, by, 1)
}

// Ask charges whoever is about to be shown the newest version of a label. The error is as of
// Attempt.
func (p *People) Ask(ctx context.Context, by Asker) error { return p.charge(ctx, proofBudgets, by, 1) }

// AskHistory is Ask for a page of the versions of a label, each of which has a proof of its own.
func (p *People) AskHistory(ctx context.Context, by Asker, l entry.Label, page Page) error {
	known, err := selectLabels(ctx, p.DB, []tag{p.tagOf(l)})
	if err != nil {
		return fmt.Errorf("counting the versions of a label: %w", err)
	}
	n := int64(1)
	for _, row := range known {
		n += min(max(row.next-int64(page.From), 0), int64(page.limit()))
	}
	return p.charge(ctx, proofBudgets, by, int(min(n, maxPast)))
}

// charge charges what has come to be worth it.
func (p *People) charge(ctx context.Context, budgets []budget, by Asker, n int) error {
	if p.Quota == nil {
		return nil
	}
	charges := p.charges(budgets, asking{Asker: by}, n)
	due := p.tally.add(charges)
	if len(due) == 0 {
		return nil
	}
	err := p.Quota.Charge(ctx, due...)
	if err != nil {
		p.tally.undo(charges, due)
	}
	return err
}

// reserve prepares to charge for a version that is published, unless it ends keys.
func (p *People) reserve(ctx context.Context, by Asker, u *value.User) (*quota.Reservation, error) {
	if p.Quota == nil || u.Revoked != "" {
		return &quota.Reservation{}, nil
	}
	return p.Quota.Reserve(ctx, p.charges(publicationBudgets, asking{Asker: by, label: u.Label}, 1)...)
}

// charges are n of each budget that has a subject.
func (p *People) charges(budgets []budget, a asking, n int) (all []quota.Charge) {
	a.own = p.Own[a.Homeserver]
	for _, b := range budgets {
		if subject := b.subject(a); subject != "" {
			all = append(all, quota.Charge{Budget: b.name, Subject: subject, N: n})
		}
	}
	return all
}
