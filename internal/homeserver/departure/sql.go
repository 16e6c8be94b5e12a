package departure

import (
	"context"

	"signet/internal/homeserver/stream"
	"signet/internal/matrix"
	"signet/internal/store"
)

func insertDeparture(ctx context.Context, tx *store.Tx, user matrix.UserID, erase bool) error {
	_, err := tx.Exec(ctx, `INSERT INTO departures (user_id, gone, erase, pos) VALUES ($1, FALSE, $2, 0) ON CONFLICT DO NOTHING`, string(user), erase)
	return err
}

func selectWishes(ctx context.Context, q store.Queryer) (wishes []wish, err error) {
	rows, err := q.Query(ctx, `SELECT user_id, erase, pos FROM departures WHERE NOT gone ORDER BY user_id`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var w wish
		if err := rows.Scan(&w.user, &w.erase, &w.pos); err != nil {
			return nil, err
		}
		wishes = append(wishes, w)
	}
	return wishes, rows.Err()
}

// selectErased reads whose events are hidden, and from which position on.
func selectErased(ctx context.Context, q store.Queryer) (map[matrix.UserID]stream.Pos, error) {
	rows, err := q.Query(ctx, `SELECT user_id, pos FROM departures WHERE erase AND pos > 0`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	erased := map[matrix.UserID]stream.Pos{}
	for rows.Next() {
		var user matrix.UserID
		var pos stream.Pos
		if err := rows.Scan(&user, &pos); err != nil {
			return nil, err
		}
		erased[user] = pos
	}
	return erased, rows.Err()
}

func updatePos(ctx context.Context, q store.Queryer, user matrix.UserID, pos stream.Pos) error {
	_, err := q.Exec(ctx, `UPDATE departures SET pos = $2 WHERE user_id = $1`, string(user), int64(pos))
	return err
}

func updateGone(ctx context.Context, q store.Queryer, user matrix.UserID) error {
	_, err := q.Exec(ctx, `UPDATE departures SET gone = TRUE WHERE user_id = $1`, string(user))
	return err
}
