package publication

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/matrix"
	"signet/internal/store"
)

// putWish has a user agree, whether for the first time or anew.
func putWish(ctx context.Context, tx *store.Tx, user matrix.UserID, at matrix.ServerName, now time.Time) error {
	_, err := tx.Exec(ctx, `INSERT INTO publication_wishes (user_id, id_server, agreed, wish, fulfilled, sent, version, promised_ms,
			held_until_ms, found, found_version, checked_ms, alarm_ms, problem, tries, due_ms)
		VALUES ($1, $2, TRUE, 1, 0, '', -1, 0, 0, '', -1, 0, 0, '', 0, $3)
		ON CONFLICT (user_id, id_server) DO UPDATE SET agreed = TRUE, wish = publication_wishes.wish + 1, problem = '', tries = 0, due_ms = $3`,
		string(user), string(at), now.UnixMilli())
	return err
}

// withdrawWishes has a user agree no more, at all directories.
func withdrawWishes(ctx context.Context, tx *store.Tx, user matrix.UserID, now time.Time) error {
	_, err := tx.Exec(ctx, `UPDATE publication_wishes SET agreed = FALSE, wish = wish + 1, sent = '', problem = '', tries = 0, due_ms = $2
		WHERE user_id = $1 AND agreed`, string(user), now.UnixMilli())
	return err
}

// renewWishes has a user who agrees wish anew.
func renewWishes(ctx context.Context, tx *store.Tx, user matrix.UserID, now time.Time) error {
	_, err := tx.Exec(ctx, `UPDATE publication_wishes SET wish = wish + 1, problem = '', tries = 0, due_ms = $2
		WHERE user_id = $1 AND agreed`, string(user), now.UnixMilli())
	return err
}

// selectElsewhere is who agrees to be published at another directory.
func selectElsewhere(ctx context.Context, q store.Queryer, at matrix.ServerName) ([]matrix.UserID, error) {
	return store.Collect(ctx, q, func(rows *sql.Rows) (user matrix.UserID, err error) { return user, rows.Scan(&user) },
		`SELECT DISTINCT user_id FROM publication_wishes WHERE agreed AND id_server <> $1`, string(at))
}

const wishColumns = `SELECT user_id, id_server, agreed, wish, fulfilled, sent, version, promised_ms, held_until_ms, found, found_version,
	checked_ms, alarm_ms, problem, tries, due_ms FROM publication_wishes `

func scanWish(row interface{ Scan(...any) error }) (w wish, err error) {
	var sent string
	var promised, held, checked, alarm, due int64
	err = row.Scan(&w.user, &w.at, &w.agreed, &w.number, &w.fulfilled, &sent, &w.version, &promised, &held, &w.found, &w.foundVersion,
		&checked, &alarm, &w.problem, &w.tries, &due)
	w.sent = jsontext.Value(sent)
	w.promised, w.heldUntil, w.checked = store.Time(promised), store.Time(held), store.Time(checked)
	w.alarm, w.due = store.Time(alarm), store.Time(due)
	return w, err
}

// selectDueServers is where something is due.
func selectDueServers(ctx context.Context, q store.Queryer, now time.Time) ([]matrix.ServerName, error) {
	return store.Collect(ctx, q, func(rows *sql.Rows) (at matrix.ServerName, err error) { return at, rows.Scan(&at) },
		`SELECT DISTINCT id_server FROM publication_wishes WHERE due_ms <= $1 ORDER BY id_server`, now.UnixMilli())
}

func selectDueWishes(ctx context.Context, q store.Queryer, at matrix.ServerName, now time.Time, most int) ([]wish, error) {
	return store.Collect(ctx, q, func(rows *sql.Rows) (wish, error) { return scanWish(rows) },
		wishColumns+`WHERE due_ms <= $1 AND id_server = $2 ORDER BY due_ms LIMIT $3`, now.UnixMilli(), string(at), most)
}

func selectWish(ctx context.Context, q store.Queryer, user matrix.UserID, at matrix.ServerName) (w wish, there bool, err error) {
	w, err = scanWish(q.QueryRow(ctx, wishColumns+`WHERE user_id = $1 AND id_server = $2`, string(user), string(at)))
	if errors.Is(err, sql.ErrNoRows) {
		return wish{}, false, nil
	}
	return w, err == nil, err
}

// updateWish writes what has become of a wish, and tells whether it is still what the user
// wishes: otherwise nothing is written.
func updateWish(ctx context.Context, q store.Queryer, w wish) (bool, error) {
	return store.Changed(q.Exec(ctx, `UPDATE publication_wishes SET fulfilled = $4, sent = $5, version = $6, promised_ms = $7, held_until_ms = $8, found = $9,
			found_version = $10, checked_ms = $11, alarm_ms = $12, problem = $13, tries = $14, due_ms = $15
		WHERE user_id = $1 AND id_server = $2 AND wish = $3`,
		string(w.user), string(w.at), w.number, w.fulfilled, string(w.sent), w.version, store.Millis(w.promised), store.Millis(w.heldUntil), string(w.found),
		w.foundVersion, store.Millis(w.checked), store.Millis(w.alarm), string(w.problem), w.tries, store.Millis(w.due)))
}

// deleteWish forgets a wish to be erased, unless the user wishes something else by now, and with
// the last one which keys were the user's.
func deleteWish(ctx context.Context, tx *store.Tx, w wish) error {
	if _, err := tx.Exec(ctx, `DELETE FROM publication_wishes WHERE user_id = $1 AND id_server = $2 AND wish = $3 AND NOT agreed`,
		string(w.user), string(w.at), w.number); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `DELETE FROM publication_keys WHERE user_id = $1
		AND NOT EXISTS (SELECT 1 FROM publication_wishes WHERE user_id = $1)`, string(w.user))
	return err
}

func insertKey(ctx context.Context, tx *store.Tx, user matrix.UserID, key string) error {
	_, err := tx.Exec(ctx, `INSERT INTO publication_keys (user_id, key) VALUES ($1, $2) ON CONFLICT DO NOTHING`, string(user), key)
	return err
}

// selectKeys is the keys that were ever sent for a user.
func selectKeys(ctx context.Context, q store.Queryer, user matrix.UserID) (map[string]bool, error) {
	known := map[string]bool{}
	_, err := store.Collect(ctx, q, func(rows *sql.Rows) (key string, err error) {
		err = rows.Scan(&key)
		known[key] = true
		return key, err
	}, `SELECT key FROM publication_keys WHERE user_id = $1`, string(user))
	return known, err
}

func selectStatus(ctx context.Context, q store.Queryer) (s Status, err error) {
	err = q.QueryRow(ctx, `SELECT COALESCE(SUM(CASE WHEN fulfilled < wish THEN 1 ELSE 0 END), 0),
		COALESCE(SUM(CASE WHEN agreed AND alarm_ms > 0 THEN 1 ELSE 0 END), 0) FROM publication_wishes`).Scan(&s.Waiting, &s.Alarms)
	return s, err
}
