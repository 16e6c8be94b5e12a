package account

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"signet/internal/matrix"
	"signet/internal/store"
)

// insertLoginToken tells whether the user has an active account.
func insertLoginToken(ctx context.Context, tx *store.Tx, mac []byte, user matrix.UserID, expires time.Time) (bool, error) {
	return store.Changed(tx.Exec(ctx, `INSERT INTO account_login_tokens (token_mac, user_id, expires_ms)
		SELECT $1, user_id, $3 FROM account_users WHERE user_id = $2 AND deactivated_ms = 0`, mac, string(user), expires.UnixMilli()))
}

// takeLoginToken deletes a good token, and returns whom it lets in. The error is ErrLoginToken.
func takeLoginToken(ctx context.Context, tx *store.Tx, mac []byte, now time.Time) (user matrix.UserID, err error) {
	err = tx.QueryRow(ctx, `DELETE FROM account_login_tokens WHERE token_mac = $1 AND expires_ms > $2 RETURNING user_id`,
		mac, now.UnixMilli()).Scan(&user)
	if errors.Is(err, sql.ErrNoRows) {
		return "", ErrLoginToken
	}
	return user, err
}

func deleteLoginTokensOfUser(ctx context.Context, tx *store.Tx, user matrix.UserID) error {
	_, err := tx.Exec(ctx, `DELETE FROM account_login_tokens WHERE user_id = $1`, string(user))
	return err
}

func deleteExpiredLoginTokens(ctx context.Context, q store.Queryer, now time.Time) error {
	_, err := q.Exec(ctx, `DELETE FROM account_login_tokens WHERE expires_ms <= $1`, now.UnixMilli())
	return err
}
