package keyring

import (
	"context"
	"database/sql"
	"time"

	"signet/internal/matrix"
	"signet/internal/store"
)

// place is where a ring's keys are: the rows of table whose purpose is label, sealed in
// the box of that name. Both tables have the same columns.
type place struct{ table, label, box string }

// placeOf is where the keys for p are: those of a program's first purpose are where its
// only key was before there were several.
func placeOf(p Purpose, first bool) place {
	if first {
		return place{table: "keyring_keys", label: "", box: "signing keys"}
	}
	return place{table: "keyring_others", label: string(p), box: "keys for " + string(p)}
}

// keyRow is a key with its private half.
type keyRow struct {
	Key
	sealed []byte
}

func (r *Ring) selectCurrent(ctx context.Context, q store.Queryer) (row keyRow, err error) {
	err = q.QueryRow(ctx, `SELECT key_id, sealed FROM `+r.at.table+` WHERE purpose = $1 AND retired_ms = 0`, r.at.label).
		Scan(&row.ID, &row.sealed)
	return row, err
}

// selectKeys reads the keys that may be believed, and if asked for those of a log, too, that
// are revoked and not forgotten.
func (r *Ring) selectKeys(ctx context.Context, q store.Queryer, revoked bool) ([]keyRow, error) {
	rows, err := q.Query(ctx, `SELECT key_id, public_key, created_ms, retired_ms, ends_ms, revoked_ms, reason, sealed FROM `+r.at.table+`
		WHERE purpose = $1 AND (revoked_ms = 0 OR $2) ORDER BY serial DESC`, r.at.label, revoked)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var keys []keyRow
	for rows.Next() {
		var k keyRow
		if k.Key, err = scanKey(rows.Scan, &k.sealed); err != nil {
			return nil, err
		}
		keys = append(keys, k)
	}
	return keys, rows.Err()
}

// selectHistory is one statement, so that a key is in it once even while it is revoked.
func (r *Ring) selectHistory(ctx context.Context, q store.Queryer) ([]Key, error) {
	rows, err := q.Query(ctx, `SELECT key_id, public_key, created_ms, retired_ms, ends_ms, revoked_ms, reason, serial
			FROM `+r.at.table+` WHERE purpose = $1
		UNION ALL SELECT key_id, public_key, created_ms, retired_ms, 0 AS ends_ms, revoked_ms, reason, serial
			FROM keyring_revoked WHERE purpose = $1
		ORDER BY serial DESC`, r.at.label)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var keys []Key
	for rows.Next() {
		var serial int64
		k, err := scanKey(rows.Scan, &serial)
		if err != nil {
			return nil, err
		}
		keys = append(keys, k)
	}
	return keys, rows.Err()
}

func (r *Ring) selectRevoked(ctx context.Context, q store.Queryer, id matrix.KeyID) (Key, error) {
	return scanKey(q.QueryRow(ctx, `SELECT key_id, public_key, created_ms, retired_ms, 0, revoked_ms, reason
		FROM keyring_revoked WHERE purpose = $1 AND key_id = $2`, r.at.label, string(id)).Scan)
}

func (r *Ring) selectKey(ctx context.Context, q store.Queryer, id matrix.KeyID) (Key, error) {
	return scanKey(q.QueryRow(ctx, `SELECT key_id, public_key, created_ms, retired_ms, ends_ms, revoked_ms, reason
		FROM `+r.at.table+` WHERE purpose = $1 AND key_id = $2`, r.at.label, string(id)).Scan)
}

func scanKey(scan func(...any) error, more ...any) (k Key, err error) {
	var created, retired, ends, revoked int64
	err = scan(append([]any{&k.ID, &k.Public, &created, &retired, &ends, &revoked, &k.Reason}, more...)...)
	k.Created, k.Retired, k.Ends, k.Revoked = store.Time(created), store.Time(retired), store.Time(ends), store.Time(revoked)
	return k, err
}

// retireCurrent retires the key that signs; ends is zero where it does not go on signing.
func (r *Ring) retireCurrent(ctx context.Context, tx *store.Tx, now, ends time.Time) error {
	ms := int64(0)
	if !ends.IsZero() {
		ms = ends.UnixMilli()
	}
	_, err := tx.Exec(ctx, `UPDATE `+r.at.table+` SET retired_ms = $1, ends_ms = $2 WHERE purpose = $3 AND retired_ms = 0`, now.UnixMilli(), ms, r.at.label)
	return err
}

// end has a retired key sign no more beside its successor.
func (r *Ring) end(ctx context.Context, q store.Queryer, id matrix.KeyID, now time.Time) error {
	_, err := q.Exec(ctx, `UPDATE `+r.at.table+` SET ends_ms = $1 WHERE purpose = $2 AND key_id = $3 AND retired_ms <> 0 AND ends_ms > $1`,
		now.UnixMilli(), r.at.label, string(id))
	return err
}

// markRevoked revokes a retired key that is to sign once more, that it is revoked.
func (r *Ring) markRevoked(ctx context.Context, tx *store.Tx, id matrix.KeyID, reason string, now time.Time) error {
	_, err := tx.Exec(ctx, `UPDATE `+r.at.table+` SET revoked_ms = $1, reason = $2, ends_ms = $1 WHERE purpose = $3 AND key_id = $4 AND retired_ms <> 0`,
		now.UnixMilli(), reason, r.at.label, string(id))
	return err
}

func (r *Ring) insertKey(ctx context.Context, tx *store.Tx, k Key, sealed []byte) error {
	_, err := tx.Exec(ctx, `INSERT INTO `+r.at.table+` (serial, key_id, public_key, sealed, created_ms, purpose)
		SELECT COALESCE(MAX(serial), 0) + 1, $1, $2, $3, $4, $5 FROM `+r.at.table,
		string(k.ID), []byte(k.Public), sealed, k.Created.UnixMilli(), r.at.label)
	return err
}

// moveToRevoked takes only a key that signs no more; sql.ErrNoRows says that there is
// none.
func (r *Ring) moveToRevoked(ctx context.Context, tx *store.Tx, id matrix.KeyID, reason string, now time.Time) error {
	moved, err := store.Changed(tx.Exec(ctx, `INSERT INTO keyring_revoked (key_id, purpose, serial, public_key, created_ms, retired_ms, revoked_ms, reason)
		SELECT key_id, purpose, serial, public_key, created_ms, retired_ms, $1, $2
		FROM `+r.at.table+` WHERE purpose = $3 AND key_id = $4 AND retired_ms <> 0`,
		now.UnixMilli(), reason, r.at.label, string(id)))
	if err != nil {
		return err
	}
	if !moved {
		return sql.ErrNoRows
	}
	_, err = tx.Exec(ctx, `DELETE FROM `+r.at.table+` WHERE key_id = $1`, string(id))
	return err
}
