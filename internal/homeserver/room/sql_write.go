package room

import (
	"context"
	"time"

	"signet/internal/store"
)

var (
	insertRooms = store.Inserter{Columns: 6,
		Head: `INSERT INTO room_rooms (nid, room_id, version, extremities, last, listed)`}
	insertEvents = store.Inserter{Columns: 12,
		Head: `INSERT INTO room_events (pos, room, event_id, type, state_key, ts, state_group, flags, replaces, redacted_by, txn, json)`}
	insertTransactions = store.Inserter{Columns: 3,
		Head: `INSERT INTO room_transactions (txn_hash, event_id, created_ms)`}
	insertGroups = store.Inserter{Columns: 3,
		Head: `INSERT INTO room_state_groups (id, prev, chain)`}
	insertGroupState = store.Inserter{Columns: 4,
		Head: `INSERT INTO room_group_state (state_group, type, state_key, event_pos)`}
	putState = store.Inserter{Columns: 4,
		Head: `INSERT INTO room_state (room, type, state_key, event_pos)`,
		Tail: ` ON CONFLICT (room, type, state_key) DO UPDATE SET event_pos = excluded.event_pos`}
	insertStateChanges = store.Inserter{Columns: 5,
		Head: `INSERT INTO room_state_changes (room, type, state_key, pos, event_pos)`}
	putStays = store.Inserter{Columns: 6,
		Head: `INSERT INTO room_stays (user_id, room, membership, event_pos, local, forgotten)`,
		Tail: ` ON CONFLICT (user_id, room) DO UPDATE SET membership = excluded.membership, event_pos = excluded.event_pos, forgotten = excluded.forgotten`}
	insertAliases = store.Inserter{Columns: 4,
		Head: `INSERT INTO room_aliases (alias, room_id, creator, created_ms)`}
)

func updateTip(ctx context.Context, tx *store.Tx, nid int64, extremities string, last int64) error {
	_, err := tx.Exec(ctx, `UPDATE room_rooms SET extremities = $2, last = CASE WHEN $3 > last THEN $3 ELSE last END WHERE nid = $1`, nid, extremities, last)
	return err
}

// updateRedacted takes from an event what its redaction takes.
func updateRedacted(ctx context.Context, tx *store.Tx, room, pos, redactedBy int64, json []byte) error {
	_, err := tx.Exec(ctx, `UPDATE room_events SET json = $3, redacted_by = $4 WHERE room = $1 AND pos = $2`, room, pos, json, redactedBy)
	return err
}

func deleteTransactionsBefore(ctx context.Context, q store.Queryer, before time.Time) error {
	_, err := q.Exec(ctx, `DELETE FROM room_transactions WHERE created_ms < $1`, before.UnixMilli())
	return err
}
