package roomkeys

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/matrix"
	"signet/internal/store"
)

// backupRow is a version of a backup.
type backupRow struct {
	algorithm string
	authData  jsontext.Value
	etag      int64
	keys      int64
	octets    int64 // of the data of the keys
}

func (r backupRow) state() State {
	return State{ETag: strconv.FormatInt(r.etag, 10), Count: r.keys}
}

func countBackups(ctx context.Context, tx *store.Tx, user matrix.UserID) (n int64, err error) {
	err = tx.QueryRow(ctx, `SELECT COUNT(*) FROM roomkeys_backups WHERE user_id = $1 AND NOT deleted`, string(user)).Scan(&n)
	return n, err
}

func nextNumber(ctx context.Context, tx *store.Tx, user matrix.UserID) (number int64, err error) {
	err = tx.QueryRow(ctx, `INSERT INTO roomkeys_numbers (user_id, last) VALUES ($1, 1)
		ON CONFLICT (user_id) DO UPDATE SET last = roomkeys_numbers.last + 1 RETURNING last`, string(user)).Scan(&number)
	return number, err
}

// selectLast returns the last number that was given, or 0.
func selectLast(ctx context.Context, tx *store.Tx, user matrix.UserID) (number int64, err error) {
	err = tx.QueryRow(ctx, `SELECT last FROM roomkeys_numbers WHERE user_id = $1`, string(user)).Scan(&number)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return number, err
}

func insertBackup(ctx context.Context, tx *store.Tx, user matrix.UserID, number int64, algorithm string, authData jsontext.Value) error {
	_, err := tx.Exec(ctx, `INSERT INTO roomkeys_backups (user_id, version, algorithm, auth_data, etag, keys, deleted) VALUES ($1, $2, $3, $4, 0, 0, FALSE)`,
		string(user), number, algorithm, string(authData))
	return err
}

func selectCurrent(ctx context.Context, q store.Queryer, user matrix.UserID) (number int64, err error) {
	err = q.QueryRow(ctx, `SELECT version FROM roomkeys_backups WHERE user_id = $1 AND NOT deleted ORDER BY version DESC LIMIT 1`,
		string(user)).Scan(&number)
	return number, orNoBackup(err)
}

func selectBackup(ctx context.Context, q store.Queryer, user matrix.UserID, number int64) (row backupRow, err error) {
	err = q.QueryRow(ctx, `SELECT algorithm, auth_data, etag, keys, octets FROM roomkeys_backups WHERE user_id = $1 AND version = $2 AND NOT deleted`,
		string(user), number).Scan(&row.algorithm, (*[]byte)(&row.authData), &row.etag, &row.keys, &row.octets)
	return row, orNoBackup(err)
}

func orNoBackup(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return ErrNoBackup
	}
	return err
}

func updateAuthData(ctx context.Context, tx *store.Tx, user matrix.UserID, number int64, authData jsontext.Value) error {
	_, err := tx.Exec(ctx, `UPDATE roomkeys_backups SET auth_data = $3 WHERE user_id = $1 AND version = $2`, string(user), number, string(authData))
	return err
}

func updateState(ctx context.Context, tx *store.Tx, user matrix.UserID, number int64, row backupRow) error {
	_, err := tx.Exec(ctx, `UPDATE roomkeys_backups SET etag = $3, keys = $4, octets = $5 WHERE user_id = $1 AND version = $2`,
		string(user), number, row.etag, row.keys, row.octets)
	return err
}

func markDeleted(ctx context.Context, tx *store.Tx, user matrix.UserID, number int64) error {
	_, err := tx.Exec(ctx, `UPDATE roomkeys_backups SET deleted = TRUE, auth_data = '{}' WHERE user_id = $1 AND version = $2`, string(user), number)
	return err
}

func markAllDeleted(ctx context.Context, tx *store.Tx, user matrix.UserID) error {
	_, err := tx.Exec(ctx, `UPDATE roomkeys_backups SET deleted = TRUE, auth_data = '{}' WHERE user_id = $1`, string(user))
	return err
}

// deletedBackup is a version that is to be erased.
type deletedBackup struct {
	user   matrix.UserID
	number int64
}

func selectDeleted(ctx context.Context, q store.Queryer) ([]deletedBackup, error) {
	rows, err := q.Query(ctx, `SELECT user_id, version FROM roomkeys_backups WHERE deleted LIMIT 1000`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []deletedBackup
	for rows.Next() {
		var b deletedBackup
		if err := rows.Scan(&b.user, &b.number); err != nil {
			return nil, err
		}
		all = append(all, b)
	}
	return all, rows.Err()
}

// purgeKeys deletes so many keys at most, and tells whether there were some.
func purgeKeys(ctx context.Context, q store.Queryer, user matrix.UserID, number int64, most int) (bool, error) {
	return store.Changed(q.Exec(ctx, `DELETE FROM roomkeys_keys WHERE user_id = $1 AND version = $2 AND (room_id, session_id) IN
		(SELECT room_id, session_id FROM roomkeys_keys WHERE user_id = $1 AND version = $2 LIMIT $3)`,
		string(user), number, most))
}

func purgeRow(ctx context.Context, q store.Queryer, user matrix.UserID, number int64) error {
	_, err := q.Exec(ctx, `DELETE FROM roomkeys_backups WHERE user_id = $1 AND version = $2 AND deleted`, string(user), number)
	return err
}

// keyPlace is where a key stands.
type keyPlace struct {
	user    matrix.UserID
	number  int64
	room    matrix.RoomID
	session string
}

// sumOctets is how many octets the data of all keys of a user have.
func sumOctets(ctx context.Context, tx *store.Tx, user matrix.UserID) (n int64, err error) {
	err = tx.QueryRow(ctx, `SELECT COALESCE(SUM(octets), 0) FROM roomkeys_backups WHERE user_id = $1 AND NOT deleted`, string(user)).Scan(&n)
	return n, err
}

// selectKey returns a key without its data, and how many octets that has.
func selectKey(ctx context.Context, tx *store.Tx, at keyPlace) (key Key, octets int64, found bool, err error) {
	err = tx.QueryRow(ctx, `SELECT is_verified, first_message_index, forwarded_count, OCTET_LENGTH(session_data) FROM roomkeys_keys
		WHERE user_id = $1 AND version = $2 AND room_id = $3 AND session_id = $4`,
		string(at.user), at.number, string(at.room), at.session).Scan(&key.IsVerified, &key.FirstMessageIndex, &key.ForwardedCount, &octets)
	if errors.Is(err, sql.ErrNoRows) {
		return Key{}, 0, false, nil
	}
	return key, octets, err == nil, err
}

func putKey(ctx context.Context, tx *store.Tx, at keyPlace, key Key) error {
	_, err := tx.Exec(ctx, `INSERT INTO roomkeys_keys
		(user_id, version, room_id, session_id, is_verified, first_message_index, forwarded_count, session_data) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
		ON CONFLICT (user_id, version, room_id, session_id) DO UPDATE SET
		is_verified = $5, first_message_index = $6, forwarded_count = $7, session_data = $8`,
		string(at.user), at.number, string(at.room), at.session, key.IsVerified, key.FirstMessageIndex, key.ForwardedCount, string(key.SessionData))
	return err
}

// where is the condition of a selection, after other parameters.
func (s Selection) where(args ...any) (condition string, all []any) {
	if s.Room != "" {
		args = append(args, string(s.Room))
		condition += fmt.Sprintf(" AND room_id = $%d", len(args))
	}
	if s.Session != "" {
		args = append(args, s.Session)
		condition += fmt.Sprintf(" AND session_id = $%d", len(args))
	}
	return condition, args
}

// selectKeys returns so many keys at most of those that are selected and come after a
// place.
func selectKeys(ctx context.Context, q store.Queryer, after keyPlace, s Selection, most int) ([]PlacedKey, error) {
	condition, args := s.where(string(after.user), after.number, string(after.room), after.session, most)
	rows, err := q.Query(ctx, `SELECT room_id, session_id, is_verified, first_message_index, forwarded_count, session_data FROM roomkeys_keys
		WHERE user_id = $1 AND version = $2 AND (room_id, session_id) > ($3, $4)`+condition+` ORDER BY room_id, session_id LIMIT $5`, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var keys []PlacedKey
	for rows.Next() {
		var k PlacedKey
		if err := rows.Scan(&k.Room, &k.Session, &k.IsVerified, &k.FirstMessageIndex, &k.ForwardedCount, (*[]byte)(&k.SessionData)); err != nil {
			return nil, err
		}
		keys = append(keys, k)
	}
	return keys, rows.Err()
}

// deleteKeys returns how many keys were selected, and how many octets their data had.
func deleteKeys(ctx context.Context, tx *store.Tx, user matrix.UserID, number int64, s Selection) (n, octets int64, err error) {
	condition, args := s.where(string(user), number)
	const these = ` FROM roomkeys_keys WHERE user_id = $1 AND version = $2`
	err = tx.QueryRow(ctx, `SELECT COUNT(*), COALESCE(SUM(OCTET_LENGTH(session_data)), 0)`+these+condition, args...).Scan(&n, &octets)
	if err != nil || n == 0 {
		return 0, 0, err
	}
	_, err = tx.Exec(ctx, `DELETE`+these+condition, args...)
	return n, octets, err
}
