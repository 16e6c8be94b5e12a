package quota

import (
	"context"

	"signet/internal/store"
)

// Charge charges all of them, committed when it returns, or none. The error is
// Exhausted when a budget has not enough; a charge above a budget's limit, which
// never succeeds, is told to wait Per. What must stand or fall with other writes uses
// Reserve.
func (q *Quota) Charge(ctx context.Context, charges ...Charge) error {
	r, err := q.Reserve(ctx, charges...)
	if err != nil {
		return err
	}
	defer r.Release()
	if err := r.chargeAlone(ctx); err != nil {
		return err
	}
	r.Keep()
	return nil
}

// chargeAlone needs a transaction only for what is exact and not charged yet.
func (r *Reservation) chargeAlone(ctx context.Context) error {
	if r.ahead || len(r.exact) == 0 {
		return r.ChargeIn(ctx, nil)
	}
	return wrap(r.quota.DB.Tx(ctx, func(tx *store.Tx) error { return r.charge(ctx, tx) }))
}
