package quota

import (
	"context"
	"fmt"

	"signet/internal/store"
)

// Room is how often all the charges could be made now, none of which then has not enough,
// at most so many times. It charges nothing and promises nothing: others may come first.
// What processes have leased counts as used.
func (q *Quota) Room(ctx context.Context, from store.Queryer, most int, charges ...Charge) (int, error) {
	items, err := q.items(charges)
	if err != nil {
		return 0, fmt.Errorf("reading what is left of budgets: %w", err)
	}
	buckets := make([]bucket, len(items))
	for at, i := range items {
		buckets[at] = i.bucket
	}
	found, err := selectBuckets(ctx, from, buckets)
	if err != nil {
		return 0, fmt.Errorf("reading what is left of budgets: %w", err)
	}
	now := q.Now().UnixNano()
	for _, i := range items {
		if !i.DryRun {
			most = min(most, i.room(found[i.bucket], now))
		}
	}
	return most, nil
}

// room is how often the item goes into a bucket that is full at that moment.
func (i item) room(full, now int64) int {
	if !i.fits() || i.Limit == 0 {
		return 0
	}
	left := i.window() - max(0, full-now)
	return int(max(0, left) / i.cost(i.n))
}
