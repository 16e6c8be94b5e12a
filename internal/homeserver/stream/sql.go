package stream

import (
	"context"

	"signet/internal/store"
)

// takeOver makes owner the one who writes, sets positions aside for it, and returns the
// last one that may have been given out before.
func takeOver(ctx context.Context, tx *store.Tx, owner string, ahead Pos) (reserved Pos, err error) {
	err = tx.QueryRow(ctx, `INSERT INTO stream_position (id, last, reserved, owner) VALUES (1, 0, $2, $1)
		ON CONFLICT (id) DO UPDATE SET owner = $1, reserved = stream_position.reserved + $2
		RETURNING reserved`, owner, int64(ahead)).Scan(&reserved)
	return reserved - ahead, err
}

// advance moves the end of the stream, and tells whether owner may still do so.
func advance(ctx context.Context, tx *store.Tx, owner string, last, reserved Pos) (bool, error) {
	return store.Changed(tx.Exec(ctx, `UPDATE stream_position SET last = $2, reserved = $3 WHERE id = 1 AND owner = $1`,
		owner, int64(last), int64(reserved)))
}

// settle returns the end of the stream when no transaction of owner's is open any more, and
// whether owner still writes it.
func settle(ctx context.Context, db *store.DB, owner string) (last Pos, owned bool, err error) {
	err = db.Tx(ctx, func(tx *store.Tx) error {
		owned, err = store.Changed(tx.Exec(ctx, `UPDATE stream_position SET owner = $1 WHERE id = 1 AND owner = $1`, owner))
		if err != nil || !owned {
			return err
		}
		return tx.QueryRow(ctx, `SELECT last FROM stream_position WHERE id = 1`).Scan(&last)
	})
	return last, owned, err
}
