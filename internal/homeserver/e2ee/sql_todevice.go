package e2ee

import (
	"context"
	"fmt"
	"strings"
	"time"

	"signet/internal/homeserver/stream"
	"signet/internal/store"
)

// insertTransaction tells whether it is new.
func insertTransaction(ctx context.Context, tx *store.Tx, t transaction, now time.Time) (bool, error) {
	return store.Changed(tx.Exec(ctx, `INSERT INTO e2ee_transactions (sender, device_id, type, txn_id, done_ms) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT DO NOTHING`, string(t.sender.User), string(t.sender.ID), t.kind, t.id, now.UnixMilli()))
}

// deleteTransactionsBefore deletes the oldest, about so many at most, and tells whether
// there were some.
func deleteTransactionsBefore(ctx context.Context, q store.Queryer, before time.Time, most int) (bool, error) {
	return store.Changed(q.Exec(ctx, `DELETE FROM e2ee_transactions WHERE done_ms < $1 AND done_ms <=
		COALESCE((SELECT done_ms FROM e2ee_transactions ORDER BY done_ms LIMIT 1 OFFSET $2), $1)`, before.UnixMilli(), most))
}

// messagesAtOnce is how many messages one statement stores: a round trip on PostgreSQL.
const messagesAtOnce = 16

var insertOne, insertMany = insertText(1), insertText(messagesAtOnce)

// insertText is the statement for so many rows. What they have in common comes first.
func insertText(rows int) string {
	values := make([]string, rows)
	for i := range values {
		values[i] = fmt.Sprintf("($%d, $%d, $1, $2, $3, $%d)", 3*i+4, 3*i+5, 3*i+6)
	}
	return `INSERT INTO e2ee_to_device (user_id, device_id, pos, sender, type, content) VALUES ` + strings.Join(values, ", ")
}

func insertMessages(ctx context.Context, tx *store.Tx, pos stream.Pos, m message, parcels []parcel) error {
	for len(parcels) > 0 {
		statement, n := insertOne, 1
		if len(parcels) >= messagesAtOnce {
			statement, n = insertMany, messagesAtOnce
		}
		args := []any{int64(pos), string(m.sender), m.kind}
		for _, p := range parcels[:n] {
			args = append(args, string(p.to.User), string(p.to.ID), string(p.content))
		}
		if _, err := tx.Exec(ctx, statement, args...); err != nil {
			return err
		}
		parcels = parcels[n:]
	}
	return nil
}

// selectMessages returns the first messages after since and up to to.
func selectMessages(ctx context.Context, q store.Queryer, d Device, since, to stream.Pos, most int) (messages []Message, err error) {
	rows, err := q.Query(ctx, `SELECT pos, sender, type, content FROM e2ee_to_device
		WHERE user_id = $1 AND device_id = $2 AND pos > $3 AND pos <= $4 ORDER BY pos LIMIT $5`,
		string(d.User), string(d.ID), int64(since), int64(to), most)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var m Message
		if err := rows.Scan(&m.pos, &m.Sender, &m.Type, (*[]byte)(&m.Content)); err != nil {
			return nil, err
		}
		messages = append(messages, m)
	}
	return messages, rows.Err()
}

func deleteMessages(ctx context.Context, db *store.DB, d Device, upTo stream.Pos) error {
	return db.TxSoon(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(ctx, `DELETE FROM e2ee_to_device WHERE user_id = $1 AND device_id = $2 AND pos <= $3`,
			string(d.User), string(d.ID), int64(upTo))
		return err
	})
}
