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
	items, err := q.items(charges)
	if err == nil {
		_, err = moveAlone(ctx, q.DB, q.Now().UnixNano(), moves(items, -1))
	}
	return refunding(err)
}

// RefundIn is Refund as part of tx. It gives leased ones back in the database too, so
// that they as well are given back if and only if tx commits. Whoever has the
// Reservation still uses its RefundIn.
func (q *Quota) RefundIn(ctx context.Context, tx *store.Tx, charges ...Charge) error {
	items, err := q.items(charges)
	if err == nil {
		err = giveBack(ctx, tx, q.Now().UnixNano(), items)
	}
	return refunding(err)
}

// refunding names the action.
func refunding(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("refunding budgets: %w", err)
}

// giveBack needs no floor: a bucket that is full before now is full, and moveBuckets
// counts it so.
func giveBack(ctx context.Context, tx *store.Tx, now int64, items []item) error {
	_, err := moveBuckets(ctx, tx, now, moves(items, -1))
	return err
}
