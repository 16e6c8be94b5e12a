package captcha

import (
	"context"
	"errors"
	"time"

	"signet/internal/store"
)

const challengeColumns = `id, expires_ms, tries, passed_ms`

func selectChallenge(ctx context.Context, q store.Queryer, id string) (Challenge, error) {
	return scan(q.QueryRow(ctx, `SELECT `+challengeColumns+` FROM captcha_challenges WHERE id = $1`, id))
}

// selectOpen finds the challenge of a subject that can be answered for longest, until
// the moment at least.
func selectOpen(ctx context.Context, q store.Queryer, subject []byte, until time.Time) (Challenge, error) {
	return scan(q.QueryRow(ctx, `SELECT `+challengeColumns+` FROM captcha_challenges
		WHERE subject = $1 AND passed_ms = 0 AND tries < $2 AND expires_ms >= $3
		ORDER BY expires_ms DESC LIMIT 1`, subject, maxTries, until.UnixMilli()))
}

func selectRecent(ctx context.Context, q store.Queryer, now time.Time) (found []Challenge, err error) {
	rows, err := q.Query(ctx, `SELECT `+challengeColumns+` FROM captcha_challenges
		WHERE expires_ms > $1 AND passed_ms = 0 ORDER BY created_ms DESC LIMIT 20`, now.UnixMilli())
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		c, err := scan(rows)
		if err != nil {
			return nil, err
		}
		found = append(found, c)
	}
	return found, rows.Err()
}

func selectClaimed(ctx context.Context, q store.Queryer, cl claim) (Challenge, error) {
	return scan(q.QueryRow(ctx, `SELECT `+challengeColumns+` FROM captcha_challenges
		WHERE id = $1 AND subject = $2`, cl.id, cl.subject))
}

func selectImage(ctx context.Context, q store.Queryer, id string) (sealed []byte, err error) {
	err = q.QueryRow(ctx, `SELECT image FROM captcha_challenges WHERE id = $1`, id).Scan(&sealed)
	return sealed, err
}

func insertChallenge(ctx context.Context, q store.Queryer, d drawn) error {
	_, err := q.Exec(ctx, `INSERT INTO captcha_challenges (id, subject, created_ms, expires_ms, image)
		VALUES ($1, $2, $3, $4, $5)`, d.ID, d.subject, d.created.UnixMilli(), d.Expires.UnixMilli(), d.sealed)
	return err
}

// countTry counts one guess at an open challenge, unless none is left.
func countTry(ctx context.Context, tx *store.Tx, id string, now time.Time) (counted bool, err error) {
	return store.Changed(tx.Exec(ctx, `UPDATE captcha_challenges SET tries = tries + 1
		WHERE id = $1 AND passed_ms = 0 AND tries < $2 AND expires_ms > $3`, id, maxTries, now.UnixMilli()))
}

// markPassed gives a passed challenge a life of its own to be used in.
func markPassed(ctx context.Context, tx *store.Tx, id string, now time.Time) error {
	_, err := tx.Exec(ctx, `UPDATE captcha_challenges SET passed_ms = $2, expires_ms = $3
		WHERE id = $1 AND passed_ms = 0`, id, now.UnixMilli(), now.Add(life).UnixMilli())
	return err
}

// countReading counts one reading aloud, unless none is left.
func countReading(ctx context.Context, q store.Queryer, id string) (counted bool, err error) {
	return store.Changed(q.Exec(ctx, `UPDATE captcha_challenges SET readings = readings + 1
		WHERE id = $1 AND readings < $2`, id, maxReadings))
}

func markChecked(ctx context.Context, tx *store.Tx, cl claim, now time.Time) (first bool, err error) {
	return store.Changed(tx.Exec(ctx, `UPDATE captcha_challenges SET checked_ms = $3
		WHERE id = $1 AND subject = $2 AND passed_ms > 0 AND checked_ms = 0 AND expires_ms > $3`,
		cl.id, cl.subject, now.UnixMilli()))
}

func markSpent(ctx context.Context, tx *store.Tx, cl claim, now time.Time) (first bool, err error) {
	return store.Changed(tx.Exec(ctx, `UPDATE captcha_challenges SET spent_ms = $3
		WHERE id = $1 AND subject = $2 AND passed_ms > 0 AND spent_ms = 0 AND expires_ms > $3`,
		cl.id, cl.subject, now.UnixMilli()))
}

func markAnySpent(ctx context.Context, tx *store.Tx, subject []byte, now time.Time) (id string, err error) {
	err = tx.QueryRow(ctx, `UPDATE captcha_challenges SET spent_ms = $2
		WHERE id = (SELECT id FROM captcha_challenges
			WHERE subject = $1 AND passed_ms > 0 AND spent_ms = 0 AND expires_ms > $2
			ORDER BY passed_ms DESC LIMIT 1) AND spent_ms = 0 RETURNING id`, subject, now.UnixMilli()).Scan(&id)
	return id, err
}

// unmarkSpent leaves an expired challenge as it is: it cannot be spent again.
func unmarkSpent(ctx context.Context, tx *store.Tx, id string, now time.Time) error {
	_, err := tx.Exec(ctx, `UPDATE captcha_challenges SET spent_ms = 0
		WHERE id = $1 AND spent_ms > 0 AND expires_ms > $2`, id, now.UnixMilli())
	return err
}

// deleteExpired forgets at most limit challenges that expired before the moment.
func deleteExpired(ctx context.Context, q store.Queryer, before time.Time, limit int) (deleted int64, err error) {
	result, err := q.Exec(ctx, `DELETE FROM captcha_challenges
		WHERE id IN (SELECT id FROM captcha_challenges WHERE expires_ms < $1 ORDER BY expires_ms LIMIT $2)`,
		before.UnixMilli(), limit)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

func scan(row interface{ Scan(...any) error }) (Challenge, error) {
	var c Challenge
	var expires, passed int64
	var tries int
	if err := row.Scan(&c.ID, &expires, &tries, &passed); err != nil {
		return Challenge{}, err
	}
	c.Expires, c.Passed, c.TriesLeft = store.Time(expires), passed > 0, maxTries-tries
	return c, nil
}
