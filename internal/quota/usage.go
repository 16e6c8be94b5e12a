package quota

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"signet/internal/store"
)

// Use is how far a subject has used up a budget. Fingerprint, 8 hexadecimal digits
// of the keyed tag, tells subjects of one budget apart, and is the same in all budgets of
// a group; whom it stands for cannot be told from it. Share counts from 0 to 1; Full is when it will be 0 again.
type Use struct {
	Budget      string
	Fingerprint string
	Share       float64
	Full        time.Time
}

// Usage lists the subjects that have used minimumShare of a budget or more, and
// something at all; the most used first. What processes have leased counts as used.
func (q *Quota) Usage(ctx context.Context, minimumShare float64) ([]Use, error) {
	now := q.Now().UnixNano()
	var uses []Use
	for _, b := range q.Budgets {
		if b.Limit == 0 {
			continue // it has no subjects
		}
		least := max(1, int64(minimumShare*float64(b.window())))
		found, err := selectUsed(ctx, q.DB, b, now+least)
		if err != nil {
			return nil, fmt.Errorf("reading the use of budgets: %w", err)
		}
		for at, full := range found {
			uses = append(uses, Use{Budget: b.Name, Fingerprint: fmt.Sprintf("%x", at.tag[:4]),
				Share: float64(full-now) / float64(b.window()), Full: time.Unix(0, full)})
		}
	}
	slices.SortFunc(uses, func(a, b Use) int {
		return cmp.Or(cmp.Compare(b.Share, a.Share), cmp.Compare(a.Budget, b.Budget), cmp.Compare(a.Fingerprint, b.Fingerprint))
	})
	return uses, nil
}

// Share tells how much of each budget the charges' subjects have used, from 0 to 1, and
// charges nothing; of several subjects of one budget it tells the most. What processes
// have leased counts as used. Ask the DB rather than a Tx where a glance is enough: what
// a Tx has read makes rivals of all who write near it. One that charges anyway learns as
// much from Reservation.Shares.
func (q *Quota) Share(ctx context.Context, from store.Queryer, charges ...Charge) (map[string]float64, error) {
	items, err := q.items(charges)
	if err != nil {
		return nil, fmt.Errorf("reading shares of budgets: %w", err)
	}
	var buckets []bucket
	for _, i := range items {
		buckets = append(buckets, i.bucket)
	}
	found, err := selectBuckets(ctx, from, buckets)
	if err != nil {
		return nil, fmt.Errorf("reading shares of budgets: %w", err)
	}
	now := q.Now().UnixNano()
	shares := map[string]float64{}
	for _, i := range items { // what was never charged has been full since 1970
		shares[i.Name] = max(shares[i.Name], i.share(found[i.bucket], now))
	}
	return shares, nil
}
