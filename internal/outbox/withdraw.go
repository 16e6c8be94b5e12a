package outbox

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"signet/internal/store"
)

// Withdraw ends a job that is still pending, and tells whether it was: once, so that
// what was charged for the job can be given back in the same transaction. An attempt
// that runs at this moment is not stopped.
func (o *Outbox) Withdraw(ctx context.Context, tx *store.Tx, id string) (withdrawn bool, err error) {
	if o.ledger.has(func(r jobRow) bool { return r.id == id }) {
		return false, nil
	}
	withdrawn, err = withdrawJob(ctx, tx, id, o.Now())
	if err != nil {
		return false, fmt.Errorf("withdrawing work: %w", err)
	}
	return withdrawn, nil
}

// WithdrawKey is Withdraw of the job of a kind and key, for newer work that takes its
// place. It gives the payload, which is forgotten.
func (o *Outbox) WithdrawKey(ctx context.Context, tx *store.Tx, kind, key string) (withdrawn bool, payload []byte, err error) {
	if o.ledger.has(func(r jobRow) bool { return r.kind == kind && r.key == key }) {
		return false, nil, nil
	}
	payload, err = o.withdrawKey(ctx, tx, kind, key)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil, nil
	}
	if err != nil {
		return false, nil, fmt.Errorf("withdrawing work: %w", err)
	}
	return true, payload, nil
}

func (o *Outbox) withdrawKey(ctx context.Context, tx *store.Tx, kind, key string) ([]byte, error) {
	id, sealed, err := withdrawJobByKey(ctx, tx, kind, key, o.Now())
	if err != nil {
		return nil, err
	}
	payload, err := o.box.Open(sealed, []byte(id))
	if err != nil {
		return nil, err
	}
	return payload, forgetPayload(ctx, tx, id)
}
