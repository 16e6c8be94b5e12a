package caller

import (
	"context"
	"time"

	"signet/internal/matrix"
	"signet/internal/store"
)

func insertToken(ctx context.Context, q store.Queryer, mac []byte, user matrix.UserID, now time.Time) error {
	_, err := q.Exec(ctx, `INSERT INTO caller_tokens (token_mac, user_id, created_ms, seen_ms) VALUES ($1, $2, $3, $3)`,
		mac, user.String(), now.UnixMilli())
	return err
}

func selectToken(ctx context.Context, q store.Queryer, mac []byte) (Token, error) {
	return scanToken(q.QueryRow(ctx, `SELECT user_id, created_ms, seen_ms FROM caller_tokens WHERE token_mac = $1`, mac))
}

func selectTokens(ctx context.Context, q store.Queryer, user matrix.UserID, seenAfter time.Time) ([]Token, error) {
	rows, err := q.Query(ctx, `SELECT user_id, created_ms, seen_ms FROM caller_tokens
		WHERE user_id = $1 AND seen_ms > $2 ORDER BY created_ms DESC`, user.String(), seenAfter.UnixMilli())
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var tokens []Token
	for rows.Next() {
		t, err := scanToken(rows)
		if err != nil {
			return nil, err
		}
		tokens = append(tokens, t)
	}
	return tokens, rows.Err()
}

func scanToken(row interface{ Scan(...any) error }) (t Token, err error) {
	var created, seen int64
	err = row.Scan(&t.User, &created, &seen)
	t.Created, t.Seen = store.Time(created), store.Time(seen)
	return t, err
}

func touchToken(ctx context.Context, q store.Queryer, mac []byte, now time.Time) error {
	_, err := q.Exec(ctx, `UPDATE caller_tokens SET seen_ms = $2 WHERE token_mac = $1`, mac, now.UnixMilli())
	return err
}

func deleteToken(ctx context.Context, q store.Queryer, mac []byte, seenAfter time.Time) (known bool, err error) {
	return store.Changed(q.Exec(ctx, `DELETE FROM caller_tokens WHERE token_mac = $1 AND seen_ms > $2`, mac, seenAfter.UnixMilli()))
}

func deleteTokens(ctx context.Context, q store.Queryer, user matrix.UserID) (int64, error) {
	result, err := q.Exec(ctx, `DELETE FROM caller_tokens WHERE user_id = $1`, user.String())
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

func deleteUnseen(ctx context.Context, q store.Queryer, seenBefore time.Time) error {
	_, err := q.Exec(ctx, `DELETE FROM caller_tokens WHERE seen_ms < $1`, seenBefore.UnixMilli())
	return err
}

// insertAccepted records all URLs or none.
func insertAccepted(ctx context.Context, db *store.DB, user matrix.UserID, urls []string, now time.Time) error {
	return db.Tx(ctx, func(tx *store.Tx) error {
		for _, url := range urls {
			_, err := tx.Exec(ctx, `INSERT INTO caller_accepted (user_id, url, accepted_ms) VALUES ($1, $2, $3)
				ON CONFLICT DO NOTHING`, user.String(), url, now.UnixMilli())
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func selectAccepted(ctx context.Context, q store.Queryer, user matrix.UserID) (map[string]bool, error) {
	rows, err := q.Query(ctx, `SELECT url FROM caller_accepted WHERE user_id = $1`, user.String())
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	accepted := map[string]bool{}
	for rows.Next() {
		var url string
		if err := rows.Scan(&url); err != nil {
			return nil, err
		}
		accepted[url] = true
	}
	return accepted, rows.Err()
}
