package quota

import (
	"context"
	"fmt"

	"signet/internal/store"
)

// Refund gives back charges for something that we refused to do afterwards. Each is
// given back at most once, and soon: a charge also comes back by itself, so a
// refund that comes late lets its subject have up to N twice.
func (q *Quota) Refund(ctx context.Context, charges ...Charge) error {
	return q.DB.Tx(ctx, func(tx *store.Tx) error { return q.RefundIn(ctx, tx, charges...) })
}

// RefundIn is Refund as part of tx.
func (q *Quota) RefundIn(ctx context.Context, tx *store.Tx, charges ...Charge) error {
	items, err := q.items(charges)
	if err == nil {
		err = giveBack(ctx, tx, items)
	}
	if err != nil {
		return fmt.Errorf("refunding budgets: %w", err)
	}
	return nil
}

// giveBack needs no floor: a bucket that was full before now is full, and chargeBucket
// counts it so. What is above the limit was never taken.
func giveBack(ctx context.Context, tx *store.Tx, items []item) error {
	for _, i := range items {
		if i.n > i.Limit {
			continue
		}
		if err := refundBucket(ctx, tx, i.tag, i.cost(i.n)); err != nil {
			return err
		}
	}
	return nil
}
