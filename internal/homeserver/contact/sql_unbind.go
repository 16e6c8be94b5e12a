package contact

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"signet/internal/seal"
	"signet/internal/store"
)

// upsertUnbinding writes a wish down, or has one be due that waits.
func upsertUnbinding(ctx context.Context, tx *store.Tx, u unbinding, index, sealed []byte, due time.Time) error {
	_, err := tx.Exec(ctx, `INSERT INTO contact_unbindings (user_id, id_server, address_index, sealed, tries, due_ms)
		VALUES ($1, $2, $3, $4, 0, $5) ON CONFLICT (user_id, id_server, address_index) DO UPDATE SET tries = 0, due_ms = $5`,
		string(u.user), string(u.server), index, sealed, due.UnixMilli())
	return err
}

// errNoWish says that there is no such wish, or not any more.
var errNoWish = errors.New("no such wish")

// selectTries is how often a wish has failed. The error is errNoWish.
func selectTries(ctx context.Context, q store.Queryer, u unbinding, index []byte) (tries int, err error) {
	err = q.QueryRow(ctx, `SELECT tries FROM contact_unbindings WHERE user_id = $1 AND id_server = $2 AND address_index = $3`,
		string(u.user), string(u.server), index).Scan(&tries)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, errNoWish
	}
	return tries, err
}

func selectDueUnbindings(ctx context.Context, q store.Queryer, box seal.Box, now time.Time, most int) (all []unbinding, err error) {
	rows, err := q.Query(ctx, `SELECT user_id, id_server, address_index, sealed FROM contact_unbindings
		WHERE due_ms <= $1 ORDER BY due_ms LIMIT $2`, now.UnixMilli(), most)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var u unbinding
		var index, sealed []byte
		if err := rows.Scan(&u.user, &u.server, &index, &sealed); err != nil {
			return nil, err
		}
		if u.address, err = open(box, sealed, index); err != nil {
			return nil, err
		}
		all = append(all, u)
	}
	return all, rows.Err()
}

func updateUnbinding(ctx context.Context, q store.Queryer, u unbinding, index []byte, due time.Time) error {
	_, err := q.Exec(ctx, `UPDATE contact_unbindings SET tries = $4, due_ms = $5 WHERE user_id = $1 AND id_server = $2 AND address_index = $3`,
		string(u.user), string(u.server), index, u.tries, due.UnixMilli())
	return err
}

// deleteUnbinding tells whether there was such a wish.
func deleteUnbinding(ctx context.Context, q store.Queryer, u unbinding, index []byte) (there bool, err error) {
	return store.Changed(q.Exec(ctx, `DELETE FROM contact_unbindings WHERE user_id = $1 AND id_server = $2 AND address_index = $3`,
		string(u.user), string(u.server), index))
}
