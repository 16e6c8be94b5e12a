package userdata

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/homeserver/stream"
	"signet/internal/matrix"
	"signet/internal/store"
)

func putAccountData(ctx context.Context, tx *store.Tx, user matrix.UserID, i Item) error {
	_, err := tx.Exec(ctx, `INSERT INTO userdata_account_data (user_id, room_id, type, content, pos) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (user_id, room_id, type) DO UPDATE SET content = $4, pos = $5`,
		string(user), string(i.Room), i.Type, string(i.Content), int64(i.Pos))
	return err
}

// usage is how much a user keeps, and how large a piece was that is to be replaced, -1 if
// there is none.
type usage struct{ items, octets, before int64 }

func selectUsage(ctx context.Context, tx *store.Tx, user matrix.UserID, i Item) (u usage, err error) {
	err = tx.QueryRow(ctx, `SELECT COALESCE((SELECT items FROM userdata_usage WHERE user_id = $1), 0),
		COALESCE((SELECT octets FROM userdata_usage WHERE user_id = $1), 0),
		COALESCE((SELECT OCTET_LENGTH(content) FROM userdata_account_data WHERE user_id = $1 AND room_id = $2 AND type = $3), -1)`,
		string(user), string(i.Room), i.Type).Scan(&u.items, &u.octets, &u.before)
	return u, err
}

func putUsage(ctx context.Context, tx *store.Tx, user matrix.UserID, items, octets int64) error {
	_, err := tx.Exec(ctx, `INSERT INTO userdata_usage (user_id, items, octets) VALUES ($1, $2, $3)
		ON CONFLICT (user_id) DO UPDATE SET items = $2, octets = $3`, string(user), items, octets)
	return err
}

func selectAccountData(ctx context.Context, q store.Queryer, at Place, kind string) (jsontext.Value, error) {
	return one(q.QueryRow(ctx, `SELECT content FROM userdata_account_data WHERE user_id = $1 AND room_id = $2 AND type = $3`,
		string(at.User), string(at.Room), kind))
}

func selectChanges(ctx context.Context, q store.Queryer, user matrix.UserID, after, upTo stream.Pos) (items []Item, err error) {
	rows, err := q.Query(ctx, `SELECT room_id, type, content, pos FROM userdata_account_data
		WHERE user_id = $1 AND pos > $2 AND pos <= $3 ORDER BY pos`, string(user), int64(after), int64(upTo))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var i Item
		var content string
		if err := rows.Scan(&i.Room, &i.Type, &content, &i.Pos); err != nil {
			return nil, err
		}
		i.Content = jsontext.Value(content)
		items = append(items, i)
	}
	return items, rows.Err()
}

func selectProfile(ctx context.Context, q store.Queryer, user matrix.UserID) (Profile, error) {
	rows, err := q.Query(ctx, `SELECT field, value FROM userdata_profiles WHERE user_id = $1`, string(user))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	p := Profile{}
	for rows.Next() {
		var field, value string
		if err := rows.Scan(&field, &value); err != nil {
			return nil, err
		}
		p[field] = jsontext.Value(value)
	}
	return p, rows.Err()
}

// eachText reads a field that is text, of some users, or of all if there are none.
func eachText(ctx context.Context, q store.Queryer, users []matrix.UserID, do func(user matrix.UserID, field, value string)) error {
	query := `SELECT user_id, field, value FROM userdata_profiles WHERE field IN ($1, $2)`
	args := []any{DisplayName, AvatarURL}
	if len(users) > 0 {
		query += ` AND user_id IN (` + store.Parameters(3, len(users)) + `)`
	}
	for _, user := range users {
		args = append(args, string(user))
	}
	_, err := store.Collect(ctx, q, func(rows *sql.Rows) (none struct{}, err error) {
		var user matrix.UserID
		var field, value string
		if err := rows.Scan(&user, &field, &value); err != nil {
			return none, err
		}
		do(user, field, value)
		return none, nil
	}, query, args...)
	return err
}

func putField(ctx context.Context, tx *store.Tx, user matrix.UserID, field string, value jsontext.Value) error {
	_, err := tx.Exec(ctx, `INSERT INTO userdata_profiles (user_id, field, value) VALUES ($1, $2, $3)
		ON CONFLICT (user_id, field) DO UPDATE SET value = $3`, string(user), field, string(value))
	return err
}

func deleteField(ctx context.Context, tx *store.Tx, user matrix.UserID, field string) error {
	_, err := tx.Exec(ctx, `DELETE FROM userdata_profiles WHERE user_id = $1 AND field = $2`, string(user), field)
	return err
}

// storedFilter is a filter in canonical form.
type storedFilter struct {
	id   string
	text jsontext.Value
	made time.Time
}

func insertFilter(ctx context.Context, tx *store.Tx, user matrix.UserID, f storedFilter) error {
	_, err := tx.Exec(ctx, `INSERT INTO userdata_filters (user_id, filter_id, filter, created_ms) VALUES ($1, $2, $3, $4)
		ON CONFLICT DO NOTHING`, string(user), f.id, string(f.text), f.made.UnixMilli())
	return err
}

func selectFilter(ctx context.Context, q store.Queryer, user matrix.UserID, id string) (jsontext.Value, error) {
	return one(q.QueryRow(ctx, `SELECT filter FROM userdata_filters WHERE user_id = $1 AND filter_id = $2`, string(user), id))
}

// deleteOldFilters leaves a user the newest filters, as many as are kept.
func deleteOldFilters(ctx context.Context, tx *store.Tx, user matrix.UserID) error {
	_, err := tx.Exec(ctx, `DELETE FROM userdata_filters WHERE user_id = $1 AND filter_id IN (SELECT filter_id FROM
		(SELECT filter_id, ROW_NUMBER() OVER newest AS n, SUM(OCTET_LENGTH(filter)) OVER newest AS octets
			FROM userdata_filters WHERE user_id = $1 WINDOW newest AS (ORDER BY created_ms DESC, filter_id)) AS kept
		WHERE n > $2 OR octets > $3)`, string(user), maxFilters, maxFilterOctets)
	return err
}

func deleteOfUser(ctx context.Context, tx *store.Tx, user matrix.UserID) error {
	for _, statement := range []string{
		`DELETE FROM userdata_profiles WHERE user_id = $1`,
		`DELETE FROM userdata_filters WHERE user_id = $1`,
		`DELETE FROM userdata_account_data WHERE user_id = $1`,
		`DELETE FROM userdata_usage WHERE user_id = $1`,
	} {
		if _, err := tx.Exec(ctx, statement, string(user)); err != nil {
			return err
		}
	}
	return nil
}

// one is the JSON of the one row there is; ErrNone if there is none.
func one(row *sql.Row) (jsontext.Value, error) {
	var text string
	err := row.Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, ErrNone
	}
	return jsontext.Value(text), err
}
