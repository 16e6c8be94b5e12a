package lookup

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"signet/internal/matrix"
	"signet/internal/store"
)

// selectLastChanged is when a binding of an address was last taken back, zero if there never
// was one. Of an erased address the feed keeps that.
func selectLastChanged(ctx context.Context, q store.Queryer, index []byte) (time.Time, error) {
	var at int64
	err := q.QueryRow(ctx, `SELECT ts_ms FROM lookup_changes WHERE address_index = $1 ORDER BY position DESC LIMIT 1`, index).Scan(&at)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return store.Time(at), err
}

// sealedBinding is a row of lookup_bindings whose address is still sealed.
type sealedBinding struct {
	index   []byte
	medium  string
	address []byte
	user    matrix.UserID
	ts      int64
}

// selectBindingsAfter is up to n bindings in the order of their index, from the one
// behind after. last is nil behind the end.
func (d *Directory) selectBindingsAfter(ctx context.Context, q store.Queryer, after []byte, n int) (page []sealedBinding, last []byte, err error) {
	rows, err := q.Query(ctx, `SELECT address_index, medium, address_sealed, user_id, ts_ms FROM lookup_bindings
		WHERE address_index > $1 ORDER BY address_index LIMIT $2`, after, n)
	if err != nil {
		return nil, nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var b sealedBinding
		if err := rows.Scan(&b.index, &b.medium, &b.address, &b.user, &b.ts); err != nil {
			return nil, nil, err
		}
		page = append(page, b)
	}
	if len(page) == n {
		last = page[n-1].index
	}
	return page, last, rows.Err()
}
