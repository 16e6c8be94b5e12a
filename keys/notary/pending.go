package notary

import (
	"context"
	"errors"
	"fmt"

	"signet/internal/store"
	"signet/keys/entry"
)

// errLogged is the error of a record that somebody else has logged meanwhile.
var errLogged = errors.New("a record is logged already")

// Next returns what is to be logged: at most limit entries in their order, none if there is
// nothing. logged notes their positions, from first on, in the transaction that appends them;
// it fails, and nothing must be appended, if one of them is logged already. Only one who keeps
// the log calls it.
func (n *Notary) Next(ctx context.Context, limit int) (entries [][]byte, logged func(ctx context.Context, tx *store.Tx, first int64) error, err error) {
	records, err := selectPending(ctx, n.DB, limit)
	if err != nil {
		return nil, nil, fmt.Errorf("reading what is to be logged: %w", err)
	}
	for _, p := range records {
		e, err := entry.NewRecord(p.record)
		if err != nil {
			return nil, nil, fmt.Errorf("making an entry of a record about %q: %w", p.server, err)
		}
		entries = append(entries, e.Append(nil))
	}
	return entries, func(ctx context.Context, tx *store.Tx, first int64) error {
		return setPositions(ctx, tx, records, first)
	}, nil
}

func setPositions(ctx context.Context, tx *store.Tx, records []pending, first int64) error {
	for i, p := range records {
		fresh, err := updatePosition(ctx, tx, p, first+int64(i))
		if err != nil {
			return fmt.Errorf("noting where a record is logged: %w", err)
		}
		if !fresh {
			return fmt.Errorf("%w: number %d about %q", errLogged, p.n, p.server)
		}
	}
	return nil
}

// Pending counts the records that wait to be logged.
func (n *Notary) Pending(ctx context.Context) (int64, error) {
	waiting, err := countPending(ctx, n.DB)
	if err != nil {
		return 0, fmt.Errorf("counting what is to be logged: %w", err)
	}
	return waiting, nil
}
