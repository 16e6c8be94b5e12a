package seal

import (
	"context"
	"time"

	"signet/internal/store"
)

// getOrPut stores sealed under name unless something stands there, and returns
// what stands there then.
func getOrPut(ctx context.Context, db *store.DB, name string, sealed []byte, now time.Time) (kept []byte, err error) {
	err = db.Tx(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO seal_secrets (name, sealed, created_ms) VALUES ($1, $2, $3)
			ON CONFLICT DO NOTHING`, name, sealed, now.UnixMilli())
		if err != nil {
			return err
		}
		return tx.QueryRow(ctx, `SELECT sealed FROM seal_secrets WHERE name = $1`, name).Scan(&kept)
	})
	return kept, err
}

func anySecret(ctx context.Context, db *store.DB) (any bool, err error) {
	err = db.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM seal_secrets)`).Scan(&any)
	return any, err
}
