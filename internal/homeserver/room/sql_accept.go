package room

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"signet/internal/homeserver/event"
	"signet/internal/homeserver/stream"
	"signet/internal/store"
)

var (
	insertAside = store.Inserter{Columns: 13,
		Head: `INSERT INTO room_events (pos, room, event_id, type, state_key, ts, state_group, flags, replaces, redacted_by, txn, json, place)`}
	insertGaps = store.Inserter{Columns: 3,
		Head: `INSERT INTO room_gaps (room, event_id, place)`, Tail: ` ON CONFLICT DO NOTHING`}
	insertRedactionsAhead = store.Inserter{Columns: 3,
		Head: `INSERT INTO room_redactions_ahead (room, event_id, redaction)`, Tail: ` ON CONFLICT DO NOTHING`}
	putInvited = store.Inserter{Columns: 3,
		Head: `INSERT INTO room_invited (room, user_id, state)`, Tail: ` ON CONFLICT (room, user_id) DO UPDATE SET state = excluded.state`}
)

// selectFloor is the lowest number that an event of a room has, of a row or a place.
func selectFloor(ctx context.Context, q store.Queryer, room int64) (floor stream.Pos, err error) {
	err = q.QueryRow(ctx, `SELECT COALESCE((SELECT MIN(pos) FROM room_events WHERE room = $1), 0)`, room).Scan(&floor)
	if err != nil {
		return 0, err
	}
	var place stream.Pos
	err = q.QueryRow(ctx, `SELECT COALESCE(MIN(place), 0) FROM room_events WHERE room = $1 AND place <> 0`, room).Scan(&place)
	return min(floor, place, 0), err
}

// updateAside makes a row that was known as an outlier a part of the graph.
func updateAside(ctx context.Context, tx *store.Tx, room int64, s *Stored) error {
	replaces, redactedBy := s.others()
	_, err := tx.Exec(ctx, `UPDATE room_events SET place = $3, flags = $4, state_group = $5, json = $6, replaces = $7, redacted_by = $8 WHERE room = $1 AND pos = $2`,
		room, int64(s.row()), int64(s.Pos), s.flags(), int64(s.group.id), s.JSON(), replaces, redactedBy)
	return err
}

// historyIn selects what a place in the state said, up to a position, of some rooms, whose
// numbers follow in a list. historyRow reads it.
const (
	historyIn = `SELECT c.room, c.pos, e.pos, e.event_id, e.flags, e.json FROM room_state_changes c LEFT JOIN room_events e ON e.room = c.room AND e.pos = c.event_pos
		WHERE c.type = $1 AND c.state_key = $2 AND c.pos <= $3 AND c.room IN `
	historyOrder = ` ORDER BY c.room, c.pos`
)

// historyRow is a row of historyIn, but for the room.
type historyRow struct {
	pos stream.Pos
	eventRow
}

func (h *historyRow) into() []any {
	return []any{&h.pos, &h.eventRow.pos, &h.id, &h.flags, &h.json}
}

func (h *historyRow) value(v event.Version, typ string) (value, error) {
	if !h.eventRow.pos.Valid {
		return value{h.pos, saysNothing(typ)}, nil
	}
	e, err := h.load(v, true) // of what redaction leaves, all that counts
	if err != nil {
		return value{}, err
	}
	return value{h.pos, says(e)}, nil
}

// selectHistory is what a place in the state said, up to a position.
func selectHistory(ctx context.Context, q store.Queryer, r *Room, key event.Key, to stream.Pos) (history, error) {
	return store.Collect(ctx, q, func(rows *sql.Rows) (value, error) {
		var nid int64
		var said historyRow
		if err := rows.Scan(append([]any{&nid}, said.into()...)...); err != nil {
			return value{}, err
		}
		return said.value(r.version, key.Type)
	}, historyIn+`($4)`+historyOrder, key.Type, key.StateKey, int64(to), r.nid)
}

// selectIsGap tells whether an event that is here cites one that is not.
func selectIsGap(ctx context.Context, q store.Queryer, room int64, id string) (is bool, err error) {
	err = q.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM room_gaps WHERE room = $1 AND event_id = $2)`, room, id).Scan(&is)
	return is, err
}

// selectGaps are events that are not here and that others in a span cite, those of the
// earliest first.
func selectGaps(ctx context.Context, q store.Queryer, room int64, in Span, limit int) ([]string, error) {
	return store.Collect(ctx, q, func(rows *sql.Rows) (id string, err error) { return id, rows.Scan(&id) },
		`SELECT event_id FROM room_gaps WHERE room = $1 AND place > $2 AND place <= $3 ORDER BY place, event_id LIMIT $4`,
		room, int64(in.After), int64(in.UpTo), limit)
}

// selectGapPlaces are the first places at which events follow some that are not here, by the
// ids of these.
func selectGapPlaces(ctx context.Context, q store.Queryer, room int64, ids []string) (map[string]stream.Pos, error) {
	args := []any{}
	for _, id := range ids {
		args = append(args, id)
	}
	found := map[string]stream.Pos{}
	_, err := store.Collect(ctx, q, func(rows *sql.Rows) (place stream.Pos, err error) {
		var id string
		err = rows.Scan(&id, &place)
		found[id] = place
		return place, err
	}, fmt.Sprintf(`SELECT event_id, place FROM room_gaps WHERE event_id IN %s AND room = $%d`, store.RowParameters(1, len(ids)), len(ids)+1), append(args, room)...)
	return found, err
}

// selectLastBefore is the last place above 0 and before another at which an event stands, 0
// for none.
func selectLastBefore(ctx context.Context, q store.Queryer, room int64, place stream.Pos) (last stream.Pos, err error) {
	var beside stream.Pos
	err = q.QueryRow(ctx, `SELECT COALESCE((SELECT MAX(pos) FROM room_events WHERE room = $1 AND pos < $2), 0),
		COALESCE((SELECT MAX(place) FROM room_events WHERE room = $1 AND place < $2 AND place <> 0), 0)`, room, int64(place)).Scan(&last, &beside)
	return max(last, beside, 0), err
}

// tornAfter selects the places, after one, of events that cite what is not here.
const tornAfter = `SELECT DISTINCT place FROM room_gaps WHERE room = $1 AND place > $2`

func deleteGap(ctx context.Context, tx *store.Tx, room int64, id string) error {
	_, err := tx.Exec(ctx, `DELETE FROM room_gaps WHERE room = $1 AND event_id = $2`, room, id)
	return err
}

func updateSince(ctx context.Context, tx *store.Tx, room, since int64) error {
	_, err := tx.Exec(ctx, `UPDATE room_rooms SET since = $2 WHERE nid = $1`, room, since)
	return err
}

// selectRedactionAhead is the redaction of an event that has not come, empty if none is known.
func selectRedactionAhead(ctx context.Context, q store.Queryer, room int64, id string) (redaction string, err error) {
	err = q.QueryRow(ctx, `SELECT redaction FROM room_redactions_ahead WHERE room = $1 AND event_id = $2`, room, id).Scan(&redaction)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return redaction, err
}

// selectInvited is what a user is shown of a room, nil if nothing.
func selectInvited(ctx context.Context, q store.Queryer, room int64, user string) (state []byte, err error) {
	err = q.QueryRow(ctx, `SELECT state FROM room_invited WHERE room = $1 AND user_id = $2`, room, user).Scan(&state)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return state, err
}

func deleteInvited(ctx context.Context, tx *store.Tx, room int64, user string) error {
	_, err := tx.Exec(ctx, `DELETE FROM room_invited WHERE room = $1 AND user_id = $2`, room, user)
	return err
}

// placeRow is an event as far as it takes a place in a state.
type placeRow struct {
	pos     stream.Pos
	key     event.Key
	isState bool
	fate    fate
	group   stream.Pos
}

// selectPlaces are the places of events, by id.
func selectPlaces(ctx context.Context, q store.Queryer, room int64, ids []string) (map[string]placeRow, error) {
	args := []any{}
	for _, id := range ids {
		args = append(args, id)
	}
	found := map[string]placeRow{}
	_, err := store.Collect(ctx, q, func(rows *sql.Rows) (row placeRow, err error) {
		var id string
		var key sql.NullString
		err = rows.Scan(&id, &row.pos, &row.key.Type, &key, &row.fate, &row.group)
		row.key.StateKey, row.isState = key.String, key.Valid
		found[id] = row
		return row, err
	}, fmt.Sprintf(`SELECT event_id, pos, type, state_key, flags, state_group FROM room_events WHERE event_id IN %s AND room = $%d`,
		store.RowParameters(1, len(ids)), len(ids)+1), append(args, room)...)
	return found, err
}

// deleteRoom forgets a room of which nothing was ever shown but an invitation.
func deleteRoom(ctx context.Context, q store.Queryer, room int64) error {
	for _, table := range []string{"room_events", "room_state", "room_state_changes", "room_stays", "room_invited", "room_gaps"} {
		if _, err := q.Exec(ctx, `DELETE FROM `+table+` WHERE room = $1`, room); err != nil {
			return err
		}
	}
	_, err := q.Exec(ctx, `DELETE FROM room_rooms WHERE nid = $1 AND last = 0`, room)
	return err
}
