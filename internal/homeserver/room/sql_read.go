package room

import (
	"context"
	"database/sql"
	"errors"
	"math"

	"signet/internal/homeserver/event"
	"signet/internal/homeserver/stream"
	"signet/internal/matrix"
	"signet/internal/store"
)

// maxPos is beyond all positions.
const maxPos stream.Pos = math.MaxInt64

// flagRedacted marks an event that had been redacted when it came. Larger flags mark
// events that are in no timeline.
const (
	flagRedacted   = 1
	flagRejected   = 2  // authorisation has refused it
	flagSoftFailed = 4  // the room's state refused it when it came
	flagOutlier    = 8  // known as what others rest on, and no part of the graph
	flagHidden     = 16 // a part of the graph that nobody reads
)

func selectRooms(ctx context.Context, q store.Queryer) ([]*Room, error) {
	return store.Collect(ctx, q, func(rows *sql.Rows) (*Room, error) {
		r := &Room{}
		var last, since int64
		var listed bool
		err := rows.Scan(&r.nid, &r.id, &r.version, &last, &listed, &since)
		r.since.Store(since)
		r.last.Store(last)
		r.listed.Store(listed)
		return r, err
	}, `SELECT nid, room_id, version, last, listed, since FROM room_rooms`)
}

// stayRow is a row of room_stays.
type stayRow struct {
	user       matrix.UserID
	room       int64
	membership string
	pos        stream.Pos
	forgotten  bool
}

func selectLocalStays(ctx context.Context, q store.Queryer) ([]stayRow, error) {
	return store.Collect(ctx, q, func(rows *sql.Rows) (s stayRow, err error) {
		return s, rows.Scan(&s.user, &s.room, &s.membership, &s.pos, &s.forgotten)
	}, `SELECT user_id, room, membership, event_pos, forgotten FROM room_stays WHERE local`)
}

// stateRow is a place in a state.
type stateRow struct {
	key        event.Key
	pos        stream.Pos
	id         string
	membership string
}

// Of some rooms, whose numbers follow in a list.
const (
	// roomSummaries selects where the state changed last, and whether an event stands aside.
	roomSummaries = `SELECT r.nid, (SELECT COALESCE(MAX(c.pos), 0) FROM room_state_changes c WHERE c.room = r.nid),
		EXISTS (SELECT 1 FROM room_events e WHERE e.room = r.nid AND e.place <> 0) FROM room_rooms r WHERE r.nid IN `
	// statesNow selects the current state, without the ids of its events. The join finds
	// nothing by NULL, without looking.
	statesNow = `SELECT s.room, s.type, s.state_key, s.event_pos, COALESCE(m.membership, '') FROM room_state s
		LEFT JOIN room_stays m ON m.user_id = CASE WHEN s.type = 'm.room.member' THEN s.state_key END AND m.room = s.room WHERE s.room IN `
)

// stateIDs selects the ids of the events in the current state, of rows up to a number.
const stateIDs = `SELECT s.event_pos, e.event_id FROM room_state s JOIN room_events e ON e.room = s.room AND e.pos = s.event_pos
	WHERE s.room = $1 AND +s.event_pos <= $2`

func selectExtremities(ctx context.Context, q store.Queryer, room int64) (ids string, err error) {
	err = q.QueryRow(ctx, `SELECT extremities FROM room_rooms WHERE nid = $1`, room).Scan(&ids)
	return ids, err
}

func selectGroup(ctx context.Context, q store.Queryer, id stream.Pos) (prev stream.Pos, chain int, err error) {
	err = q.QueryRow(ctx, `SELECT prev, chain FROM room_state_groups WHERE id = $1`, int64(id)).Scan(&prev, &chain)
	return prev, chain, err
}

// selectGroupState are the places of a group's state, each as often as the groups before
// have it too, the newest first. A place that is empty has the event 0.
func selectGroupState(ctx context.Context, q store.Queryer, room int64, id stream.Pos) ([]stateRow, error) {
	return store.Collect(ctx, q, func(rows *sql.Rows) (s stateRow, err error) {
		return s, rows.Scan(&s.key.Type, &s.key.StateKey, &s.pos, &s.id)
	}, `WITH RECURSIVE chain (id, prev, length) AS (
			SELECT id, prev, chain FROM room_state_groups WHERE id = $2
			UNION ALL SELECT g.id, g.prev, g.chain FROM room_state_groups g JOIN chain c ON g.id = c.prev WHERE c.length > 0)
		SELECT g.type, g.state_key, g.event_pos, COALESCE(e.event_id, '') FROM chain c JOIN room_group_state g ON g.state_group = c.id
		LEFT JOIN room_events e ON e.room = $1 AND e.pos = g.event_pos ORDER BY c.length DESC`, room, int64(id))
}

// selectGroupPlace is the event that holds a place in a group's state, 0 if none does.
func selectGroupPlace(ctx context.Context, q store.Queryer, group stream.Pos, typ, key string) (pos stream.Pos, err error) {
	err = q.QueryRow(ctx, `WITH RECURSIVE chain (id, prev, length) AS (
			SELECT id, prev, chain FROM room_state_groups WHERE id = $1
			UNION ALL SELECT g.id, g.prev, g.chain FROM room_state_groups g JOIN chain c ON g.id = c.prev WHERE c.length > 0)
		SELECT s.event_pos FROM chain c JOIN room_group_state s ON s.state_group = c.id
		WHERE s.type = $2 AND s.state_key = $3 ORDER BY c.length DESC LIMIT 1`, int64(group), typ, key).Scan(&pos)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return pos, err
}

// selectRaw is the JSON of an event, nil where there is none.
func selectRaw(ctx context.Context, q store.Queryer, id string) (text []byte, err error) {
	err = q.QueryRow(ctx, `SELECT json FROM room_events WHERE event_id = $1`, id).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return text, err
}

// selectRoomsOf are the ids of the rooms that a user is in.
func selectRoomsOf(ctx context.Context, q store.Queryer, user matrix.UserID) ([]string, error) {
	return store.Collect(ctx, q, func(rows *sql.Rows) (id string, err error) { return id, rows.Scan(&id) },
		`SELECT r.room_id FROM room_stays s JOIN room_rooms r ON r.nid = s.room WHERE s.user_id = $1 AND s.membership = 'join'`, string(user))
}

// selectShared tells whether a user and one of this server have been in a room since a
// position without a break.
func selectShared(ctx context.Context, q store.Queryer, user matrix.UserID, since stream.Pos) (shared bool, err error) {
	err = q.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM room_stays s WHERE s.user_id = $1 AND s.membership = 'join' AND s.event_pos <= $2 AND EXISTS (
		SELECT 1 FROM room_stays o WHERE o.room = s.room AND o.local AND o.membership = 'join' AND o.event_pos <= $2))`, string(user), int64(since)).Scan(&shared)
	return shared, err
}

// selectTransaction is the event that a request of a client made, empty if it made none.
func selectTransaction(ctx context.Context, q store.Queryer, hash []byte) (eventID string, err error) {
	err = q.QueryRow(ctx, `SELECT event_id FROM room_transactions WHERE txn_hash = $1`, hash).Scan(&eventID)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return eventID, err
}
