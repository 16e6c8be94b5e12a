package quota

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"
)

// bucket is where one is kept: a row, by the keyed tag of its group's subject, and the
// budget's slot in it.
type bucket struct {
	tag  string
	slot int
}

// item is a charge with the budget it names and the bucket of its subject, and what
// became of it.
type item struct {
	Budget
	bucket bucket
	n      int
	full   int64         // when its bucket is full again, if n are taken
	wait   time.Duration // until there is enough; 0: all n are taken
}

// items puts the charges in the order of their tags, in which all transactions take
// their rows, so that none waits for another in a circle. Charges of one subject to
// one budget become one.
func (q *Quota) items(charges []Charge) ([]item, error) {
	byBucket := map[bucket]item{}
	for _, c := range charges {
		budget, known := q.byName[c.Budget]
		if !known || c.N <= 0 {
			return nil, fmt.Errorf("a charge of %d to %q: %w", c.N, c.Budget, ErrBudget)
		}
		at := bucket{tag: string(q.index.Of(budget.group(), c.Subject)), slot: budget.Slot}
		n := min(c.N, budget.Limit+1) // beyond it all are the same, and sums stay small
		byBucket[at] = item{Budget: budget, bucket: at, n: n + byBucket[at].n}
	}
	return slices.SortedFunc(maps.Values(byBucket), func(a, b item) int { return a.bucket.compare(b.bucket) }), nil
}

func (b bucket) compare(other bucket) int {
	return cmp.Or(cmp.Compare(b.tag, other.tag), cmp.Compare(b.slot, other.slot))
}

// fits tells whether a full bucket has enough; otherwise there never is.
func (i item) fits() bool { return i.n <= i.Limit }

// never is how long an item is told to wait for what never comes.
func (i item) never() time.Duration { return wholeMillis(int64(i.Per)) }

// outcome is the outcome for the item's budget.
func (i item) outcome() Outcome {
	switch {
	case i.wait == 0:
		return Allowed
	case i.DryRun:
		return WouldRefuse
	}
	return Refused
}

// moves are the moves that charge the items, or with sign -1 give them back. What
// never fits is never taken.
func moves(items []item, sign int64) []move {
	all := make([]move, 0, len(items))
	for _, i := range items {
		if i.fits() {
			all = append(all, move{bucket: i.bucket, group: i.group(), by: sign * i.cost(i.n)})
		}
	}
	return all
}
