package quota

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"signet/internal/seal"
	"signet/internal/store"
)

// Outcome is what became of a charge to one budget.
type Outcome string

// The outcomes of a charge. Of charges that are refused together only the budgets
// that had not enough are observed.
const (
	Allowed     Outcome = "allowed"
	Refused     Outcome = "refused"
	WouldRefuse Outcome = "would_refuse" // by a budget in dry run
)

// Options are what a Quota needs. Observe, if set, is told of each charge.
type Options struct {
	DB      *store.DB
	Vault   *seal.Vault
	Budgets []Budget // all there are, each name once
	Now     func() time.Time
	Log     *slog.Logger // optional
	Observe func(budget string, outcome Outcome)
}

// Quota holds the budgets of one database. All that it keeps in memory is what it has
// leased there. It is safe for concurrent use.
type Quota struct {
	Options
	index  seal.Index
	byName map[string]Budget
	leases *leases
}

// New opens the budgets of a database. The error is ErrBudget for a budget without
// a name or a proper Per, with a negative limit or one that allows more than one a
// nanosecond, and for two of one name or in one slot of a group.
func New(ctx context.Context, o Options) (*Quota, error) {
	byName, err := byName(o.Budgets)
	if err != nil {
		return nil, err
	}
	index, err := o.Vault.Index(ctx, "quota subject")
	if err != nil {
		return nil, err
	}
	if o.Observe == nil {
		o.Observe = func(string, Outcome) {}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Quota{Options: o, index: index, byName: byName, leases: newLeases()}, nil
}

func byName(budgets []Budget) (map[string]Budget, error) {
	type place struct {
		group string
		slot  int
	}
	named, placed := map[string]Budget{}, map[place]string{}
	for _, b := range budgets {
		if err := b.check(); err != nil {
			return nil, err
		}
		if _, twice := named[b.Name]; twice {
			return nil, fmt.Errorf("budget %q is there twice: %w", b.Name, ErrBudget)
		}
		at := place{b.group(), b.Slot}
		if other, taken := placed[at]; taken {
			return nil, fmt.Errorf("budgets %q and %q in slot %d of %q: %w", other, b.Name, at.slot, at.group, ErrBudget)
		}
		named[b.Name], placed[at] = b, b.Name
	}
	return named, nil
}
