package people

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"signet/internal/matrix"
	"signet/internal/store"
)

// state is the row of people_state.
type state struct {
	feed     int64 // position of the newest change that was followed
	skipped  int64 // changes whose address is no label
	erasures int64
}

func selectState(ctx context.Context, q store.Queryer) (s state, err error) {
	err = q.QueryRow(ctx, `SELECT feed_position, skipped, erasures FROM people_state WHERE id = 1`).Scan(&s.feed, &s.skipped, &s.erasures)
	return s, err
}

// advanceFeed moves the position, if the state is still what it was.
func advanceFeed(ctx context.Context, tx *store.Tx, before state, to, skips int64) (moved bool, err error) {
	return store.Changed(tx.Exec(ctx, `UPDATE people_state SET feed_position = $1, skipped = skipped + $2
		WHERE id = 1 AND feed_position = $3 AND erasures = $4`, to, skips, before.feed, before.erasures))
}

func raiseErasures(ctx context.Context, tx *store.Tx) error {
	_, err := tx.Exec(ctx, `UPDATE people_state SET erasures = erasures + 1 WHERE id = 1`)
	return err
}

// addErased lists a label for the erasure that was counted last, and forgets those of long ago.
func addErased(ctx context.Context, tx *store.Tx, t tag) error {
	_, err := tx.Exec(ctx, `INSERT INTO people_erasures (n, label_tag) SELECT erasures, $1 FROM people_state WHERE id = 1
		ON CONFLICT (n, label_tag) DO NOTHING`, t[:])
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `DELETE FROM people_erasures WHERE n <= (SELECT erasures FROM people_state WHERE id = 1) - $1`, erasuresKept)
	return err
}

// selectErased reads the labels of erasures after a number.
func selectErased(ctx context.Context, q store.Queryer, after int64) ([]tag, error) {
	rows, err := q.Query(ctx, `SELECT label_tag FROM people_erasures WHERE n > $1`, after)
	if err != nil {
		return nil, err
	}
	return scanAll(rows, scanTag)
}

// parametersAtATime is how many parameters a statement has at most. What it costs SQLite's
// driver to find one by its number grows with how many there are, 2 us each at this many, and
// each statement is a way to PostgreSQL.
const parametersAtATime = 200

// chunks calls each for parts of a list, whose elements are so many parameters each.
func chunks[T any](all []T, columns int, each func([]T) error) error {
	for len(all) > 0 {
		n := min(len(all), parametersAtATime/columns)
		if err := each(all[:n]); err != nil {
			return err
		}
		all = all[n:]
	}
	return nil
}

// selectLabels reads those rows of the tags that are there.
func selectLabels(ctx context.Context, q store.Queryer, tags []tag) (all []label, err error) {
	err = chunks(tags, 1, func(part []tag) error {
		args := make([]any, len(part))
		for i, t := range part {
			args[i] = t[:]
		}
		rows, err := q.Query(ctx, `SELECT label_tag, label_sealed, next_version, queued_ms FROM people_labels WHERE label_tag IN `+
			store.RowParameters(1, len(part)), args...)
		if err != nil {
			return err
		}
		found, err := scanAll(rows, scanLabel)
		all = append(all, found...)
		return err
	})
	return all, err
}

// scanAll reads rows to their end.
func scanAll[T any](rows *sql.Rows, scan func(scanner) (T, error)) (all []T, err error) {
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		one, err := scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, rows.Err()
}

type scanner interface{ Scan(to ...any) error }

func scanLabel(r scanner) (l label, err error) {
	var t []byte
	if err := r.Scan(&t, &l.sealed, &l.next, &l.queued); err != nil {
		return l, err
	}
	l.tag, err = tagFrom(t)
	return l, err
}

func tagFrom(b []byte) (tag, error) {
	if len(b) != len(tag{}) {
		return tag{}, fmt.Errorf("a tag has %d octets", len(b))
	}
	return tag(b), nil
}

// selectLabel reads one row; sql.ErrNoRows if the label has no version.
func selectLabel(ctx context.Context, q store.Queryer, t tag) (label, error) {
	return scanLabel(q.QueryRow(ctx, `SELECT label_tag, label_sealed, next_version, queued_ms FROM people_labels WHERE label_tag = $1`, t[:]))
}

// putLabels writes rows, of which there is one a tag.
func putLabels(ctx context.Context, tx *store.Tx, all []label) error {
	return chunks(all, 4, func(part []label) error {
		var args []any
		for i := range part {
			args = append(args, part[i].tag[:], bytea(part[i].sealed), part[i].next, part[i].queued)
		}
		_, err := tx.Exec(ctx, `INSERT INTO people_labels (label_tag, label_sealed, next_version, queued_ms) VALUES `+store.RowParameters(len(part), 4)+`
			ON CONFLICT (label_tag) DO UPDATE SET label_sealed = excluded.label_sealed, next_version = excluded.next_version, queued_ms = excluded.queued_ms`, args...)
		return err
	})
}

const versionColumns = `label_tag, version, position, queued_ms, user_tag, session_id, prepared, opening_sealed, value_sealed`

func scanVersion(r scanner) (v version, err error) {
	var t []byte
	if err := r.Scan(&t, &v.number, &v.position, &v.queued, &v.userTag, &v.session, &v.prepared, &v.opening, &v.value); err != nil {
		return v, err
	}
	v.tag, err = tagFrom(t)
	return v, err
}

// waiting is a version that is pending, and its label.
type waiting struct {
	version
	labelSealed []byte
}

// selectPending reads versions that wait, in the order in which they are logged, but for those of
// some labels.
func selectPending(ctx context.Context, q store.Queryer, limit int, but []tag) ([]waiting, error) {
	args, others := besides([]any{limit}, but)
	rows, err := q.Query(ctx, `SELECT v.label_tag, v.version, v.position, v.queued_ms, v.user_tag, v.session_id, v.prepared, v.opening_sealed, v.value_sealed,
		l.label_sealed FROM people_versions v JOIN people_labels l ON l.label_tag = v.label_tag
		WHERE v.position = 0`+others+` ORDER BY v.queued_ms, v.version, v.label_tag LIMIT $1`, args...)
	if err != nil {
		return nil, err
	}
	return scanAll(rows, func(r scanner) (w waiting, err error) {
		w.version, err = scanVersion(joined{r, &w.labelSealed})
		return w, err
	})
}

func countPending(ctx context.Context, q store.Queryer) (n int64, err error) {
	err = q.QueryRow(ctx, `SELECT COUNT(*) FROM people_versions WHERE position = 0`).Scan(&n)
	return n, err
}

// joined scans a column more than it is asked to.
type joined struct {
	scanner
	last any
}

func (j joined) Scan(to ...any) error { return j.scanner.Scan(append(to, j.last)...) }

// selectWaiting reads the versions of a label that are pending.
func selectWaiting(ctx context.Context, q store.Queryer, t tag) ([]version, error) {
	return selectVersions(ctx, q, `label_tag = $1 AND position = 0 ORDER BY version`, t[:])
}

// selectHistory reads all versions of a label.
func selectHistory(ctx context.Context, q store.Queryer, t tag) ([]version, error) {
	return selectVersions(ctx, q, `label_tag = $1 ORDER BY version`, t[:])
}

// selectPage reads versions of a label from one on, as far as they are in the tree of a size.
func selectPage(ctx context.Context, q store.Queryer, t tag, from uint32, limit int, size int64) ([]version, error) {
	return selectVersions(ctx, q, `label_tag = $1 AND version >= $2 AND position > 0 AND position < $3 ORDER BY version LIMIT $4`, t[:], from, size, limit)
}

// selectVersionsBy reads the versions that name a user.
func selectVersionsBy(ctx context.Context, q store.Queryer, userTag []byte) ([]version, error) {
	return selectVersions(ctx, q, `user_tag = $1 ORDER BY label_tag, version`, userTag)
}

func selectVersions(ctx context.Context, q store.Queryer, where string, args ...any) ([]version, error) {
	rows, err := q.Query(ctx, `SELECT `+versionColumns+` FROM people_versions WHERE `+where, args...)
	if err != nil {
		return nil, err
	}
	return scanAll(rows, scanVersion)
}

// selectNewest reads the greatest version of a label, logged or not; sql.ErrNoRows if it has
// none.
func selectNewest(ctx context.Context, q store.Queryer, t tag) (version, error) {
	return scanVersion(q.QueryRow(ctx, `SELECT `+versionColumns+` FROM people_versions WHERE label_tag = $1 ORDER BY version DESC LIMIT 1`, t[:]))
}

// selectBefore reads the greatest version of a label before a number; sql.ErrNoRows if there is
// none.
func selectBefore(ctx context.Context, q store.Queryer, t tag, number uint32) (version, error) {
	return scanVersion(q.QueryRow(ctx, `SELECT `+versionColumns+` FROM people_versions
		WHERE label_tag = $1 AND version < $2 ORDER BY version DESC LIMIT 1`, t[:], number))
}

// selectLogged reads the greatest version of a label in the tree of a size; sql.ErrNoRows if
// it has none.
func selectLogged(ctx context.Context, q store.Queryer, t tag, size int64) (version, error) {
	return scanVersion(q.QueryRow(ctx, `SELECT `+versionColumns+` FROM people_versions
		WHERE label_tag = $1 AND position > 0 AND position < $2 ORDER BY version DESC LIMIT 1`, t[:], size))
}

// selectVersion reads one; sql.ErrNoRows if it is not there.
func selectVersion(ctx context.Context, q store.Queryer, t tag, number uint32) (version, error) {
	return scanVersion(q.QueryRow(ctx, `SELECT `+versionColumns+` FROM people_versions WHERE label_tag = $1 AND version = $2`, t[:], number))
}

// selectTagsBy reads the labels that have versions which name a user.
func selectTagsBy(ctx context.Context, q store.Queryer, userTag []byte) ([]tag, error) {
	rows, err := q.Query(ctx, `SELECT DISTINCT label_tag FROM people_versions WHERE user_tag = $1 ORDER BY label_tag`, userTag)
	if err != nil {
		return nil, err
	}
	return scanAll(rows, scanTag)
}

func versionArgs(v *version) []any {
	return []any{v.tag[:], v.number, v.position, v.queued, bytea(v.userTag), v.session, bytea(v.prepared), bytea(v.opening), bytea(v.value)}
}

// bytea is b, and no NULL if b is empty: SQLite reads what is empty as nil.
func bytea(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// addVersions writes versions of the feed, logged or to wait, and counts those that are new.
func addVersions(ctx context.Context, tx *store.Tx, all []candidate) (added int64, err error) {
	return writeVersions(ctx, tx, all, writing{
		into:     `(session_id, prepared, label_tag, version, position, queued_ms, user_tag, opening_sealed, value_sealed)`,
		alike:    `'', $1`,
		conflict: `DO NOTHING`,
		columns:  7,
		args: func(v *version) []any {
			return []any{v.tag[:], v.number, v.position, v.queued, v.userTag, bytea(v.opening), v.value}
		},
	})
}

// placeVersions writes positions and openings of versions that are pending, and counts them.
func placeVersions(ctx context.Context, tx *store.Tx, all []candidate) (placed int64, err error) {
	return writeVersions(ctx, tx, all, writing{
		into:  `(session_id, prepared, user_tag, value_sealed, queued_ms, label_tag, version, position, opening_sealed)`,
		alike: `'', $1, $1, $1, 0`,
		conflict: `DO UPDATE SET position = excluded.position, opening_sealed = excluded.opening_sealed, prepared = excluded.prepared
			WHERE people_versions.position = 0`,
		columns: 4,
		args:    func(v *version) []any { return []any{v.tag[:], v.number, v.position, v.opening} },
	})
}

// writing is how rows of people_versions are written: first the columns that are alike in all,
// in which $1 is no octets, and then those of each.
type writing struct {
	into, alike, conflict string
	columns               int // of args
	args                  func(v *version) []any
}

func writeVersions(ctx context.Context, tx *store.Tx, all []candidate, w writing) (written int64, err error) {
	err = chunks(all, w.columns, func(part []candidate) error {
		args := []any{[]byte{}}
		var rows strings.Builder
		for i := range part {
			of := w.args(&part[i].version)
			fmt.Fprintf(&rows, ", (%s, %s)", w.alike, store.Parameters(len(args)+1, len(of)))
			args = append(args, of...)
		}
		result, err := tx.Exec(ctx, `INSERT INTO people_versions `+w.into+` VALUES `+rows.String()[2:]+` ON CONFLICT (label_tag, version) `+w.conflict, args...)
		if err != nil {
			return err
		}
		n, err := result.RowsAffected()
		written += n
		return err
	})
	return written, err
}

// replaceVersion writes another version in the place of one that is pending.
func replaceVersion(ctx context.Context, tx *store.Tx, v version) error {
	_, err := tx.Exec(ctx, `UPDATE people_versions SET user_tag = $3, session_id = $4, prepared = $5, opening_sealed = $6, value_sealed = $7
		WHERE label_tag = $1 AND version = $2 AND position = 0`, v.tag[:], v.number, v.userTag, v.session, v.prepared, v.opening, v.value)
	return err
}

// destroyVersions forgets what is behind the versions of a label that are logged: all, or those
// that name a user.
func destroyVersions(ctx context.Context, tx *store.Tx, t tag, userTag []byte) error {
	const forget = `UPDATE people_versions SET user_tag = $2, session_id = '', opening_sealed = $2, value_sealed = $2 WHERE label_tag = $1 AND position > 0`
	if userTag == nil {
		_, err := tx.Exec(ctx, forget, t[:], []byte{})
		return err
	}
	_, err := tx.Exec(ctx, forget+` AND user_tag = $3`, t[:], []byte{}, userTag)
	return err
}

func deleteRecovery(ctx context.Context, tx *store.Tx, t tag) error {
	_, err := tx.Exec(ctx, `DELETE FROM people_recoveries WHERE label_tag = $1`, t[:])
	return err
}

func deleteRecoveriesBy(ctx context.Context, tx *store.Tx, userTag []byte) error {
	_, err := tx.Exec(ctx, `DELETE FROM people_recoveries WHERE user_tag = $1`, userTag)
	return err
}

// addVersion writes a version, and tells whether it is new.
func addVersion(ctx context.Context, tx *store.Tx, v version) (added bool, err error) {
	return store.Changed(tx.Exec(ctx, `INSERT INTO people_versions (`+versionColumns+`) VALUES `+store.RowParameters(1, 9)+`
		ON CONFLICT (label_tag, version) DO NOTHING`, versionArgs(&v)...))
}

// putRecovery writes a recovery in the place of another of the label.
func putRecovery(ctx context.Context, tx *store.Tx, r recovery) error {
	_, err := tx.Exec(ctx, `INSERT INTO people_recoveries (label_tag, label_sealed, version, due_ms, user_tag, session_id, value_sealed)
		VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (label_tag) DO UPDATE SET version = excluded.version, due_ms = excluded.due_ms,
		user_tag = excluded.user_tag, session_id = excluded.session_id, value_sealed = excluded.value_sealed`,
		r.tag[:], r.labelSealed, r.number, r.due, bytea(r.userTag), r.session, r.value)
	return err
}

const recoveryColumns = `label_tag, label_sealed, version, due_ms, user_tag, session_id, value_sealed`

func scanRecovery(row scanner) (r recovery, err error) {
	var t []byte
	if err := row.Scan(&t, &r.labelSealed, &r.number, &r.due, &r.userTag, &r.session, &r.value); err != nil {
		return r, err
	}
	r.tag, err = tagFrom(t)
	return r, err
}

// selectRecovery reads that of a label; sql.ErrNoRows if none waits.
func selectRecovery(ctx context.Context, q store.Queryer, t tag) (recovery, error) {
	return scanRecovery(q.QueryRow(ctx, `SELECT `+recoveryColumns+` FROM people_recoveries WHERE label_tag = $1`, t[:]))
}

// selectRecoveriesBy reads those that name a user.
func selectRecoveriesBy(ctx context.Context, q store.Queryer, userTag []byte) ([]recovery, error) {
	rows, err := q.Query(ctx, `SELECT `+recoveryColumns+` FROM people_recoveries WHERE user_tag = $1 ORDER BY label_tag`, userTag)
	if err != nil {
		return nil, err
	}
	return scanAll(rows, scanRecovery)
}

// selectDue reads the labels whose recoveries have waited long enough.
func selectDue(ctx context.Context, q store.Queryer, now int64, limit int) ([]tag, error) {
	rows, err := q.Query(ctx, `SELECT label_tag FROM people_recoveries WHERE due_ms <= $1 ORDER BY due_ms, label_tag LIMIT $2`, now, limit)
	if err != nil {
		return nil, err
	}
	return scanAll(rows, scanTag)
}

func scanTag(r scanner) (tag, error) {
	var t []byte
	if err := r.Scan(&t); err != nil {
		return tag{}, err
	}
	return tagFrom(t)
}

// selectRevoked reads the positions from which on revoked keys are not believed.
func selectRevoked(ctx context.Context, q store.Queryer) (ended map[matrix.KeyID]int64, err error) {
	rows, err := q.Query(ctx, `SELECT key_id, position FROM people_revoked`)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	ended = map[matrix.KeyID]int64{}
	for rows.Next() {
		var id matrix.KeyID
		var position int64
		if err := rows.Scan(&id, &position); err != nil {
			return nil, err
		}
		ended[id] = position
	}
	return ended, rows.Err()
}

// insertRevoked writes a position down, unless there is one.
func insertRevoked(ctx context.Context, q store.Queryer, id matrix.KeyID, position int64) error {
	_, err := q.Exec(ctx, `INSERT INTO people_revoked (key_id, position) VALUES ($1, $2) ON CONFLICT (key_id) DO NOTHING`, string(id), position)
	return err
}

// anyPendingSince tells whether a version waits that was queued at a time, or before, but for those
// of some labels.
func anyPendingSince(ctx context.Context, q store.Queryer, ms int64, but []tag) (waits bool, err error) {
	args, others := besides([]any{ms}, but)
	err = q.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM people_versions v WHERE v.position = 0 AND v.queued_ms <= $1`+others+`)`, args...).Scan(&waits)
	return waits, err
}

// besides leaves labels out of versions v.
func besides(args []any, but []tag) (_ []any, others string) {
	for _, t := range but {
		args = append(args, t[:])
		others += fmt.Sprintf(" AND v.label_tag <> $%d", len(args))
	}
	return args, others
}
