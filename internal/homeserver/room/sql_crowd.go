package room

import (
	"context"
	"database/sql"

	"signet/internal/homeserver/event"
	"signet/internal/matrix"
	"signet/internal/store"
)

// eachMember reads who is in which room now, of some users, or of all if there are none. The
// queries lead from key to key, whatever a database thinks of how large its tables are.
func eachMember(ctx context.Context, q store.Queryer, users []matrix.UserID, do func(Member)) error {
	query := `SELECT (SELECT r.room_id FROM room_rooms r WHERE r.nid = s.room), s.user_id, e.json FROM room_stays s
		JOIN room_events e ON e.room = s.room AND e.pos = (SELECT t.event_pos FROM room_state t
			WHERE t.room = s.room AND t.type = 'm.room.member' AND t.state_key = s.user_id)
		WHERE s.membership = 'join'`
	if len(users) > 0 {
		query += ` AND s.user_id IN (` + store.Parameters(1, len(users)) + `)`
	}
	return eachEvent(ctx, q, query, users, func(rows *sql.Rows) error {
		var m Member
		var json []byte
		if err := rows.Scan(&m.Room, &m.User, &json); err != nil {
			return err
		}
		content := event.Value(json).Field("content")
		m.DisplayName, _ = content.Field("displayname").Text()
		m.AvatarURL, _ = content.Field("avatar_url").Text()
		do(m)
		return nil
	})
}

// eachJoinRule reads whether anybody may join some rooms, or all that have said who may if
// there are none.
func eachJoinRule(ctx context.Context, q store.Queryer, rooms []matrix.RoomID, do func(matrix.RoomID, bool)) error {
	query := `SELECT r.room_id, e.json FROM room_rooms r
		JOIN room_events e ON e.room = r.nid AND e.pos = (SELECT s.event_pos FROM room_state s
			WHERE s.room = r.nid AND s.type = 'm.room.join_rules' AND s.state_key = '')`
	if len(rooms) > 0 {
		query += ` WHERE r.room_id IN (` + store.Parameters(1, len(rooms)) + `)`
	}
	return eachEvent(ctx, q, query, rooms, func(rows *sql.Rows) error {
		var room matrix.RoomID
		var json []byte
		if err := rows.Scan(&room, &json); err != nil {
			return err
		}
		rule, _ := event.Value(json).Field("content").Field("join_rule").Text()
		do(room, rule == "public")
		return nil
	})
}

func eachEvent[T ~string](ctx context.Context, q store.Queryer, query string, names []T, take func(*sql.Rows) error) error {
	args := make([]any, len(names))
	for i, name := range names {
		args[i] = string(name)
	}
	_, err := store.Collect(ctx, q, func(rows *sql.Rows) (none struct{}, err error) { return none, take(rows) }, query, args...)
	return err
}
