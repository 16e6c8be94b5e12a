package verifykeys

import (
	"context"
	"database/sql"
	"errors"

	"signet/internal/store"
)

// selectKey returns the zero value where the key is not known.
func selectKey(ctx context.Context, q store.Queryer, n name) (key, error) {
	var public []byte
	var until, expired int64
	err := q.QueryRow(ctx, `SELECT public, valid_until, expired FROM verify_keys WHERE server = $1 AND key_id = $2`,
		string(n.server), string(n.id)).Scan(&public, &until, &expired)
	if errors.Is(err, sql.ErrNoRows) {
		return key{}, nil
	}
	return key{public: public, until: store.Time(until), expired: store.Time(expired)}, err
}

func putKey(ctx context.Context, q store.Queryer, n name, k key) error {
	_, err := q.Exec(ctx, `INSERT INTO verify_keys (server, key_id, public, valid_until, expired) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (server, key_id) DO UPDATE SET public = $3, valid_until = $4, expired = $5`,
		string(n.server), string(n.id), []byte(k.public), store.Millis(k.until), store.Millis(k.expired))
	return err
}
