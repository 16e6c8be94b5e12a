package devicelists

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/go-json-experiment/json"

	"signet/internal/matrix"
	"signet/internal/store"
)

func selectList(ctx context.Context, q store.Queryer, user matrix.UserID) (l list, err error) {
	var asked int64
	var text []byte
	err = q.QueryRow(ctx, `SELECT pos, asked_ms, stale, keys FROM device_lists WHERE user_id = $1`, string(user)).Scan(&l.pos, &asked, &l.stale, &text)
	if errors.Is(err, sql.ErrNoRows) {
		return list{}, nil
	}
	if err != nil {
		return list{}, err
	}
	l.there, l.asked = true, store.Time(asked)
	return l, json.Unmarshal(text, &l.keys)
}

// putList may lose to a power cut what can be asked for again.
func putList(ctx context.Context, db *store.DB, user matrix.UserID, l list) error {
	text, err := json.Marshal(l.keys)
	if err != nil {
		return err
	}
	return db.TxSoon(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO device_lists (user_id, pos, asked_ms, stale, keys) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (user_id) DO UPDATE SET pos = $2, asked_ms = $3, stale = $4, keys = $5`,
			string(user), int64(l.pos), store.Millis(l.asked), false, string(text))
		return err
	})
}

// markStale is durable: the other server does not say it again.
func markStale(ctx context.Context, db *store.DB, user matrix.UserID) error {
	return db.Alone(ctx, func(q store.Queryer) error {
		_, err := q.Exec(ctx, `UPDATE device_lists SET stale = $2 WHERE user_id = $1`, string(user), true)
		return err
	})
}

func deleteBefore(ctx context.Context, q store.Queryer, before time.Time) error {
	_, err := q.Exec(ctx, `DELETE FROM device_lists WHERE asked_ms < $1`, store.Millis(before))
	return err
}
