package room

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"signet/internal/homeserver/stream"
	"signet/internal/store"
)

// selectRoomOfEvent is the id of an event's room, empty if the event is not there.
func selectRoomOfEvent(ctx context.Context, q store.Queryer, eventID string) (roomID string, err error) {
	if strings.IndexByte(eventID, 0) >= 0 {
		return "", nil
	}
	err = q.QueryRow(ctx, `SELECT r.room_id FROM room_events e JOIN room_rooms r ON r.nid = e.room WHERE e.event_id = $1`, eventID).Scan(&roomID)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return roomID, err
}

// selectHeld reads events as other servers get them.
func selectHeld(ctx context.Context, q store.Queryer, r *Room, ids []string) ([]*Stored, error) {
	args := []any{r.nid}
	for _, id := range ids {
		if strings.IndexByte(id, 0) < 0 {
			args = append(args, id)
		}
	}
	if len(args) == 1 {
		return nil, nil
	}
	return store.Collect(ctx, q, func(rows *sql.Rows) (*Stored, error) { return heldRow(rows, r) },
		fmt.Sprintf(`SELECT pos, place, event_id, state_group, flags, redacted_by, json FROM room_events WHERE room = $1 AND event_id IN (%s)`,
			store.Parameters(2, len(args)-1)), args...)
}

func heldRow(rows *sql.Rows, r *Room) (*Stored, error) {
	var pos, place, groupID, flags, redactedBy int64
	var id string
	var json []byte
	if err := rows.Scan(&pos, &place, &id, &groupID, &flags, &redactedBy, &json); err != nil {
		return nil, err
	}
	e, err := r.version.Load(id, json, redactedBy != 0 || flags&flagRedacted != 0)
	if err != nil {
		return nil, fmt.Errorf("event %d: %w", pos, err)
	}
	s := &Stored{Event: e, Pos: stream.Pos(pos), fate: fate(flags &^ flagRedacted), group: &group{id: stream.Pos(groupID)}}
	if s.aside = place != 0; s.aside && place != pos {
		s.Pos, s.moved = stream.Pos(place), s.Pos
	}
	s.changes = s.isState() && s.group.id == s.Pos
	return s, nil
}
