package transaction

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"signet/internal/matrix"
	"signet/internal/store"
)

// selectResult is what became of a transaction, nil if it has not come yet.
func selectResult(ctx context.Context, q store.Queryer, origin matrix.ServerName, id string) (result []byte, err error) {
	err = q.QueryRow(ctx, `SELECT result FROM transaction_results WHERE origin = $1 AND txn_id = $2`, origin, id).Scan(&result)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return result, err
}

func insertResult(ctx context.Context, q store.Queryer, origin matrix.ServerName, id string, result []byte, now time.Time) error {
	_, err := q.Exec(ctx, `INSERT INTO transaction_results (origin, txn_id, result, received_ms) VALUES ($1, $2, $3, $4)
		ON CONFLICT (origin, txn_id) DO NOTHING`, origin, id, result, now.UnixMilli())
	return err
}

func deleteResultsBefore(ctx context.Context, q store.Queryer, before time.Time) error {
	_, err := q.Exec(ctx, `DELETE FROM transaction_results WHERE received_ms < $1`, before.UnixMilli())
	return err
}

// deleteOlderResults forgets what a server has sent before so many others of its.
func deleteOlderResults(ctx context.Context, tx *store.Tx, origin matrix.ServerName, kept int) error {
	_, err := tx.Exec(ctx, `DELETE FROM transaction_results WHERE origin = $1 AND received_ms <
		(SELECT received_ms FROM transaction_results WHERE origin = $1 ORDER BY received_ms DESC LIMIT 1 OFFSET $2)`, origin, kept)
	return err
}
