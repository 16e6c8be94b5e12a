package outbound

import (
	"context"
	"database/sql"
	"math"
	"time"

	"signet/internal/homeserver/remote"
	"signet/internal/homeserver/stream"
	"signet/internal/matrix"
	"signet/internal/store"
)

// Beyond all positions, and all EDUs.
const (
	maxPos stream.Pos = math.MaxInt64
	maxSeq            = math.MaxInt64
)

// eventRow is an event in the queue of a destination.
type eventRow struct {
	pos     stream.Pos
	id      string
	room    string
	invites bool
}

// eduRow is an EDU in the queue of a destination.
type eduRow struct {
	seq int64
	edu remote.EDU
}

// failedRow is a destination that failed.
type failedRow struct {
	name     matrix.ServerName
	failures int
	due      time.Time
}

var insertEvents = store.Inserter{
	Head: `INSERT INTO outbound_events (destination, pos, event_id, room_id, invites, queued_ms)`,
	Tail: ` ON CONFLICT DO NOTHING`, Columns: 6,
}

func rowOfEvent(to matrix.ServerName, e eventRow, now time.Time) []any {
	return []any{string(to), int64(e.pos), e.id, e.room, e.invites, store.Millis(now)}
}

var putEDUs = store.Inserter{
	Head:    `INSERT INTO outbound_edus (destination, topic, seq, type, content, queued_ms)`,
	Tail:    ` ON CONFLICT (destination, topic) DO UPDATE SET seq = excluded.seq, type = excluded.type, content = excluded.content, queued_ms = excluded.queued_ms`,
	Columns: 6,
}

func rowOfEDU(to matrix.ServerName, topic string, e eduRow, now time.Time) []any {
	return []any{string(to), topic, e.seq, e.edu.Type, string(e.edu.Content), store.Millis(now)}
}

func selectEvents(ctx context.Context, q store.Queryer, to matrix.ServerName, upTo stream.Pos, most int) ([]eventRow, error) {
	return store.Collect(ctx, q, func(rows *sql.Rows) (r eventRow, err error) {
		return r, rows.Scan(&r.pos, &r.id, &r.room, &r.invites)
	}, `SELECT pos, event_id, room_id, invites FROM outbound_events WHERE destination = $1 AND pos <= $2 ORDER BY pos LIMIT $3`,
		string(to), int64(upTo), most)
}

func selectEDUs(ctx context.Context, q store.Queryer, to matrix.ServerName, upTo int64, most int) ([]eduRow, error) {
	return store.Collect(ctx, q, func(rows *sql.Rows) (r eduRow, err error) {
		return r, rows.Scan(&r.seq, &r.edu.Type, (*[]byte)(&r.edu.Content))
	}, `SELECT seq, type, content FROM outbound_edus WHERE destination = $1 AND seq <= $2 ORDER BY seq LIMIT $3`,
		string(to), upTo, most)
}

func selectLastSeq(ctx context.Context, q store.Queryer) (last int64, err error) {
	err = q.QueryRow(ctx, `SELECT COALESCE(MAX(seq), 0) FROM outbound_edus`).Scan(&last)
	return last, err
}

func selectWaiting(ctx context.Context, q store.Queryer) ([]matrix.ServerName, error) {
	return store.Collect(ctx, q, func(rows *sql.Rows) (name matrix.ServerName, err error) { return name, rows.Scan(&name) },
		`SELECT destination FROM outbound_events UNION SELECT destination FROM outbound_edus`)
}

func selectFailed(ctx context.Context, q store.Queryer) ([]failedRow, error) {
	return store.Collect(ctx, q, func(rows *sql.Rows) (r failedRow, err error) {
		var due int64
		err = rows.Scan(&r.name, &r.failures, &due)
		r.due = store.Time(due)
		return r, err
	}, `SELECT destination, failures, retry_ms FROM outbound_destinations`)
}

func putFailed(ctx context.Context, db *store.DB, name matrix.ServerName, failures int, due time.Time) error {
	return db.TxSoon(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO outbound_destinations (destination, failures, retry_ms) VALUES ($1, $2, $3)
			ON CONFLICT (destination) DO UPDATE SET failures = $2, retry_ms = $3`, string(name), failures, store.Millis(due))
		return err
	})
}

func deleteFailed(ctx context.Context, tx *store.Tx, name matrix.ServerName) error {
	_, err := tx.Exec(ctx, `DELETE FROM outbound_destinations WHERE destination = $1`, string(name))
	return err
}

func countWaiting(ctx context.Context, q store.Queryer, to matrix.ServerName) (events, edus int, err error) {
	err = q.QueryRow(ctx, `SELECT (SELECT COUNT(*) FROM outbound_events WHERE destination = $1), (SELECT COUNT(*) FROM outbound_edus WHERE destination = $1)`,
		string(to)).Scan(&events, &edus)
	return events, edus, err
}

// deleteOldest leaves so many EDUs.
func deleteOldest(ctx context.Context, tx *store.Tx, to matrix.ServerName, left int) error {
	_, err := tx.Exec(ctx, `DELETE FROM outbound_edus WHERE destination = $1 AND seq <=
		(SELECT newer.seq FROM outbound_edus newer WHERE newer.destination = $1 ORDER BY newer.seq DESC LIMIT 1 OFFSET $2)`, string(to), left)
	return err
}

// deleteOlder leaves the newest event of each room, and the invitations.
func deleteOlder(ctx context.Context, tx *store.Tx, to matrix.ServerName) error {
	_, err := tx.Exec(ctx, `DELETE FROM outbound_events WHERE destination = $1 AND NOT invites AND pos <
		(SELECT MAX(newer.pos) FROM outbound_events newer WHERE newer.destination = $1 AND newer.room_id = outbound_events.room_id AND NOT newer.invites)`,
		string(to))
	return err
}

// deleteStale deletes what nobody will want any more who comes back after so long.
func deleteStale(ctx context.Context, tx *store.Tx, before time.Time) error {
	for _, table := range []string{"outbound_events", "outbound_edus"} {
		if _, err := tx.Exec(ctx, `DELETE FROM `+table+` WHERE queued_ms < $1`, store.Millis(before)); err != nil {
			return err
		}
	}
	return nil
}

func deleteEvents(ctx context.Context, tx *store.Tx, to matrix.ServerName, events []eventRow) error {
	args := make([]any, len(events))
	for i, e := range events {
		args[i] = int64(e.pos)
	}
	return deleteThese(ctx, tx, `DELETE FROM outbound_events WHERE destination = $1 AND pos IN `, to, args, maxPDUs)
}

func deleteEDUs(ctx context.Context, tx *store.Tx, to matrix.ServerName, edus []eduRow) error {
	args := make([]any, len(edus))
	for i, e := range edus {
		args[i] = e.seq
	}
	return deleteThese(ctx, tx, `DELETE FROM outbound_edus WHERE destination = $1 AND seq IN `, to, args, maxEDUs)
}

// deleteThese always has the same number of parameters, so that it is prepared once.
func deleteThese(ctx context.Context, tx *store.Tx, statement string, to matrix.ServerName, numbers []any, most int) error {
	if len(numbers) == 0 {
		return nil
	}
	args := append([]any{string(to)}, numbers...)
	for len(args) <= most {
		args = append(args, numbers[0])
	}
	_, err := tx.Exec(ctx, statement+"("+store.Parameters(2, most)+")", args...)
	return err
}
