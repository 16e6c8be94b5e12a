package outbox

import (
	"context"
	"database/sql"
	"errors"
	"math/bits"
	"time"

	"signet/internal/store"
)

// state is where a job stands.
type state string

const (
	pending   state = "pending"
	done      state = "done"
	dead      state = "dead"
	withdrawn state = "withdrawn"
)

type jobRow struct {
	id, kind, key                     string
	payload                           []byte
	attempts                          int
	due, leaseUntil, expires, created time.Time
}

// insertJob returns the id that stands under the row's kind and key afterwards. It looks
// for another's only where there is one: on PostgreSQL whoever reads next to what others
// insert is their rival.
func insertJob(ctx context.Context, tx *store.Tx, r jobRow) (id string, err error) {
	err = tx.QueryRow(ctx, `INSERT INTO outbox_jobs
		(id, kind, idempotency_key, payload, state, attempts, due_ms, lease_until_ms, expires_ms, created_ms)
		VALUES ($1, $2, $3, $4, 'pending', $5, $6, $7, $8, $9)
		ON CONFLICT (kind, idempotency_key) DO NOTHING RETURNING id`,
		r.id, r.kind, r.key, r.payload, r.attempts, r.due.UnixMilli(), store.Millis(r.leaseUntil), r.expires.UnixMilli(), r.created.UnixMilli()).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		err = tx.QueryRow(ctx, `SELECT id FROM outbox_jobs WHERE kind = $1 AND idempotency_key = $2`, r.kind, r.key).Scan(&id)
	}
	return id, err
}

func selectStateByKey(ctx context.Context, q store.Queryer, kind, key string) (s state, err error) {
	err = q.QueryRow(ctx, `SELECT state FROM outbox_jobs WHERE kind = $1 AND idempotency_key = $2`, kind, key).Scan(&s)
	return s, err
}

// due finds the jobs of kind $1 that are due at $2 and that nobody holds, as the index
// outbox_due_by_kind has them: the jobs that have ended are many more.
const due = `FROM outbox_jobs WHERE state = 'pending' AND kind = $1 AND due_ms <= $2 AND lease_until_ms <= $2`

const (
	findDue  = `SELECT EXISTS (SELECT 1 ` + due + `)`
	leaseDue = `UPDATE outbox_jobs SET lease_until_ms = $3, attempts = attempts + 1
		WHERE id IN (SELECT id ` + due + ` ORDER BY due_ms LIMIT $4)
		RETURNING id, kind, idempotency_key, payload, attempts, lease_until_ms, expires_ms`
)

// leaseJobs takes the jobs of a kind that are due and that nobody holds.
func leaseJobs(ctx context.Context, db *store.DB, kind string, now time.Time, limit int) (rows []jobRow, err error) {
	var any bool
	err = db.QueryRow(ctx, findDue, kind, now.UnixMilli()).Scan(&any)
	if err != nil || !any { // the usual case costs no writing transaction
		return nil, err
	}
	err = db.Tx(ctx, func(tx *store.Tx) error {
		found, err := tx.Query(ctx, leaseDue, kind, now.UnixMilli(), now.Add(leaseTime).UnixMilli(), limit)
		if err != nil {
			return err
		}
		rows, err = scanJobs(found)
		return err
	})
	if err != nil {
		return nil, err // what was not committed is leased to nobody
	}
	return rows, nil
}

// finishJobs ends jobs that are done, whoever holds their leases now. Their payloads are
// forgotten. The list is filled up with its last to a power of two: a few statements
// are prepared, not one for each length.
func finishJobs(ctx context.Context, q store.Queryer, ids []string, now time.Time) error {
	args, n := []any{now.UnixMilli(), []byte{}}, 1<<bits.Len(uint(len(ids)-1))
	for i := range n {
		args = append(args, ids[min(i, len(ids)-1)])
	}
	_, err := q.Exec(ctx, `UPDATE outbox_jobs SET state = 'done', payload = $2, failure = '', ended_ms = $1
		WHERE state = 'pending' AND id IN (`+store.Parameters(3, n)+`)`, args...)
	return err
}

func withdrawJob(ctx context.Context, tx *store.Tx, id string, now time.Time) (withdrawn bool, err error) {
	return store.Changed(tx.Exec(ctx, `UPDATE outbox_jobs SET state = 'withdrawn', payload = $3, ended_ms = $2
		WHERE id = $1 AND state = 'pending'`, id, now.UnixMilli(), []byte{}))
}

// withdrawJobByKey leaves the payload, which it returns, for forgetPayload.
func withdrawJobByKey(ctx context.Context, tx *store.Tx, kind, key string, now time.Time) (id string, payload []byte, err error) {
	err = tx.QueryRow(ctx, `UPDATE outbox_jobs SET state = 'withdrawn', ended_ms = $3
		WHERE kind = $1 AND idempotency_key = $2 AND state = 'pending' RETURNING id, payload`, kind, key, now.UnixMilli()).Scan(&id, &payload)
	return id, payload, err
}

func forgetPayload(ctx context.Context, tx *store.Tx, id string) error {
	_, err := tx.Exec(ctx, `UPDATE outbox_jobs SET payload = $2 WHERE id = $1`, id, []byte{})
	return err
}

// buryJob ends a job that row's attempt found hopeless. The number of attempts
// tells whether it is still that one's to say: each lease counts one up. The payload is
// forgotten: whom it was for may be erased, and nobody would find it here.
func buryJob(ctx context.Context, tx *store.Tx, row jobRow, failure string, now time.Time) (buried bool, err error) {
	return store.Changed(tx.Exec(ctx, `UPDATE outbox_jobs SET state = 'dead', payload = $5, failure = $3, ended_ms = $4
		WHERE id = $1 AND state = 'pending' AND attempts = $2`, row.id, row.attempts, failure, now.UnixMilli(), []byte{}))
}

// rescheduleJob gives up the lease of row's attempt, if that still has it.
func rescheduleJob(ctx context.Context, q store.Queryer, row jobRow, due time.Time, failure string) error {
	_, err := q.Exec(ctx, `UPDATE outbox_jobs SET due_ms = $3, lease_until_ms = 0, failure = $4
		WHERE id = $1 AND state = 'pending' AND attempts = $2`,
		row.id, row.attempts, due.UnixMilli(), failure)
	return err
}

// deleteEnded forgets at most limit jobs that ended before the moment of their state.
// Its first condition is that of the index.
func deleteEnded(ctx context.Context, q store.Queryer, doneBefore, deadBefore time.Time, limit int) (deleted int64, err error) {
	result, err := q.Exec(ctx, `DELETE FROM outbox_jobs WHERE id IN (SELECT id FROM outbox_jobs
		WHERE state <> 'pending' AND ended_ms < $1 AND (state <> 'dead' OR ended_ms < $2)
		ORDER BY ended_ms LIMIT $3)`,
		doneBefore.UnixMilli(), deadBefore.UnixMilli(), limit)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

func scanJobs(rows *sql.Rows) (jobs []jobRow, err error) {
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		job, err := scanJob(rows)
		if err != nil {
			return nil, err
		}
		jobs = append(jobs, job)
	}
	return jobs, rows.Err()
}

func scanJob(row interface{ Scan(...any) error }) (r jobRow, err error) {
	var lease, expires int64
	err = row.Scan(&r.id, &r.kind, &r.key, &r.payload, &r.attempts, &lease, &expires)
	r.leaseUntil, r.expires = time.UnixMilli(lease), time.UnixMilli(expires)
	return r, err
}
