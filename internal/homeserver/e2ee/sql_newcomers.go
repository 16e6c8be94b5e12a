package e2ee

import (
	"context"
	"database/sql"

	"signet/internal/homeserver/stream"
	"signet/internal/matrix"
	"signet/internal/store"
)

// arrivals are the rooms into which a user has come, with the positions of the joins.
type arrivals map[matrix.RoomID]stream.Pos

func putNewcomer(ctx context.Context, tx *store.Tx, pos stream.Pos, user matrix.UserID, room matrix.RoomID) error {
	_, err := tx.Exec(ctx, `INSERT INTO e2ee_newcomers (user_id, room_id, pos) VALUES ($1, $2, $3)
		ON CONFLICT (user_id, room_id) DO UPDATE SET pos = $3`, string(user), string(room), int64(pos))
	return err
}

func selectNewcomers(ctx context.Context, q store.Queryer) ([]matrix.UserID, error) {
	return users(q.Query(ctx, `SELECT DISTINCT user_id FROM e2ee_newcomers`))
}

func selectArrivals(ctx context.Context, q store.Queryer, user matrix.UserID) (arrivals, error) {
	type arrival struct {
		room matrix.RoomID
		pos  stream.Pos
	}
	all, err := store.Collect(ctx, q, func(rows *sql.Rows) (a arrival, err error) {
		return a, rows.Scan(&a.room, &a.pos)
	}, `SELECT room_id, pos FROM e2ee_newcomers WHERE user_id = $1`, string(user))
	into := make(arrivals, len(all))
	for _, a := range all {
		into[a.room] = a.pos
	}
	return into, err
}

// deleteArrivals leaves those that are later: the user has left and come again meanwhile.
func deleteArrivals(ctx context.Context, tx *store.Tx, user matrix.UserID, into arrivals) error {
	for room, pos := range into {
		if _, err := tx.Exec(ctx, `DELETE FROM e2ee_newcomers WHERE user_id = $1 AND room_id = $2 AND pos <= $3`,
			string(user), string(room), int64(pos)); err != nil {
			return err
		}
	}
	return nil
}
