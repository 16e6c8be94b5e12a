package contact

import (
	"context"
	"time"

	"signet/internal/matrix"
	"signet/internal/seal"
	"signet/internal/store"
	"signet/internal/threepid"
)

// insertBinding tells whether it is new.
func insertBinding(ctx context.Context, tx *store.Tx, user matrix.UserID, server matrix.ServerName, index, sealed []byte) (bool, error) {
	return store.Changed(tx.Exec(ctx, `INSERT INTO contact_bindings (user_id, id_server, address_index, sealed)
		VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`, string(user), string(server), index, sealed))
}

func deleteBinding(ctx context.Context, q store.Queryer, user matrix.UserID, server matrix.ServerName, index []byte) error {
	_, err := q.Exec(ctx, `DELETE FROM contact_bindings WHERE user_id = $1 AND id_server = $2 AND address_index = $3`,
		string(user), string(server), index)
	return err
}

func selectBoundAt(ctx context.Context, q store.Queryer, user matrix.UserID, index []byte) (servers []matrix.ServerName, err error) {
	rows, err := q.Query(ctx, `SELECT id_server FROM contact_bindings WHERE user_id = $1 AND address_index = $2
		UNION SELECT id_server FROM contact_found WHERE user_id = $1 AND address_index = $2 AND state = 'waiting'`, string(user), index)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var server matrix.ServerName
		if err := rows.Scan(&server); err != nil {
			return nil, err
		}
		servers = append(servers, server)
	}
	return servers, rows.Err()
}

// selectBindings is what may be bound of a user at the server of a wish.
func selectBindings(ctx context.Context, q store.Queryer, box seal.Box, w wish) (all []threepid.Address, err error) {
	rows, err := q.Query(ctx, `SELECT address_index, sealed FROM contact_bindings WHERE user_id = $1 AND id_server = $2`, string(w.user), string(w.server))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var index, sealed []byte
		if err := rows.Scan(&index, &sealed); err != nil {
			return nil, err
		}
		address, err := open(box, sealed, index)
		if err != nil {
			return nil, err
		}
		all = append(all, address)
	}
	return all, rows.Err()
}

// bindAll takes all addresses of a user for bound at a server, where a client of theirs may
// have bound them.
func bindAll(ctx context.Context, tx *store.Tx, user matrix.UserID, server matrix.ServerName) error {
	_, err := tx.Exec(ctx, `INSERT INTO contact_bindings (user_id, id_server, address_index, sealed)
		SELECT user_id, $2, address_index, sealed FROM contact_addresses WHERE user_id = $1 ON CONFLICT DO NOTHING`, string(user), string(server))
	return err
}

func insertWish(ctx context.Context, tx *store.Tx, user matrix.UserID, server matrix.ServerName, due time.Time) error {
	_, err := tx.Exec(ctx, `INSERT INTO contact_wishes (user_id, id_server, told, tries, due_ms)
		VALUES ($1, $2, FALSE, 0, $3) ON CONFLICT DO NOTHING`, string(user), string(server), due.UnixMilli())
	return err
}

// insertWishesOfBindings is insertWish for every server where an address was bound.
func insertWishesOfBindings(ctx context.Context, tx *store.Tx, user matrix.UserID, due time.Time) error {
	_, err := tx.Exec(ctx, `INSERT INTO contact_wishes (user_id, id_server, told, tries, due_ms)
		SELECT DISTINCT user_id, id_server, FALSE, 0, CAST($2 AS BIGINT) FROM contact_bindings WHERE user_id = $1 ON CONFLICT DO NOTHING`,
		string(user), due.UnixMilli())
	return err
}

// deleteOfUser deletes all addresses of a user, the sessions of theirs, and what they signed up with.
func deleteOfUser(ctx context.Context, tx *store.Tx, user matrix.UserID) error {
	if _, err := tx.Exec(ctx, `DELETE FROM contact_addresses WHERE user_id = $1`, string(user)); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `DELETE FROM contact_found WHERE user_id = $1`, string(user)); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `DELETE FROM contact_sessions WHERE user_id = $1`, string(user))
	return err
}

const wishes = `SELECT user_id, id_server, told, tries FROM contact_wishes `

func selectDueWishes(ctx context.Context, q store.Queryer, now time.Time, most int) ([]wish, error) {
	return scanWishes(ctx, q, wishes+`WHERE due_ms <= $1 ORDER BY due_ms LIMIT $2`, now.UnixMilli(), most)
}

// selectWishesOf is those of a user that were not told yet.
func selectWishesOf(ctx context.Context, q store.Queryer, user matrix.UserID) ([]wish, error) {
	return scanWishes(ctx, q, wishes+`WHERE user_id = $1 AND NOT told ORDER BY id_server`, string(user))
}

func scanWishes(ctx context.Context, q store.Queryer, query string, args ...any) (all []wish, err error) {
	rows, err := q.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var w wish
		if err := rows.Scan(&w.user, &w.server, &w.told, &w.tries); err != nil {
			return nil, err
		}
		all = append(all, w)
	}
	return all, rows.Err()
}

// countWishes counts those about users and those about one address.
func countWishes(ctx context.Context, q store.Queryer) (n int, err error) {
	err = q.QueryRow(ctx, `SELECT (SELECT COUNT(*) FROM contact_wishes WHERE NOT told) + (SELECT COUNT(*) FROM contact_unbindings)`).Scan(&n)
	return n, err
}

func updateWish(ctx context.Context, q store.Queryer, w wish, due time.Time) error {
	_, err := q.Exec(ctx, `UPDATE contact_wishes SET told = $3, tries = $4, due_ms = $5 WHERE user_id = $1 AND id_server = $2`,
		string(w.user), string(w.server), w.told, w.tries, due.UnixMilli())
	return err
}

// deleteWish deletes a wish with what was kept for it.
func deleteWish(ctx context.Context, tx *store.Tx, w wish) error {
	if _, err := tx.Exec(ctx, `DELETE FROM contact_bindings WHERE user_id = $1 AND id_server = $2`, string(w.user), string(w.server)); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `DELETE FROM contact_wishes WHERE user_id = $1 AND id_server = $2`, string(w.user), string(w.server))
	return err
}
