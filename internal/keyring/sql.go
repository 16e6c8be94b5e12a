package keyring

import (
	"context"
	"time"

	"signet/internal/matrix"
	"signet/internal/store"
)

type currentRow struct {
	id     matrix.KeyID
	sealed []byte
}

func selectCurrent(ctx context.Context, q store.Queryer) (row currentRow, err error) {
	err = q.QueryRow(ctx, `SELECT key_id, sealed FROM keyring_keys WHERE retired_ms = 0`).Scan(&row.id, &row.sealed)
	return row, err
}

func selectKeys(ctx context.Context, q store.Queryer) ([]Key, error) {
	rows, err := q.Query(ctx, `SELECT key_id, public_key, created_ms, retired_ms FROM keyring_keys ORDER BY serial DESC`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var keys []Key
	for rows.Next() {
		var k Key
		var created, retired int64
		if err := rows.Scan(&k.ID, &k.Public, &created, &retired); err != nil {
			return nil, err
		}
		k.Created, k.Retired = store.Time(created), store.Time(retired)
		keys = append(keys, k)
	}
	return keys, rows.Err()
}

func retireCurrent(ctx context.Context, tx *store.Tx, now time.Time) error {
	_, err := tx.Exec(ctx, `UPDATE keyring_keys SET retired_ms = $1 WHERE retired_ms = 0`, now.UnixMilli())
	return err
}

func insertKey(ctx context.Context, tx *store.Tx, k Key, sealed []byte) error {
	_, err := tx.Exec(ctx, `INSERT INTO keyring_keys (serial, key_id, public_key, sealed, created_ms)
		SELECT COALESCE(MAX(serial), 0) + 1, $1, $2, $3, $4 FROM keyring_keys`,
		string(k.ID), []byte(k.Public), sealed, k.Created.UnixMilli())
	return err
}
