package fraud

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"signet/internal/store"
)

// medium is the one that the switch is for.
const medium = "msisdn"

// selectSwitch is on where nobody has switched.
func selectSwitch(ctx context.Context, q store.Queryer) (sw Switch, err error) {
	var changed int64
	err = q.QueryRow(ctx, `SELECT sending, reason, changed_ms FROM fraud_switch WHERE medium = $1`, medium).
		Scan(&sw.On, &sw.Reason, &changed)
	if errors.Is(err, sql.ErrNoRows) {
		return Switch{On: true}, nil
	}
	sw.Changed = store.Time(changed)
	return sw, err
}

func putSwitch(ctx context.Context, q store.Queryer, sw Switch) error {
	_, err := q.Exec(ctx, `INSERT INTO fraud_switch (medium, sending, reason, changed_ms) VALUES ($1, $2, $3, $4)
		ON CONFLICT (medium) DO UPDATE SET sending = $2, reason = $3, changed_ms = $4`,
		medium, sw.On, sw.Reason, store.Millis(sw.Changed))
	return err
}

// moveTotals moves those of the totals that end within their bounds, in their order, and
// returns what they have come to. An amount is compared and added where the row is
// locked, so that at any isolation each sees what the last one left.
func moveTotals(ctx context.Context, q store.Queryer, m movement) (map[total]Spending, error) {
	moved := map[total]Spending{}
	args := []any{m.by.Messages, m.by.Segments, int64(m.by.Spent), int64(m.day), int64(m.month)}
	for _, t := range m.totals {
		args = append(args, string(t.period), t.startMS, t.country)
	}
	rows, err := q.Query(ctx, moveStatement(len(m.totals)), args...)
	err = each(rows, err, func() error {
		var t total
		var s Spending
		err := rows.Scan(&t.period, &t.startMS, &t.country, &s.Messages, &s.Segments, &s.Spent)
		moved[t] = s
		return err
	})
	return moved, err
}

// moveStatement is the statement for so many totals, each with three parameters of its
// own after five that they share.
func moveStatement(totals int) string {
	rows := make([]string, totals)
	for i := range rows {
		rows[i] = fmt.Sprintf("($%d, $%d, $%d, $1, $2, $3)", 3*i+6, 3*i+7, 3*i+8)
	}
	return `INSERT INTO fraud_totals (period, start_ms, country, messages, segments, micros) VALUES ` + strings.Join(rows, ", ") + `
		ON CONFLICT (period, start_ms, country) DO UPDATE SET messages = fraud_totals.messages + excluded.messages,
			segments = fraud_totals.segments + excluded.segments, micros = fraud_totals.micros + excluded.micros
		WHERE fraud_totals.messages + excluded.messages >= 0 AND fraud_totals.segments + excluded.segments >= 0
			AND fraud_totals.micros + excluded.micros >= 0
			AND (fraud_totals.country <> '' OR fraud_totals.micros + excluded.micros
				<= CASE WHEN fraud_totals.period = 'day' THEN CAST($4 AS BIGINT) ELSE CAST($5 AS BIGINT) END)
		RETURNING period, start_ms, country, messages, segments, micros`
}

// selectSpent is what was spent in the day or month that a moment is in.
func selectSpent(ctx context.Context, q store.Queryer, p Period, at time.Time) (s Spending, err error) {
	err = q.QueryRow(ctx, `SELECT messages, segments, micros FROM fraud_totals
		WHERE period = $1 AND start_ms = $2 AND country = ''`, string(p), p.around(at).from.UnixMilli()).
		Scan(&s.Messages, &s.Segments, &s.Spent)
	if errors.Is(err, sql.ErrNoRows) {
		return Spending{}, nil
	}
	return s, err
}

func selectSpentByCountry(ctx context.Context, q store.Queryer, s span) (map[string]Spending, error) {
	found := map[string]Spending{}
	rows, err := q.Query(ctx, `SELECT country, CAST(SUM(messages) AS BIGINT), CAST(SUM(segments) AS BIGINT), CAST(SUM(micros) AS BIGINT)
		FROM fraud_totals WHERE period = 'day' AND start_ms >= $1 AND start_ms < $2 AND country <> ''
		GROUP BY country HAVING SUM(messages) > 0`, s.from.UnixMilli(), s.to.UnixMilli())
	err = each(rows, err, func() error {
		var country string
		var spending Spending
		err := rows.Scan(&country, &spending.Messages, &spending.Segments, &spending.Spent)
		found[country] = spending
		return err
	})
	return found, err
}

// moveSends adds to what was sent to a block and its country, in this order, and to the
// codes that came back, of which there are never more.
func moveSends(ctx context.Context, q store.Queryer, block, country scope, slotMS int64, by tally) error {
	_, err := q.Exec(ctx, `INSERT INTO fraud_sends (scope, slot_ms, country, sent, validated)
		VALUES ($1, $3, $2, $4, 0), ($2, $3, $2, $4, 0)
		ON CONFLICT (scope, slot_ms) DO UPDATE SET sent = fraud_sends.sent + $4, validated = fraud_sends.validated + $5
		WHERE fraud_sends.validated + $5 <= fraud_sends.sent + $4`, block.key, country.key, slotMS, by.sent, by.validated)
	return err
}

func selectTally(ctx context.Context, q store.Queryer, key string, w window) (t tally, err error) {
	err = q.QueryRow(ctx, `SELECT CAST(COALESCE(SUM(sent), 0) AS BIGINT), CAST(COALESCE(SUM(validated), 0) AS BIGINT)
		FROM fraud_sends WHERE scope = $1 AND slot_ms >= $2 AND slot_ms <= $3`,
		key, w.first, w.last).Scan(&t.sent, &t.validated)
	return t, err
}

// moveVouched is moveSends for a number.
func moveVouched(ctx context.Context, q store.Queryer, n neighbour, slotMS int64, by tally) error {
	_, err := q.Exec(ctx, `INSERT INTO fraud_vouched (scope, slot_ms, number, sent, validated) VALUES ($1, $2, $3, $4, 0)
		ON CONFLICT (scope, slot_ms, number) DO UPDATE SET sent = fraud_vouched.sent + $4, validated = fraud_vouched.validated + $5
		WHERE fraud_vouched.validated + $5 <= fraud_vouched.sent + $4`, n.block.key, slotMS, n.tag, by.sent, by.validated)
	return err
}

func selectVouchedTally(ctx context.Context, q store.Queryer, key string, w window) (t vouchedTally, err error) {
	err = q.QueryRow(ctx, `SELECT CAST(COALESCE(SUM(sent), 0) AS BIGINT), CAST(COALESCE(SUM(validated), 0) AS BIGINT),
			COUNT(DISTINCT number)
		FROM fraud_vouched WHERE scope = $1 AND slot_ms >= $2 AND slot_ms <= $3 AND sent > 0`,
		key, w.first, w.last).Scan(&t.sent, &t.validated, &t.numbers)
	return t, err
}

// selectTallies is selectTally of every scope with enough messages, without what was
// sent before its pause or its country's ended.
func selectTallies(ctx context.Context, q store.Queryer, w window, after int) (found []scopeTally, err error) {
	rows, err := q.Query(ctx, `SELECT s.scope, s.country, CAST(SUM(s.sent) AS BIGINT), CAST(SUM(s.validated) AS BIGINT)
		FROM fraud_sends s
		LEFT JOIN fraud_pauses own ON own.scope = s.scope
		LEFT JOIN fraud_pauses country ON country.scope = s.country
		WHERE s.slot_ms >= $1 AND s.slot_ms <= $2
			AND s.slot_ms >= COALESCE(own.until_ms, 0) AND s.slot_ms >= COALESCE(country.until_ms, 0)
		GROUP BY s.scope, s.country HAVING SUM(s.sent) >= CAST($3 AS BIGINT)`, w.first, w.last, after)
	err = each(rows, err, func() error {
		var s scopeTally
		err := rows.Scan(&s.key, &s.country, &s.sent, &s.validated)
		found = append(found, s)
		return err
	})
	return found, err
}

// selectCountries counts each country's messages since then, those under way included.
func selectCountries(ctx context.Context, q store.Queryer, since time.Time) (found []scopeTally, err error) {
	rows, err := q.Query(ctx, `SELECT country, CAST(SUM(sent) AS BIGINT), CAST(SUM(validated) AS BIGINT)
		FROM fraud_sends WHERE scope = country AND slot_ms >= $1 GROUP BY country`, since.UnixMilli())
	err = each(rows, err, func() error {
		var s scopeTally
		err := rows.Scan(&s.country, &s.sent, &s.validated)
		found = append(found, s)
		return err
	})
	return found, err
}

// selectUntil is when the scope's last pause ends or ended, 0 if it had none.
func selectUntil(ctx context.Context, q store.Queryer, key string) (ms int64, err error) {
	err = q.QueryRow(ctx, `SELECT until_ms FROM fraud_pauses WHERE scope = $1`, key).Scan(&ms)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return ms, err
}

// putPause pauses a scope unless it is paused.
func putPause(ctx context.Context, tx *store.Tx, s scopeTally, now, until time.Time) (first bool, err error) {
	return store.Changed(tx.Exec(ctx, `INSERT INTO fraud_pauses (scope, country, since_ms, until_ms, sent, validated)
		VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (scope) DO UPDATE SET since_ms = $3, until_ms = $4, sent = $5, validated = $6
		WHERE fraud_pauses.until_ms <= $3`,
		s.key, s.country, now.UnixMilli(), until.UnixMilli(), s.sent, s.validated))
}

func selectPauses(ctx context.Context, q store.Queryer, now time.Time) (found []Pause, err error) {
	rows, err := q.Query(ctx, `SELECT scope, country, since_ms, until_ms, sent, validated FROM fraud_pauses
		WHERE until_ms > $1 ORDER BY since_ms DESC, until_ms DESC`, now.UnixMilli())
	err = each(rows, err, func() error {
		var s scope
		var p Pause
		var since, until int64
		err := rows.Scan(&s.key, &p.Country, &since, &until, &p.Sent, &p.Validated)
		p.Fingerprint, p.Since, p.Until = s.fingerprint(), store.Time(since), store.Time(until)
		found = append(found, p)
		return err
	})
	return found, err
}

func liftBlock(ctx context.Context, tx *store.Tx, fingerprint string, now time.Time) (lifted int64, err error) {
	return affected(tx.Exec(ctx, `UPDATE fraud_pauses SET until_ms = $2
		WHERE substr(scope, 1, 8) = $1 AND until_ms > $2`, fingerprint, now.UnixMilli()))
}

// liftCountry ends the pauses of a country's blocks. The country's own row, which
// pauses nothing, forgives all that was sent to it.
func liftCountry(ctx context.Context, tx *store.Tx, country string, now time.Time) (lifted int64, err error) {
	lifted, err = affected(tx.Exec(ctx, `UPDATE fraud_pauses SET until_ms = $2
		WHERE country = $1 AND until_ms > $2`, country, now.UnixMilli()))
	if err != nil {
		return 0, err
	}
	_, err = tx.Exec(ctx, `INSERT INTO fraud_pauses (scope, country, since_ms, until_ms, sent, validated)
		VALUES ($1, $1, $2, $2, 0, 0) ON CONFLICT (scope) DO UPDATE SET since_ms = $2, until_ms = $2`, country, now.UnixMilli())
	return lifted, err
}

func insertAlert(ctx context.Context, q store.Queryer, alert string, now time.Time) (first bool, err error) {
	return store.Changed(q.Exec(ctx, `INSERT INTO fraud_alerts (alert, raised_ms) VALUES ($1, $2) ON CONFLICT DO NOTHING`,
		alert, now.UnixMilli()))
}

func deleteSends(ctx context.Context, q store.Queryer, before time.Time) error {
	_, err := q.Exec(ctx, `DELETE FROM fraud_sends WHERE slot_ms < $1`, before.UnixMilli())
	return err
}

func deleteVouched(ctx context.Context, q store.Queryer, before time.Time) error {
	_, err := q.Exec(ctx, `DELETE FROM fraud_vouched WHERE slot_ms < $1`, before.UnixMilli())
	return err
}

// deletePauses keeps a pause until all that it forgives is forgotten.
func deletePauses(ctx context.Context, q store.Queryer, endedBefore time.Time) error {
	_, err := q.Exec(ctx, `DELETE FROM fraud_pauses WHERE until_ms < $1`, endedBefore.UnixMilli())
	return err
}

// deleteTotals forgets what is old and what came to nothing.
func deleteTotals(ctx context.Context, q store.Queryer, before time.Time) error {
	_, err := q.Exec(ctx, `DELETE FROM fraud_totals
		WHERE start_ms < $1 OR messages = 0 AND segments = 0 AND micros = 0`, before.UnixMilli())
	return err
}

func deleteAlerts(ctx context.Context, q store.Queryer, before time.Time) error {
	_, err := q.Exec(ctx, `DELETE FROM fraud_alerts WHERE raised_ms < $1`, before.UnixMilli())
	return err
}

func affected(result sql.Result, err error) (int64, error) {
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// each runs scan on every row of a query that may have failed.
func each(rows *sql.Rows, err error, scan func() error) error {
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(); err != nil {
			return err
		}
	}
	return rows.Err()
}
