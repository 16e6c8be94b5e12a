package discovery

import (
	"context"
	"database/sql"
	"errors"
	"math/rand/v2"

	"signet/internal/store"
)

// selectMemory reads a book. A new one has the grant of the epoch before.
func selectMemory(ctx context.Context, q store.Queryer, b book) (m memory, err error) {
	var asked []byte
	err = q.QueryRow(ctx, `SELECT version, asked, units, ahead, granted FROM discovery_memory WHERE asker_tag = $1 AND epoch = $2`,
		[]byte(b.tag), b.epoch).Scan(&m.version, &asked, &m.units, &m.ahead, &m.granted)
	if errors.Is(err, sql.ErrNoRows) {
		m.version = rand.Int64N(1 << 62)
		m.granted, err = selectUnits(ctx, q, book{b.tag, b.epoch - 1})
		return m, err
	}
	if err != nil {
		return m, err
	}
	m.stored = true
	m.asked, err = parseFilter(asked)
	return m, err
}

func selectUnits(ctx context.Context, q store.Queryer, b book) (units int, err error) {
	err = q.QueryRow(ctx, `SELECT units FROM discovery_memory WHERE asker_tag = $1 AND epoch = $2`, []byte(b.tag), b.epoch).Scan(&units)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return units, err
}

func selectAllUnits(ctx context.Context, q store.Queryer, tag string) (units int, err error) {
	err = q.QueryRow(ctx, `SELECT CAST(COALESCE(SUM(units), 0) AS BIGINT) FROM discovery_memory WHERE asker_tag = $1`, []byte(tag)).Scan(&units)
	return units, err
}

// putMemory writes a book unless it was written since it was read.
func putMemory(ctx context.Context, tx *store.Tx, b book, m memory) (written bool, err error) {
	if !m.stored {
		return store.Changed(tx.Exec(ctx, `INSERT INTO discovery_memory (asker_tag, epoch, version, asked, units, ahead, granted)
			VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING`,
			[]byte(b.tag), b.epoch, m.version+1, []byte(m.asked), m.units, m.ahead, m.granted))
	}
	return store.Changed(tx.Exec(ctx, `UPDATE discovery_memory SET version = version + 1, asked = $4, units = $5, ahead = $6, granted = $7
		WHERE asker_tag = $1 AND epoch = $2 AND version = $3`,
		[]byte(b.tag), b.epoch, m.version, []byte(m.asked), m.units, m.ahead, m.granted))
}

// lastOf is the last asker of the next step of a walk through the table, nil in its last.
func lastOf(ctx context.Context, q store.Queryer, after []byte, step int) (last []byte, err error) {
	err = q.QueryRow(ctx, `SELECT asker_tag FROM discovery_memory WHERE asker_tag > $1 ORDER BY asker_tag LIMIT 1 OFFSET $2`, after, step-1).Scan(&last)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return last, err
}

// deleteMemory forgets the old books of a step.
func deleteMemory(ctx context.Context, q store.Queryer, after, last []byte, before int64) error {
	_, err := q.Exec(ctx, `DELETE FROM discovery_memory WHERE asker_tag > $1 AND asker_tag <= $2 AND epoch < $3`, after, last, before)
	return err
}

// deleteRest is deleteMemory of the last step.
func deleteRest(ctx context.Context, q store.Queryer, after []byte, before int64) error {
	_, err := q.Exec(ctx, `DELETE FROM discovery_memory WHERE asker_tag > $1 AND epoch < $2`, after, before)
	return err
}

func deleteAsker(ctx context.Context, tx *store.Tx, tag string) error {
	_, err := tx.Exec(ctx, `DELETE FROM discovery_memory WHERE asker_tag = $1`, []byte(tag))
	return err
}
