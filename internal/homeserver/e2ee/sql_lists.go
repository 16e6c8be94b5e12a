package e2ee

import (
	"context"
	"database/sql"
	"errors"

	"signet/internal/homeserver/stream"
	"signet/internal/matrix"
	"signet/internal/store"
)

// selectLastListed returns the last change of any list.
func selectLastListed(ctx context.Context, q store.Queryer) (last stream.Pos, err error) {
	err = q.QueryRow(ctx, `SELECT COALESCE(MAX(pos), 0) FROM e2ee_lists`).Scan(&last)
	return last, err
}

// selectListed returns 0 where a list has never changed.
func selectListed(ctx context.Context, q store.Queryer, viewer, user matrix.UserID) (pos stream.Pos, err error) {
	err = q.QueryRow(ctx, `SELECT pos FROM e2ee_lists WHERE viewer = $1 AND user_id = $2`, string(viewer), string(user)).Scan(&pos)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return pos, err
}

func putListed(ctx context.Context, tx *store.Tx, viewer, user matrix.UserID, pos stream.Pos) error {
	_, err := tx.Exec(ctx, `INSERT INTO e2ee_lists (viewer, user_id, pos) VALUES ($1, $2, $3)
		ON CONFLICT (viewer, user_id) DO UPDATE SET pos = $3`, string(viewer), string(user), int64(pos))
	return err
}

func selectListedSince(ctx context.Context, q store.Queryer, viewer matrix.UserID, since stream.Pos) ([]matrix.UserID, error) {
	return users(q.Query(ctx, `SELECT user_id FROM e2ee_lists WHERE viewer = $1 AND pos > $2`, string(viewer), int64(since)))
}

// users reads rows of one column.
func users(rows *sql.Rows, err error) ([]matrix.UserID, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []matrix.UserID
	for rows.Next() {
		var user matrix.UserID
		if err := rows.Scan(&user); err != nil {
			return nil, err
		}
		all = append(all, user)
	}
	return all, rows.Err()
}
