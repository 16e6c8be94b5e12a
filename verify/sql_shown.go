package verify

import (
	"context"
	"errors"
	"time"

	"signet/internal/matrix"
	"signet/internal/store"
)

// selectShown reads to which homeservers an address is shown now, and until when.
func selectShown(ctx context.Context, q store.Queryer, address []byte, now time.Time) (shown map[matrix.ServerName]time.Time, err error) {
	rows, err := q.Query(ctx, `SELECT homeserver, until_ms FROM verify_shown WHERE address_index = $1 AND until_ms > $2`, address, now.UnixMilli())
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	shown = map[matrix.ServerName]time.Time{}
	for rows.Next() {
		var server matrix.ServerName
		var until int64
		if err := rows.Scan(&server, &until); err != nil {
			return nil, err
		}
		shown[server] = store.Time(until)
	}
	return shown, rows.Err()
}

func putShown(ctx context.Context, tx *store.Tx, address []byte, server matrix.ServerName, until time.Time) error {
	_, err := tx.Exec(ctx, `INSERT INTO verify_shown (address_index, homeserver, until_ms) VALUES ($1, $2, $3)
		ON CONFLICT (address_index, homeserver) DO UPDATE SET until_ms = $3`, address, server.String(), until.UnixMilli())
	return err
}

// renewShown prolongs what is shown already.
func renewShown(ctx context.Context, tx *store.Tx, address []byte, server matrix.ServerName, until time.Time) error {
	_, err := tx.Exec(ctx, `UPDATE verify_shown SET until_ms = $3 WHERE address_index = $1 AND homeserver = $2`, address, server.String(), until.UnixMilli())
	return err
}

func deleteShownTo(ctx context.Context, tx *store.Tx, address []byte, server matrix.ServerName) error {
	_, err := tx.Exec(ctx, `DELETE FROM verify_shown WHERE address_index = $1 AND homeserver = $2`, address, server.String())
	return err
}

func deleteShown(ctx context.Context, tx *store.Tx, address []byte) error {
	_, err := tx.Exec(ctx, `DELETE FROM verify_shown WHERE address_index = $1`, address)
	return err
}

func deleteShownBefore(ctx context.Context, q store.Queryer, now time.Time) error {
	_, err := q.Exec(ctx, `DELETE FROM verify_shown WHERE until_ms <= $1`, now.UnixMilli())
	return err
}
