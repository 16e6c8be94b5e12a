package receipt

import (
	"context"
	"database/sql"
	"errors"
	"strconv"
	"time"

	"signet/internal/homeserver/stream"
	"signet/internal/matrix"
	"signet/internal/store"
)

// isAhead tells whether a receipt is ahead of the one there is, if there is one.
func isAhead(ctx context.Context, q store.Queryer, r Receipt) (bool, error) {
	var known int64
	err := q.QueryRow(ctx, `SELECT event_pos FROM receipts WHERE room_id = $1 AND user_id = $2 AND kind = $3 AND thread = $4`,
		string(r.Room), string(r.User), string(r.Kind), r.Thread).Scan(&known)
	if errors.Is(err, sql.ErrNoRows) {
		return true, nil
	}
	return err == nil && int64(r.EventPos) > known, err
}

// putReceipt tells whether the receipt was ahead.
func putReceipt(ctx context.Context, tx *store.Tx, r Receipt, pos stream.Pos, now time.Time) (bool, error) {
	return store.Changed(tx.Exec(ctx, `INSERT INTO receipts (room_id, user_id, kind, thread, event_id, event_pos, ts, pos)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
		ON CONFLICT (room_id, user_id, kind, thread) DO UPDATE SET event_id = $5, event_pos = $6, ts = $7, pos = $8
		WHERE receipts.event_pos < $6`,
		string(r.Room), string(r.User), string(r.Kind), r.Thread, r.EventID, int64(r.EventPos), store.Millis(now), int64(pos)))
}

// deleteOldThreads leaves of a user's receipts of a kind for threads of a room so many, those
// that are furthest.
func deleteOldThreads(ctx context.Context, tx *store.Tx, r Receipt, kept int) error {
	const threads = ` FROM receipts WHERE room_id = $1 AND user_id = $2 AND kind = $3 AND thread NOT IN ('', 'main')`
	_, err := tx.Exec(ctx, `DELETE`+threads+` AND event_pos < (SELECT event_pos`+threads+` ORDER BY event_pos DESC LIMIT 1 OFFSET $4)`,
		string(r.Room), string(r.User), string(r.Kind), kept-1)
	return err
}

// selectMoved reads the receipts of a room that a reader is shown, in the order in which they
// moved.
func selectMoved(ctx context.Context, q store.Queryer, room matrix.RoomID, reader matrix.UserID, since, to stream.Pos) (*sql.Rows, error) {
	return q.Query(ctx, `SELECT user_id, kind, thread, event_id, ts FROM receipts
		WHERE room_id = $1 AND pos > $2 AND pos <= $3 AND (kind = $4 OR user_id = $5) ORDER BY pos`,
		string(room), int64(since), int64(to), string(Read), string(reader))
}

func selectMovedIn(ctx context.Context, q store.Queryer, reader matrix.UserID, since, to stream.Pos) (*sql.Rows, error) {
	return q.Query(ctx, `SELECT DISTINCT room_id FROM receipts WHERE pos > $1 AND pos <= $2 AND (kind = $3 OR user_id = $4)`,
		int64(since), int64(to), string(Read), string(reader))
}

// selectAll reads all receipts of rooms that a reader is shown, in the order in which they
// moved.
func selectAll(ctx context.Context, q store.Queryer, rooms []matrix.RoomID, reader matrix.UserID, to stream.Pos) (*sql.Rows, error) {
	list, args := roomList(rooms, int64(to), string(Read), string(reader))
	return q.Query(ctx, `SELECT room_id, user_id, kind, thread, event_id, ts FROM receipts
		WHERE pos <= $1 AND (kind = $2 OR user_id = $3) AND room_id IN `+list+` ORDER BY pos`, args...)
}

// roomsAtOnce is how many rooms a statement is about; with fewer some are named twice, so
// that it is prepared once.
const roomsAtOnce = 8

// roomList names rooms, from 1 to roomsAtOnce, in a statement that has other parameters.
func roomList(rooms []matrix.RoomID, others ...any) (list string, args []any) {
	args = others
	for i := range roomsAtOnce {
		args = append(args, string(rooms[i%len(rooms)]))
		list += ", $" + strconv.Itoa(len(args))
	}
	return "(" + list[2:] + ")", args
}

func scanReceipt(rows *sql.Rows) (r Receipt, told Told, err error) {
	err = rows.Scan(&r.User, &r.Kind, &told.Thread, &r.EventID, &told.TS)
	return r, told, err
}

// selectFurthest reads how far a user has read each thread of a room.
func selectFurthest(ctx context.Context, q store.Queryer, room matrix.RoomID, user matrix.UserID) (map[string]stream.Pos, error) {
	rows, err := q.Query(ctx, `SELECT thread, MAX(event_pos) FROM receipts WHERE room_id = $1 AND user_id = $2 GROUP BY thread`,
		string(room), string(user))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	furthest := map[string]stream.Pos{}
	for rows.Next() {
		var thread string
		var pos stream.Pos
		if err := rows.Scan(&thread, &pos); err != nil {
			return nil, err
		}
		furthest[thread] = pos
	}
	return furthest, rows.Err()
}

// selectFurthestIn is selectFurthest of rooms.
func selectFurthestIn(ctx context.Context, q store.Queryer, rooms []matrix.RoomID, user matrix.UserID) (*sql.Rows, error) {
	list, args := roomList(rooms, string(user))
	return q.Query(ctx, `SELECT room_id, thread, MAX(event_pos) FROM receipts WHERE user_id = $1 AND room_id IN `+list+` GROUP BY room_id, thread`, args...)
}

func deleteOfUser(ctx context.Context, tx *store.Tx, user matrix.UserID) error {
	_, err := tx.Exec(ctx, `DELETE FROM receipts WHERE user_id = $1`, string(user))
	return err
}
