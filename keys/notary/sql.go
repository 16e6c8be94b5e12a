package notary

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"signet/internal/matrix"
	"signet/internal/store"
)

// selectLast is zero for a server without records of that kind.
func selectLast(ctx context.Context, q store.Queryer, k kind, server matrix.ServerName) (l last, err error) {
	var ms int64
	err = q.QueryRow(ctx, `SELECT n, hash, ms FROM notary_records WHERE kind = $1 AND server = $2 ORDER BY n DESC LIMIT 1`,
		string(k), server.String()).Scan(&l.n, &l.hash, &ms)
	if errors.Is(err, sql.ErrNoRows) {
		return last{}, nil
	}
	l.at = store.Time(ms)
	return l, err
}

func insertRecord(ctx context.Context, q store.Queryer, k kind, server matrix.ServerName, l last, record []byte) error {
	_, err := q.Exec(ctx, `INSERT INTO notary_records (kind, server, n, ms, record, hash, position) VALUES ($1, $2, $3, $4, $5, $6, 0)`,
		string(k), server.String(), l.n, l.at.UnixMilli(), record, l.hash)
	return err
}

// selectRecord is a record and its position, 0 if it is not logged. The error is
// sql.ErrNoRows where there is none.
func selectRecord(ctx context.Context, q store.Queryer, k kind, server matrix.ServerName, n int64) (record []byte, position int64, err error) {
	err = q.QueryRow(ctx, `SELECT record, position FROM notary_records WHERE kind = $1 AND server = $2 AND n = $3`,
		string(k), server.String(), n).Scan(&record, &position)
	return record, position, err
}

// selectPolicyPosition is where the newest record of the policy about a name is logged; 0
// where there is none, or it is not.
func selectPolicyPosition(ctx context.Context, q store.Queryer, name matrix.ServerName) (position int64, err error) {
	err = q.QueryRow(ctx, `SELECT position FROM notary_records WHERE kind = $1 AND server = $2 ORDER BY n DESC LIMIT 1`,
		string(policy), name.String()).Scan(&position)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return position, err
}

// selectPolicyPositions is where the newest record of the policy about each name is logged,
// if it is.
func selectPolicyPositions(ctx context.Context, q store.Queryer) (map[matrix.ServerName]int64, error) {
	rows, err := q.Query(ctx, `SELECT server, position FROM notary_records r WHERE kind = $1 AND position > 0
		AND n = (SELECT MAX(n) FROM notary_records newest WHERE newest.kind = r.kind AND newest.server = r.server)`, string(policy))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := map[matrix.ServerName]int64{}
	for rows.Next() {
		var name string
		var position int64
		if err := rows.Scan(&name, &position); err != nil {
			return nil, err
		}
		all[matrix.ServerName(name)] = position
	}
	return all, rows.Err()
}

// selectLogged is the records of all kinds about a server that are logged before a position,
// 0 for the end of the log, the newest first.
func selectLogged(ctx context.Context, q store.Queryer, server matrix.ServerName, before int64, most int) (all []Record, err error) {
	rows, err := q.Query(ctx, `SELECT position, record FROM notary_records WHERE kind IN ($1, $2, $3, $4) AND server = $5 AND position > 0
		AND ($6 = 0 OR position < $6) ORDER BY position DESC LIMIT $7`,
		string(serverKeys), string(conflict), string(decision), string(policy), server.String(), before, most)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var r Record
		if err := rows.Scan(&r.Position, (*[]byte)(&r.Record)); err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	return all, rows.Err()
}

// pending is a record that is not logged.
type pending struct {
	kind   kind
	server matrix.ServerName
	n      int64
	record []byte
}

func selectPending(ctx context.Context, q store.Queryer, limit int) (all []pending, err error) {
	rows, err := q.Query(ctx, `SELECT kind, server, n, record FROM notary_records WHERE position = 0
		ORDER BY ms, kind, server, n LIMIT $1`, limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var p pending
		if err := rows.Scan(&p.kind, &p.server, &p.n, &p.record); err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, rows.Err()
}

func countPending(ctx context.Context, q store.Queryer) (n int64, err error) {
	err = q.QueryRow(ctx, `SELECT COUNT(*) FROM notary_records WHERE position = 0`).Scan(&n)
	return n, err
}

// updatePosition tells whether the record was not logged yet.
func updatePosition(ctx context.Context, q store.Queryer, p pending, position int64) (bool, error) {
	return store.Changed(q.Exec(ctx, `UPDATE notary_records SET position = $1 WHERE kind = $2 AND server = $3 AND n = $4 AND position = 0`,
		position, string(p.kind), p.server.String(), p.n))
}

// selectKnown is the zero known for a server that was never met.
func selectKnown(ctx context.Context, q store.Queryer, server matrix.ServerName) (k known, err error) {
	var due, asked, until, fetched int64
	err = q.QueryRow(ctx, `SELECT s.current_n, COALESCE(o.valid_until_ms, 0), COALESCE(o.fetched_ms, 0), s.held_n, s.due_ms, s.asked_ms
		FROM notary_servers s LEFT JOIN notary_objects o ON o.server = s.server AND o.n = s.current_n
		WHERE s.server = $1`, server.String()).Scan(&k.current.n, &until, &fetched, &k.held, &due, &asked)
	if errors.Is(err, sql.ErrNoRows) {
		return known{}, nil
	}
	if err != nil {
		return known{}, err
	}
	k.current.until, k.current.fetched = time.UnixMilli(until), store.Time(fetched)
	k.due, k.asked = store.Time(due), store.Time(asked)
	k.keys, err = selectKeys(ctx, q, server)
	return k, err
}

func selectKeys(ctx context.Context, q store.Queryer, server matrix.ServerName) (map[matrix.KeyID]key, error) {
	rows, err := q.Query(ctx, `SELECT key_id, public_key, n, expired_ms FROM notary_keys WHERE server = $1`, server.String())
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	keys := map[matrix.KeyID]key{}
	for rows.Next() {
		var id matrix.KeyID
		var k key
		var expired int64
		if err := rows.Scan(&id, &k.public, &k.n, &expired); err != nil {
			return nil, err
		}
		k.expired = store.Time(expired)
		keys[id] = k
	}
	return keys, rows.Err()
}

// selectNumber finds an object by its hash: 0 where it is new.
func selectNumber(ctx context.Context, q store.Queryer, server matrix.ServerName, hash []byte) (n int64, isTrusted bool, err error) {
	err = q.QueryRow(ctx, `SELECT n, trusted FROM notary_objects WHERE server = $1 AND object_hash = $2`, server.String(), hash).Scan(&n, &isTrusted)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, false, nil
	}
	return n, isTrusted, err
}

func selectHash(ctx context.Context, q store.Queryer, server matrix.ServerName, n int64) (hash []byte, err error) {
	err = q.QueryRow(ctx, `SELECT object_hash FROM notary_objects WHERE server = $1 AND n = $2`, server.String(), n).Scan(&hash)
	return hash, err
}

// upsertObject writes an object, or that one was fetched once more. What was trusted stays
// so.
func upsertObject(ctx context.Context, q store.Queryer, server matrix.ServerName, o object, hash []byte, isTrusted bool) error {
	_, err := q.Exec(ctx, `INSERT INTO notary_objects (server, n, object_hash, valid_until_ms, fetched_ms, trusted) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (server, n) DO UPDATE SET valid_until_ms = $4, fetched_ms = $5, trusted = notary_objects.trusted OR $6`,
		server.String(), o.n, hash, o.until.UnixMilli(), o.fetched.UnixMilli(), isTrusted)
	return err
}

func upsertServer(ctx context.Context, q store.Queryer, server matrix.ServerName, k known) error {
	_, err := q.Exec(ctx, `INSERT INTO notary_servers (server, current_n, held_n, due_ms, asked_ms) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (server) DO UPDATE SET current_n = $2, held_n = $3, due_ms = $4, asked_ms = $5`,
		server.String(), k.current.n, k.held, store.Millis(k.due), k.asked.UnixMilli())
	return err
}

// upsertKey never changes the octets of a key id.
func upsertKey(ctx context.Context, q store.Queryer, server matrix.ServerName, id matrix.KeyID, k key) (bool, error) {
	return store.Changed(q.Exec(ctx, `INSERT INTO notary_keys (server, key_id, public_key, n, expired_ms) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (server, key_id) DO UPDATE SET n = $4, expired_ms = $5 WHERE notary_keys.public_key = $3`,
		server.String(), string(id), []byte(k.public), k.n, store.Millis(k.expired)))
}

// insertConflict writes octets of a key id that are refused, and tells whether it has: they were
// not before, and there is room.
func insertConflict(ctx context.Context, q store.Queryer, server matrix.ServerName, id matrix.KeyID, public []byte, most int) (bool, error) {
	return store.Changed(q.Exec(ctx, `INSERT INTO notary_conflicts (server, key_id, public_key)
		SELECT $1, $2, $3
		WHERE (SELECT COUNT(*) FROM notary_conflicts WHERE server = $1) < $4
		ON CONFLICT DO NOTHING`, server.String(), string(id), public, most))
}

// hasConflict tells whether octets of a key id were recorded as refused.
func hasConflict(ctx context.Context, q store.Queryer, server matrix.ServerName, id matrix.KeyID, public []byte) (is bool, err error) {
	err = q.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM notary_conflicts WHERE server = $1 AND key_id = $2 AND public_key = $3)`,
		server.String(), string(id), public).Scan(&is)
	return is, err
}

// selectConflicts reads the contradictions of a server, or of all for none, the oldest first,
// with the key that is known now.
func selectConflicts(ctx context.Context, q store.Queryer, of matrix.ServerName) (all []evidence, err error) {
	rows, err := q.Query(ctx, `SELECT record, position FROM notary_records WHERE kind = $1 AND (server = $2 OR $2 = '') ORDER BY ms, server, n`,
		string(conflict), of.String())
	if err != nil {
		return nil, err
	}
	all, err = scanConflicts(rows)
	if err != nil {
		return nil, err
	}
	for i := range all {
		e := &all[i]
		err := q.QueryRow(ctx, `SELECT public_key FROM notary_keys WHERE server = $1 AND key_id = $2`, e.Server.String(), string(e.KeyID)).Scan(&e.Known)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return nil, err
		}
	}
	return all, nil
}

func scanConflicts(rows *sql.Rows) (all []evidence, err error) {
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var record []byte
		var position int64
		if err := rows.Scan(&record, &position); err != nil {
			return nil, err
		}
		e, err := parseEvidence(record)
		if err != nil {
			return nil, err
		}
		e.Position = position
		all = append(all, e)
	}
	return all, rows.Err()
}

func selectHeld(ctx context.Context, q store.Queryer) (all []Held, err error) {
	rows, err := q.Query(ctx, `SELECT server, due_ms FROM notary_servers WHERE held_n > 0 ORDER BY due_ms, server`)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var h Held
		var due int64
		if err := rows.Scan(&h.Server, &due); err != nil {
			return nil, err
		}
		h.Due = store.Time(due)
		all = append(all, h)
	}
	return all, rows.Err()
}

// forgetServer forgets what is known of a server, but not its records.
func forgetServer(ctx context.Context, tx *store.Tx, server matrix.ServerName) error {
	for _, table := range []string{"notary_keys", "notary_objects", "notary_conflicts", "notary_servers"} {
		if _, err := tx.Exec(ctx, `DELETE FROM `+table+` WHERE server = $1`, server.String()); err != nil {
			return err
		}
	}
	return nil
}

// selectServable is the numbers of what may be served of a server, from one downwards:
// trusted and, where needed, logged.
func selectServable(ctx context.Context, q store.Queryer, server matrix.ServerName, logged bool, from int64, most int) (all []int64, err error) {
	rows, err := q.Query(ctx, `SELECT o.n FROM notary_objects o JOIN notary_records r ON r.kind = $1 AND r.server = o.server AND r.n = o.n
		WHERE o.server = $2 AND o.trusted AND o.n <= $3 AND (r.position > 0 OR NOT $4) ORDER BY o.n DESC LIMIT $5`,
		string(serverKeys), server.String(), from, logged, most)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var n int64
		if err := rows.Scan(&n); err != nil {
			return nil, err
		}
		all = append(all, n)
	}
	return all, rows.Err()
}

// sweptAtATime keeps others from waiting long behind a sweep.
const sweptAtATime = 500

// deleteSuperseded deletes logged objects that were not seen since, hold no key that a newer
// one does not, and are not the last of their server; it tells how many.
func deleteSuperseded(ctx context.Context, q store.Queryer, seenBefore time.Time) (int64, error) {
	result, err := q.Exec(ctx, `DELETE FROM notary_objects WHERE (server, n) IN (
		SELECT o.server, o.n FROM notary_objects o
		JOIN notary_records r ON r.kind = $1 AND r.server = o.server AND r.n = o.n
		JOIN notary_servers s ON s.server = o.server
		WHERE o.fetched_ms < $2 AND r.position > 0 AND o.n <> s.current_n AND o.n <> s.held_n
		AND NOT EXISTS (SELECT 1 FROM notary_keys k WHERE k.server = o.server AND k.n = o.n)
		LIMIT $3)`, string(serverKeys), seenBefore.UnixMilli(), sweptAtATime)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// deleteRecords deletes the records of objects that are gone. The last of a server stays: the
// next one names it.
func deleteRecords(ctx context.Context, q store.Queryer, before time.Time) (int64, error) {
	result, err := q.Exec(ctx, `DELETE FROM notary_records WHERE (kind, server, n) IN (
		SELECT r.kind, r.server, r.n FROM notary_records r
		WHERE r.kind = $1 AND r.ms < $2 AND r.position > 0
		AND NOT EXISTS (SELECT 1 FROM notary_objects o WHERE o.server = r.server AND o.n = r.n)
		AND EXISTS (SELECT 1 FROM notary_records later WHERE later.kind = r.kind AND later.server = r.server AND later.n > r.n)
		LIMIT $3)`, string(serverKeys), before.UnixMilli(), sweptAtATime)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}
