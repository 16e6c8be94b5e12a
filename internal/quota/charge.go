package quota

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"signet/internal/store"
)

// Charge charges all of them, committed when it returns, or none. The error is
// Exhausted when a budget has not enough; a charge above a budget's limit, which
// never succeeds, is told to wait Per. Being a short transaction of its own, it
// meets few rivals; what must stand or fall with other writes uses ChargeIn.
func (q *Quota) Charge(ctx context.Context, charges ...Charge) error {
	var seen []sighting
	err := q.DB.Tx(ctx, func(tx *store.Tx) (err error) {
		seen, err = q.charge(ctx, tx, charges)
		return err
	})
	return q.tell(seen, err)
}

// ChargeIn is Charge as part of tx: what is charged stands if and only if tx commits.
// After a refusal nothing is charged, and tx may go on and commit. If tx runs again,
// its charges are observed again.
func (q *Quota) ChargeIn(ctx context.Context, tx *store.Tx, charges ...Charge) error {
	seen, err := q.charge(ctx, tx, charges)
	return q.tell(seen, err)
}

// sighting is something to observe.
type sighting struct {
	budget  string
	outcome Outcome
}

// tell observes charges that were decided.
func (q *Quota) tell(seen []sighting, err error) error {
	if _, refused := errors.AsType[Exhausted](err); err != nil && !refused {
		return fmt.Errorf("charging budgets: %w", err)
	}
	for _, s := range seen {
		q.Observe(s.budget, s.outcome)
	}
	return err
}

// charge looks at every budget, even after one had not enough, to tell the longest
// wait.
func (q *Quota) charge(ctx context.Context, tx *store.Tx, charges []Charge) ([]sighting, error) {
	items, err := q.items(charges)
	if err != nil {
		return nil, err
	}
	now := q.Now().UnixNano()
	var taken []item
	var allowed, short []sighting
	var worst Exhausted
	for _, i := range items {
		wait, err := i.take(ctx, tx, now)
		switch {
		case err != nil:
			return nil, err
		case wait == 0:
			taken = append(taken, i)
			allowed = append(allowed, sighting{i.Name, Allowed})
		case i.DryRun:
			short = append(short, sighting{i.Name, WouldRefuse})
		default:
			short = append(short, sighting{i.Name, Refused})
			if wait > worst.RetryAfter {
				worst = Exhausted{Budget: i.Name, RetryAfter: wait}
			}
		}
	}
	if worst.RetryAfter == 0 {
		return append(allowed, short...), nil
	}
	if err := giveBack(ctx, tx, taken); err != nil {
		return nil, err
	}
	return short, worst
}

// item is a charge with the budget it names and the tag of its subject.
type item struct {
	Budget
	tag []byte
	n   int
}

// items puts the charges in the order of their tags, in which all transactions take
// their rows, so that none waits for another in a circle. Charges of one subject to
// one budget become one.
func (q *Quota) items(charges []Charge) ([]item, error) {
	byTag := map[string]item{}
	for _, c := range charges {
		budget, known := q.byName[c.Budget]
		if !known || c.N <= 0 {
			return nil, fmt.Errorf("a charge of %d to %q: %w", c.N, c.Budget, ErrBudget)
		}
		tag := q.index.Of(c.Budget, c.Subject)
		n := min(c.N, budget.Limit+1) // beyond it all are the same, and sums stay small
		byTag[string(tag)] = item{Budget: budget, tag: tag, n: n + byTag[string(tag)].n}
	}
	return slices.SortedFunc(maps.Values(byTag), func(a, b item) int { return bytes.Compare(a.tag, b.tag) }), nil
}

// take charges one item, or tells how long it must wait.
func (i item) take(ctx context.Context, tx *store.Tx, now int64) (wait time.Duration, err error) {
	if i.n > i.Limit {
		return wholeMillis(int64(i.Per)), nil
	}
	cost := i.cost(i.n)
	latest := now + i.window() - cost
	charged, err := chargeBucket(ctx, tx, i, now, cost, latest)
	if err != nil || charged {
		return 0, err
	}
	full, err := selectFull(ctx, tx, i.tag)
	return wholeMillis(full - latest), err
}
