package thirdparty

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"signet/internal/matrix"
	"signet/internal/store"
)

// insertClaim stores a claim that is due now. One that is there stays as it is.
func insertClaim(ctx context.Context, tx *store.Tx, c Claim, now time.Time) error {
	_, err := tx.Exec(ctx, `INSERT INTO third_party_claims (id, room_id, sender, user_id, destination, signed, attempts, due_ms, created_ms, ended_ms)
		VALUES ($1, $2, $3, $4, $5, $6, 0, $7, $7, 0) ON CONFLICT DO NOTHING`,
		c.id(), c.Room, c.Sender.String(), c.Signed.User.String(), c.Sender.Server().String(), []byte(c.Signed.value), now.UnixMilli())
	return err
}

// endMostFailed ends of a user's claims those above maxWaiting that have failed most often,
// the oldest first.
func endMostFailed(ctx context.Context, tx *store.Tx, user matrix.UserID, now time.Time) error {
	_, err := tx.Exec(ctx, `UPDATE third_party_claims SET ended_ms = $2 WHERE id IN (
		SELECT id FROM third_party_claims WHERE user_id = $1 AND ended_ms = 0 ORDER BY attempts, created_ms DESC LIMIT 1000000 OFFSET $3)`,
		user.String(), now.UnixMilli(), maxWaiting)
	return err
}

// selectDue is the claim that has been due for longest, of those whose destination is not
// busy.
func selectDue(ctx context.Context, q store.Queryer, busy map[matrix.ServerName]bool, now time.Time) (row claimRow, found bool, err error) {
	args := []any{now.UnixMilli()}
	for server := range busy {
		args = append(args, server.String())
	}
	for len(args) < 1+slots {
		args = append(args, "") // which is no server
	}
	var signed []byte
	var created int64
	err = q.QueryRow(ctx, `SELECT id, room_id, sender, destination, signed, attempts, created_ms FROM third_party_claims
		WHERE ended_ms = 0 AND due_ms <= $1 AND destination NOT IN (`+store.Parameters(2, slots)+`) ORDER BY due_ms LIMIT 1`, args...).
		Scan(&row.id, &row.Room, &row.Sender, &row.destination, &signed, &row.attempts, &created)
	if errors.Is(err, sql.ErrNoRows) {
		return row, false, nil
	}
	if err != nil {
		return row, false, err
	}
	row.created = time.UnixMilli(created)
	row.Signed, err = ParseSigned(signed)
	return row, true, err
}

// selectNextDue is when the next claim is due, if any waits.
func selectNextDue(ctx context.Context, q store.Queryer) (due time.Time, waits bool, err error) {
	var ms sql.NullInt64
	err = q.QueryRow(ctx, `SELECT MIN(due_ms) FROM third_party_claims WHERE ended_ms = 0`).Scan(&ms)
	return time.UnixMilli(ms.Int64), ms.Valid, err
}

func updateDue(ctx context.Context, q store.Queryer, id string, attempts int, due time.Time) error {
	_, err := q.Exec(ctx, `UPDATE third_party_claims SET attempts = $2, due_ms = $3 WHERE id = $1`, id, attempts, due.UnixMilli())
	return err
}

func updateEnded(ctx context.Context, q store.Queryer, id string, now time.Time) error {
	_, err := q.Exec(ctx, `UPDATE third_party_claims SET ended_ms = $2 WHERE id = $1`, id, now.UnixMilli())
	return err
}

func deleteEnded(ctx context.Context, q store.Queryer, before time.Time) error {
	_, err := q.Exec(ctx, `DELETE FROM third_party_claims WHERE ended_ms > 0 AND ended_ms < $1`, before.UnixMilli())
	return err
}

func deleteOf(ctx context.Context, tx *store.Tx, user matrix.UserID) error {
	_, err := tx.Exec(ctx, `DELETE FROM third_party_claims WHERE user_id = $1`, user.String())
	return err
}

func selectStatus(ctx context.Context, q store.Queryer) (s Status, err error) {
	var oldest sql.NullInt64
	err = q.QueryRow(ctx, `SELECT COUNT(*), MIN(created_ms) FROM third_party_claims WHERE ended_ms = 0`).Scan(&s.Waiting, &oldest)
	if oldest.Valid {
		s.Oldest = store.Time(oldest.Int64)
	}
	return s, err
}
