package e2ee

import (
	"context"
	"database/sql"
	"errors"

	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/homeserver/e2ee/signedkey"
	"signet/internal/homeserver/stream"
	"signet/internal/store"
)

// selectOneTime returns the one-time keys of a device that wait, by their names.
func selectOneTime(ctx context.Context, tx *store.Tx, d Device) (map[string]string, error) {
	rows, err := tx.Query(ctx, `SELECT algorithm, key_id, json FROM e2ee_one_time_keys WHERE user_id = $1 AND device_id = $2`,
		string(d.User), string(d.ID))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	keys := map[string]string{}
	for rows.Next() {
		var algorithm, id, json string
		if err := rows.Scan(&algorithm, &id, &json); err != nil {
			return nil, err
		}
		keys[algorithm+":"+id] = json
	}
	return keys, rows.Err()
}

func insertOneTime(ctx context.Context, tx *store.Tx, d Device, pos stream.Pos, key signedkey.OneTime) error {
	_, err := tx.Exec(ctx, `INSERT INTO e2ee_one_time_keys (user_id, device_id, algorithm, key_id, pos, json) VALUES ($1, $2, $3, $4, $5, $6)`,
		string(d.User), string(d.ID), key.Algorithm, key.ID, int64(pos), string(key.JSON))
	return err
}

// takeOneTime deletes the oldest key and returns it.
func takeOneTime(ctx context.Context, tx *store.Tx, c claim) (id string, json jsontext.Value, found bool, err error) {
	err = tx.QueryRow(ctx, `DELETE FROM e2ee_one_time_keys WHERE user_id = $1 AND device_id = $2 AND algorithm = $3 AND key_id =
		(SELECT key_id FROM e2ee_one_time_keys WHERE user_id = $1 AND device_id = $2 AND algorithm = $3 ORDER BY pos, key_id LIMIT 1)
		RETURNING key_id, json`, string(c.User), string(c.ID), c.algorithm).Scan(&id, (*[]byte)(&json))
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil, false, nil
	}
	return id, json, err == nil, err
}

// insertGiven remembers that a key was given out.
func insertGiven(ctx context.Context, tx *store.Tx, c claim, id string, pos stream.Pos) error {
	_, err := tx.Exec(ctx, `INSERT INTO e2ee_given_keys (user_id, device_id, algorithm, key_id, pos) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (user_id, device_id, algorithm, key_id) DO UPDATE SET pos = $5`,
		string(c.User), string(c.ID), c.algorithm, id, int64(pos))
	return err
}

// selectGiven returns the names of the keys that were given out.
func selectGiven(ctx context.Context, tx *store.Tx, d Device) (map[string]bool, error) {
	rows, err := tx.Query(ctx, `SELECT algorithm, key_id FROM e2ee_given_keys WHERE user_id = $1 AND device_id = $2`, string(d.User), string(d.ID))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	given := map[string]bool{}
	for rows.Next() {
		var algorithm, id string
		if err := rows.Scan(&algorithm, &id); err != nil {
			return nil, err
		}
		given[algorithm+":"+id] = true
	}
	return given, rows.Err()
}

// trimGiven forgets all but the latest keys that were given out.
func trimGiven(ctx context.Context, tx *store.Tx, d Device, kept int) error {
	_, err := tx.Exec(ctx, `DELETE FROM e2ee_given_keys WHERE user_id = $1 AND device_id = $2 AND pos <
		(SELECT pos FROM e2ee_given_keys WHERE user_id = $1 AND device_id = $2 ORDER BY pos DESC LIMIT 1 OFFSET $3)`,
		string(d.User), string(d.ID), kept-1)
	return err
}

// fallbackKey is a fallback key by its whole name.
type fallbackKey struct {
	name string
	json jsontext.Value
}

// selectFallback returns the zero value where there is none.
func selectFallback(ctx context.Context, tx *store.Tx, d Device, algorithm string) (key fallbackKey, err error) {
	var id string
	err = tx.QueryRow(ctx, `SELECT key_id, json FROM e2ee_fallback_keys WHERE user_id = $1 AND device_id = $2 AND algorithm = $3`,
		string(d.User), string(d.ID), algorithm).Scan(&id, (*[]byte)(&key.json))
	if errors.Is(err, sql.ErrNoRows) {
		return fallbackKey{}, nil
	}
	key.name = algorithm + ":" + id
	return key, err
}

// putFallback takes the place of another key of the algorithm.
func putFallback(ctx context.Context, tx *store.Tx, d Device, key signedkey.OneTime) error {
	_, err := tx.Exec(ctx, `INSERT INTO e2ee_fallback_keys (user_id, device_id, algorithm, key_id, json, used) VALUES ($1, $2, $3, $4, $5, FALSE)
		ON CONFLICT (user_id, device_id, algorithm) DO UPDATE SET key_id = $4, json = $5, used = FALSE`,
		string(d.User), string(d.ID), key.Algorithm, key.ID, string(key.JSON))
	return err
}

func useFallback(ctx context.Context, tx *store.Tx, c claim) error {
	_, err := tx.Exec(ctx, `UPDATE e2ee_fallback_keys SET used = TRUE WHERE user_id = $1 AND device_id = $2 AND algorithm = $3 AND NOT used`,
		string(c.User), string(c.ID), c.algorithm)
	return err
}

// selectSupply returns how many one-time keys a device has, by algorithm, and the
// algorithms of its fallback keys that are not used. /sync asks each time.
func selectSupply(ctx context.Context, q store.Queryer, d Device) (counts map[string]int64, unused []string, err error) {
	rows, err := q.Query(ctx, `SELECT algorithm, COUNT(*) FROM e2ee_one_time_keys WHERE user_id = $1 AND device_id = $2 GROUP BY algorithm
		UNION ALL SELECT algorithm, 0 FROM e2ee_fallback_keys WHERE user_id = $1 AND device_id = $2 AND NOT used`,
		string(d.User), string(d.ID))
	if err != nil {
		return nil, nil, err
	}
	defer rows.Close()
	counts, unused = map[string]int64{}, []string{}
	for rows.Next() {
		var algorithm string
		var n int64
		if err := rows.Scan(&algorithm, &n); err != nil {
			return nil, nil, err
		}
		if n == 0 { // no group is empty: a fallback key
			unused = append(unused, algorithm)
		} else {
			counts[algorithm] = n
		}
	}
	return counts, unused, rows.Err()
}

// deleteOneTime deletes all one-time and fallback keys of a device, and the names of
// those that were given out.
func deleteOneTime(ctx context.Context, tx *store.Tx, d Device) error {
	for _, statement := range []string{
		`DELETE FROM e2ee_one_time_keys WHERE user_id = $1 AND device_id = $2`,
		`DELETE FROM e2ee_given_keys WHERE user_id = $1 AND device_id = $2`,
		`DELETE FROM e2ee_fallback_keys WHERE user_id = $1 AND device_id = $2`,
	} {
		if _, err := tx.Exec(ctx, statement, string(d.User), string(d.ID)); err != nil {
			return err
		}
	}
	return nil
}
