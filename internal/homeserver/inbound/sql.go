package inbound

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"signet/internal/matrix"
	"signet/internal/store"
)

// backlogRow is a row of inbound_events.
type backlogRow struct {
	seq      int64
	eventID  string
	roomID   string
	origin   matrix.ServerName
	attempts int
	due      int64
	json     []byte
}

const (
	givenUp = -1 // due_ms of an event that is not dealt with any more
	waiting = -1 // attempts of one that never was
)

// selectAttempts is how often an event of a server was dealt with in vain, 1 for one that
// waits; 0 if it is not there.
func selectAttempts(ctx context.Context, q store.Queryer, id string, origin matrix.ServerName) (n int, err error) {
	err = q.QueryRow(ctx, `SELECT attempts FROM inbound_events WHERE event_id = $1 AND origin = $2`, id, origin.String()).Scan(&n)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return max(n, 1), err
}

// countBacklog is how many events of a room there are, and how many of them a server has sent.
func countBacklog(ctx context.Context, q store.Queryer, roomID string, origin matrix.ServerName) (all, own int, err error) {
	err = q.QueryRow(ctx, `SELECT COUNT(*), COUNT(CASE WHEN origin = $2 THEN 1 END) FROM inbound_events WHERE room_id = $1`,
		roomID, origin.String()).Scan(&all, &own)
	return all, own, err
}

func insertBacklog(ctx context.Context, q store.Queryer, row backlogRow, now time.Time) error {
	_, err := q.Exec(ctx, `INSERT INTO inbound_events (event_id, seq, room_id, origin, attempts, due_ms, received_ms, json)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING`,
		row.eventID, row.seq, row.roomID, row.origin.String(), row.attempts, row.due, now.UnixMilli(), row.json)
	return err
}

func selectBacklogRooms(ctx context.Context, q store.Queryer, now time.Time) (rooms []string, err error) {
	rows, err := q.Query(ctx, `SELECT DISTINCT room_id FROM inbound_events WHERE due_ms >= 0 AND due_ms <= $1 LIMIT 1000`, now.UnixMilli())
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		rooms = append(rooms, id)
	}
	return rooms, rows.Err()
}

// selectBacklogNext is the zero row if there is none.
func selectBacklogNext(ctx context.Context, q store.Queryer, roomID string, after int64, now time.Time) (row backlogRow, err error) {
	err = q.QueryRow(ctx, `SELECT seq, event_id, room_id, origin, attempts, due_ms, json FROM inbound_events
		WHERE room_id = $1 AND seq > $2 AND due_ms >= 0 AND due_ms <= $3 ORDER BY seq LIMIT 1`, roomID, after, now.UnixMilli()).
		Scan(&row.seq, &row.eventID, &row.roomID, &row.origin, &row.attempts, &row.due, &row.json)
	if errors.Is(err, sql.ErrNoRows) {
		return backlogRow{}, nil
	}
	return row, err
}

func updateBacklog(ctx context.Context, q store.Queryer, row backlogRow, attempts int, due int64) error {
	_, err := q.Exec(ctx, `UPDATE inbound_events SET attempts = $3, due_ms = $4 WHERE event_id = $1 AND origin = $2`,
		row.eventID, row.origin.String(), attempts, due)
	return err
}

func deleteBacklog(ctx context.Context, q store.Queryer, row backlogRow) error {
	_, err := q.Exec(ctx, `DELETE FROM inbound_events WHERE event_id = $1 AND origin = $2`, row.eventID, row.origin.String())
	return err
}

func deleteGivenUp(ctx context.Context, q store.Queryer, before time.Time) error {
	_, err := q.Exec(ctx, `DELETE FROM inbound_events WHERE due_ms = $1 AND received_ms < $2`, givenUp, before.UnixMilli())
	return err
}
