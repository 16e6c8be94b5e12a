package receipt

import (
	"context"
	"fmt"

	"signet/internal/homeserver/stream"
	"signet/internal/matrix"
)

// Content is the content of an m.receipt event: by event id, kind and user.
type Content map[string]map[Kind]map[matrix.UserID]Told

// Told is a receipt as others are shown it.
type Told struct {
	TS     int64  `json:"ts"` // milliseconds since 1970
	Thread string `json:"thread_id,omitempty"`
}

// Since is what a reader is shown of a room's receipts that moved after one position, up to
// another: those of everybody, and their own private ones. It is nil if there are none.
func (r *Receipts) Since(ctx context.Context, room matrix.RoomID, reader matrix.UserID, since, to stream.Pos) (Content, error) {
	rows, err := selectMoved(ctx, r.DB, room, reader, since, to)
	if err != nil {
		return nil, fmt.Errorf("reading receipts: %w", err)
	}
	defer rows.Close()
	var all Content
	for rows.Next() {
		moved, told, err := scanReceipt(rows)
		if err != nil {
			return nil, fmt.Errorf("reading receipts: %w", err)
		}
		if all == nil {
			all = Content{}
		}
		all.add(moved, told)
	}
	return all, rows.Err()
}

// add adds a receipt. There is place for one of a user's receipts for one event: that for
// the whole room, which says most, or else the one that comes last (MSC4102).
func (c Content) add(r Receipt, told Told) {
	kinds := c[r.EventID]
	if kinds == nil {
		kinds = map[Kind]map[matrix.UserID]Told{}
		c[r.EventID] = kinds
	}
	if kinds[r.Kind] == nil {
		kinds[r.Kind] = map[matrix.UserID]Told{}
	}
	if known, there := kinds[r.Kind][r.User]; !there || known.Thread != "" {
		kinds[r.Kind][r.User] = told
	}
}

// MovedIn are the rooms, whoever is in them, where a receipt that a reader is shown moved
// after one position and up to another.
func (r *Receipts) MovedIn(ctx context.Context, reader matrix.UserID, since, to stream.Pos) (map[matrix.RoomID]bool, error) {
	rows, err := selectMovedIn(ctx, r.DB, reader, since, to)
	if err != nil {
		return nil, fmt.Errorf("reading where receipts moved: %w", err)
	}
	defer rows.Close()
	moved := map[matrix.RoomID]bool{}
	for rows.Next() {
		var room matrix.RoomID
		if err := rows.Scan(&room); err != nil {
			return nil, fmt.Errorf("reading where receipts moved: %w", err)
		}
		moved[room] = true
	}
	return moved, rows.Err()
}
