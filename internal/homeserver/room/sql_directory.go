package room

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"signet/internal/matrix"
	"signet/internal/store"
)

// aliasRow is where an alias leads, and who made it.
type aliasRow struct{ roomID, creator string }

// selectAlias is the zero row for an alias that is not there.
func selectAlias(ctx context.Context, q store.Queryer, name string) (a aliasRow, err error) {
	err = q.QueryRow(ctx, `SELECT room_id, creator FROM room_aliases WHERE alias = $1`, name).Scan(&a.roomID, &a.creator)
	if errors.Is(err, sql.ErrNoRows) {
		return aliasRow{}, nil
	}
	return a, err
}

func selectAliases(ctx context.Context, q store.Queryer, roomID string) ([]string, error) {
	return store.Collect(ctx, q, func(rows *sql.Rows) (name string, err error) { return name, rows.Scan(&name) },
		`SELECT alias FROM room_aliases WHERE room_id = $1 ORDER BY created_ms`, roomID)
}

// insertAlias tells whether the name was free.
func insertAlias(ctx context.Context, tx *store.Tx, name, roomID string, creator matrix.UserID, now time.Time) (bool, error) {
	return store.Changed(tx.Exec(ctx, `INSERT INTO room_aliases (alias, room_id, creator, created_ms) VALUES ($1, $2, $3, $4)
		ON CONFLICT DO NOTHING`, name, roomID, string(creator), now.UnixMilli()))
}

func deleteAlias(ctx context.Context, q store.Queryer, name string) error {
	_, err := q.Exec(ctx, `DELETE FROM room_aliases WHERE alias = $1`, name)
	return err
}

func moveAliases(ctx context.Context, q store.Queryer, from, to string) error {
	_, err := q.Exec(ctx, `UPDATE room_aliases SET room_id = $2 WHERE room_id = $1`, from, to)
	return err
}

func updateListed(ctx context.Context, q store.Queryer, nid int64, listed bool) error {
	_, err := q.Exec(ctx, `UPDATE room_rooms SET listed = $2 WHERE nid = $1`, nid, listed)
	return err
}

// updateForgotten tells whether the user has left, and so has forgotten the room.
func updateForgotten(ctx context.Context, q store.Queryer, user matrix.UserID, nid int64) (bool, error) {
	return store.Changed(q.Exec(ctx, `UPDATE room_stays SET forgotten = $3 WHERE user_id = $1 AND room = $2
		AND membership IN ('leave', 'ban')`, string(user), nid, true))
}

func insertReport(ctx context.Context, q store.Queryer, id string, r Report, now time.Time) error {
	_, err := q.Exec(ctx, `INSERT INTO room_reports (id, reporter, room_id, event_id, reason, received_ms) VALUES ($1, $2, $3, $4, $5, $6)`,
		id, string(r.Reporter), r.Room, r.Event, r.Reason, now.UnixMilli())
	return err
}
