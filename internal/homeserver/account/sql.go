package account

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"signet/internal/matrix"
	"signet/internal/store"
)

func userExists(ctx context.Context, q store.Queryer, user matrix.UserID) (bool, error) {
	var n int
	err := q.QueryRow(ctx, `SELECT COUNT(*) FROM account_users WHERE user_id = $1`, string(user)).Scan(&n)
	return n > 0, err
}

// insertUser tells whether the name was free.
func insertUser(ctx context.Context, tx *store.Tx, user matrix.UserID, hash passwordHash, now time.Time) (bool, error) {
	return store.Changed(tx.Exec(ctx, `INSERT INTO account_users (user_id, password_hash, created_ms)
		VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`, string(user), hash.String(), now.UnixMilli()))
}

// selectPassword returns a hash that no password matches when there is no such
// user, so that the caller has the same work to do.
func selectPassword(ctx context.Context, q store.Queryer, user matrix.UserID) (passwordHash, error) {
	var text string
	err := q.QueryRow(ctx, `SELECT password_hash FROM account_users WHERE user_id = $1`, string(user)).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return newHash(), nil
	}
	if err != nil {
		return passwordHash{}, err
	}
	return parseHash(text)
}

// putDevice makes the device, or gives one that is known a new token. Its OpenID
// tokens live on: they speak for the user, who is the same.
func putDevice(ctx context.Context, tx *store.Tx, d Device, displayName string, tokenMAC []byte, now time.Time) error {
	_, err := tx.Exec(ctx, `INSERT INTO account_devices (user_id, device_id, display_name, token_mac, created_ms)
		VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (user_id, device_id) DO UPDATE SET token_mac = $4`,
		string(d.User), string(d.ID), displayName, tokenMAC, now.UnixMilli())
	return err
}

func selectDevice(ctx context.Context, q store.Queryer, tokenMAC []byte) (Device, error) {
	var d Device
	err := q.QueryRow(ctx, `SELECT user_id, device_id FROM account_devices WHERE token_mac = $1`, tokenMAC).Scan(&d.User, &d.ID)
	return d, orUnknownToken(err)
}

func deleteDevice(ctx context.Context, tx *store.Tx, d Device) error {
	_, err := tx.Exec(ctx, `DELETE FROM account_devices WHERE user_id = $1 AND device_id = $2`, string(d.User), string(d.ID))
	return err
}

func deleteDevicesOfUser(ctx context.Context, tx *store.Tx, user matrix.UserID) error {
	_, err := tx.Exec(ctx, `DELETE FROM account_devices WHERE user_id = $1`, string(user))
	return err
}

func insertUIA(ctx context.Context, q store.Queryer, sessionMAC []byte, expires time.Time) error {
	_, err := q.Exec(ctx, `INSERT INTO account_uia (session_mac, expires_ms) VALUES ($1, $2)`, sessionMAC, expires.UnixMilli())
	return err
}

func uiaLives(ctx context.Context, q store.Queryer, sessionMAC []byte, now time.Time) (bool, error) {
	var n int
	err := q.QueryRow(ctx, `SELECT COUNT(*) FROM account_uia WHERE session_mac = $1 AND expires_ms > $2`,
		sessionMAC, now.UnixMilli()).Scan(&n)
	return n > 0, err
}

// deleteUIA tells whether the session was alive.
func deleteUIA(ctx context.Context, tx *store.Tx, sessionMAC []byte, now time.Time) (bool, error) {
	return store.Changed(tx.Exec(ctx, `DELETE FROM account_uia WHERE session_mac = $1 AND expires_ms > $2`,
		sessionMAC, now.UnixMilli()))
}

func deleteExpiredUIA(ctx context.Context, q store.Queryer, now time.Time) error {
	_, err := q.Exec(ctx, `DELETE FROM account_uia WHERE expires_ms <= $1`, now.UnixMilli())
	return err
}

// insertOpenID tells whether the device is still there to have a token.
func insertOpenID(ctx context.Context, q store.Queryer, tokenMAC []byte, d Device, expires time.Time) (bool, error) {
	return store.Changed(q.Exec(ctx, `INSERT INTO account_openid (token_mac, user_id, device_id, expires_ms)
		SELECT $1, user_id, device_id, $4 FROM account_devices WHERE user_id = $2 AND device_id = $3`,
		tokenMAC, string(d.User), string(d.ID), expires.UnixMilli()))
}

func selectOpenID(ctx context.Context, q store.Queryer, tokenMAC []byte, now time.Time) (user matrix.UserID, err error) {
	err = q.QueryRow(ctx, `SELECT user_id FROM account_openid WHERE token_mac = $1 AND expires_ms > $2`,
		tokenMAC, now.UnixMilli()).Scan(&user)
	return user, orUnknownToken(err)
}

func deleteOpenIDOfDevice(ctx context.Context, tx *store.Tx, d Device) error {
	_, err := tx.Exec(ctx, `DELETE FROM account_openid WHERE user_id = $1 AND device_id = $2`, string(d.User), string(d.ID))
	return err
}

func deleteOpenIDOfUser(ctx context.Context, tx *store.Tx, user matrix.UserID) error {
	_, err := tx.Exec(ctx, `DELETE FROM account_openid WHERE user_id = $1`, string(user))
	return err
}

func deleteExpiredOpenID(ctx context.Context, q store.Queryer, now time.Time) error {
	_, err := q.Exec(ctx, `DELETE FROM account_openid WHERE expires_ms <= $1`, now.UnixMilli())
	return err
}

// selectAttempts returns the zero record for a name without failures.
func selectAttempts(ctx context.Context, tx *store.Tx, name []byte) (attempts, error) {
	var a attempts
	var open, changed int64
	err := tx.QueryRow(ctx, `SELECT failures, open_ms, changed_ms FROM account_attempts WHERE name_index = $1`, name).
		Scan(&a.failures, &open, &changed)
	if errors.Is(err, sql.ErrNoRows) {
		return attempts{}, nil
	}
	a.open, a.changed = time.UnixMilli(open), time.UnixMilli(changed)
	return a, err
}

func putAttempts(ctx context.Context, tx *store.Tx, name []byte, a attempts) error {
	_, err := tx.Exec(ctx, `INSERT INTO account_attempts (name_index, failures, open_ms, changed_ms) VALUES ($1, $2, $3, $4)
		ON CONFLICT (name_index) DO UPDATE SET failures = $2, open_ms = $3, changed_ms = $4`,
		name, a.failures, a.open.UnixMilli(), a.changed.UnixMilli())
	return err
}

func deleteAttempts(ctx context.Context, tx *store.Tx, name []byte) error {
	_, err := tx.Exec(ctx, `DELETE FROM account_attempts WHERE name_index = $1`, name)
	return err
}

func deleteAttemptsBefore(ctx context.Context, q store.Queryer, before time.Time) error {
	_, err := q.Exec(ctx, `DELETE FROM account_attempts WHERE changed_ms <= $1`, before.UnixMilli())
	return err
}

func orUnknownToken(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return ErrUnknownToken
	}
	return err
}
