package quota

import (
	"context"
	"errors"

	"signet/internal/store"
)

// chargeBucket moves the moment at which a bucket is full by cost, unless it would
// come to lie after latest + cost. All times are nanoseconds.
func chargeBucket(ctx context.Context, tx *store.Tx, i item, now, cost, latest int64) (charged bool, err error) {
	return store.Changed(tx.Exec(ctx, `INSERT INTO quota_buckets (tag, budget, full_ns) VALUES ($1, $2, $3)
		ON CONFLICT (tag) DO UPDATE SET full_ns = $4 + CASE WHEN quota_buckets.full_ns > $5 THEN quota_buckets.full_ns ELSE $5 END
		WHERE quota_buckets.full_ns <= $6`,
		i.tag, i.Name, now+cost, cost, now, latest))
}

func selectFull(ctx context.Context, tx *store.Tx, tag []byte) (ns int64, err error) {
	err = tx.QueryRow(ctx, `SELECT full_ns FROM quota_buckets WHERE tag = $1`, tag).Scan(&ns)
	return ns, err
}

func refundBucket(ctx context.Context, tx *store.Tx, tag []byte, cost int64) error {
	_, err := tx.Exec(ctx, `UPDATE quota_buckets SET full_ns = full_ns - $2 WHERE tag = $1`, tag, cost)
	return err
}

// bucketRow is a row without the name of its budget.
type bucketRow struct {
	tag  []byte
	full int64
}

// selectUsed reads the buckets of a budget that are full no sooner than the moment.
func selectUsed(ctx context.Context, q store.Queryer, budget string, ns int64) (found []bucketRow, err error) {
	rows, err := q.Query(ctx, `SELECT tag, full_ns FROM quota_buckets WHERE budget = $1 AND full_ns >= $2`, budget, ns)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var r bucketRow
		if err := rows.Scan(&r.tag, &r.full); err != nil {
			return nil, err
		}
		found = append(found, r)
	}
	return found, rows.Err()
}

// deleteFull forgets at most limit buckets that were full before the moment.
func deleteFull(ctx context.Context, q store.Queryer, ns int64, limit int) (deleted int64, err error) {
	result, err := q.Exec(ctx, `DELETE FROM quota_buckets
		WHERE tag IN (SELECT tag FROM quota_buckets WHERE full_ns < $1 ORDER BY full_ns LIMIT $2)`, ns, limit)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}
