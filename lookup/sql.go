package lookup

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"signet/internal/matrix"
	"signet/internal/store"
	"signet/internal/threepid"
)

// nextPosition takes the next position in the feed, which nobody else can before the
// transaction ends: positions are in the order of commits, and none is left out.
func nextPosition(ctx context.Context, tx *store.Tx) (position int64, err error) {
	err = tx.QueryRow(ctx, `UPDATE lookup_feed SET position = position + 1 WHERE name = 'bindings' RETURNING position`).Scan(&position)
	return position, err
}

func selectPosition(ctx context.Context, q store.Queryer) (position int64, err error) {
	err = q.QueryRow(ctx, `SELECT position FROM lookup_feed WHERE name = 'bindings'`).Scan(&position)
	return position, err
}

func (d *Directory) insertChange(ctx context.Context, tx *store.Tx, c Change) error {
	sealed := []byte{}
	if c.Kind != Erased && c.Kind != Lost {
		sealed = d.addresses.Seal([]byte(c.Address.String()), c.index)
	}
	_, err := tx.Exec(ctx, `INSERT INTO lookup_changes
		(position, kind, address_index, medium, address_sealed, user_id, former_id, session_id, ts_ms, not_after_ms)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		c.Position, string(c.Kind), c.index, string(c.Address.Medium()), sealed, c.User.String(), c.Former.String(), c.sid,
		store.Millis(c.At), store.Millis(c.NotAfter))
	return err
}

func (d *Directory) selectChanges(ctx context.Context, q store.Queryer, after int64, limit int) (changes []Change, err error) {
	rows, err := q.Query(ctx, `SELECT position, kind, address_index, medium, address_sealed, user_id, former_id, session_id, ts_ms, not_after_ms
		FROM lookup_changes WHERE position > $1 ORDER BY position LIMIT $2`, after, limit)
	if err != nil {
		return nil, err
	}
	return d.scanChanges(rows)
}

// scanChanges reads and closes rows.
func (d *Directory) scanChanges(rows *sql.Rows) (changes []Change, err error) {
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		c, err := d.scanChange(rows)
		if err != nil {
			return nil, err
		}
		changes = append(changes, c)
	}
	return changes, rows.Err()
}

func (d *Directory) scanChange(rows *sql.Rows) (c Change, err error) {
	var medium string
	var sealed []byte
	var at, notAfter int64
	if err := rows.Scan(&c.Position, &c.Kind, &c.index, &medium, &sealed, &c.User, &c.Former, &c.sid, &at, &notAfter); err != nil {
		return c, err
	}
	c.At, c.NotAfter = store.Time(at), store.Time(notAfter)
	c.Moved = c.sid == "" && (c.Kind == Bound || c.Kind == Rebound)
	if len(sealed) > 0 {
		c.Address, err = d.openAddress(medium, sealed, c.index)
	}
	return c, err
}

// selectKnown tells whether the feed still has the address of a change.
func selectKnown(ctx context.Context, q store.Queryer, position int64) (known bool, err error) {
	var n int
	err = q.QueryRow(ctx, `SELECT COUNT(*) FROM lookup_changes WHERE position = $1 AND medium <> ''`, position).Scan(&n)
	return n > 0, err
}

// selectFormer is empty also for a position that the feed does not have.
func selectFormer(ctx context.Context, q store.Queryer, position int64) (former matrix.UserID, err error) {
	err = q.QueryRow(ctx, `SELECT former_id FROM lookup_changes WHERE position = $1`, position).Scan(&former)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return former, err
}

// selectChangesOf reads what the feed has of an address.
func (d *Directory) selectChangesOf(ctx context.Context, q store.Queryer, index []byte) ([]Change, error) {
	rows, err := q.Query(ctx, `SELECT position, kind, address_index, medium, address_sealed, user_id, former_id, session_id, ts_ms, not_after_ms
		FROM lookup_changes WHERE address_index = $1 ORDER BY position`, index)
	if err != nil {
		return nil, err
	}
	return d.scanChanges(rows)
}

// The statements about a user's changes. Their conditions are those of the indexes.
const (
	changesBy = `SELECT position, kind, address_index, medium, address_sealed, user_id, former_id, session_id, ts_ms, not_after_ms
		FROM lookup_changes WHERE user_id = $1 AND user_id <> '' OR former_id = $1 AND former_id <> '' ORDER BY position`
	blankUsers = `UPDATE lookup_changes SET medium = '', address_sealed = $2, user_id = '', session_id = '', not_after_ms = 0
		WHERE user_id = $1 AND user_id <> ''`
	blankFormers = `UPDATE lookup_changes SET former_id = '' WHERE former_id = $1 AND former_id <> ''`
)

// selectChangesBy reads what the feed has of a user: changes that put the user behind an
// address or took that back, and those by which another took the user's place.
func (d *Directory) selectChangesBy(ctx context.Context, q store.Queryer, user matrix.UserID) ([]Change, error) {
	rows, err := q.Query(ctx, changesBy, user.String())
	if err != nil {
		return nil, err
	}
	return d.scanChanges(rows)
}

// blankUser makes the feed forget a user. Positions, kinds, moments and keyed indexes stay,
// by which replaying it comes to the same. The user is behind no address any more.
func blankUser(ctx context.Context, tx *store.Tx, user matrix.UserID) error {
	if _, err := tx.Exec(ctx, blankUsers, user.String(), []byte{}); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, blankFormers, user.String())
	return err
}

// blankChanges makes the feed forget an address. Its rows stay, each in its place.
func blankChanges(ctx context.Context, tx *store.Tx, index []byte) error {
	_, err := tx.Exec(ctx, `UPDATE lookup_changes SET address_index = $2, medium = '', address_sealed = $2, user_id = '', former_id = '',
		session_id = '', not_after_ms = 0 WHERE address_index = $1 AND kind <> 'erase'`, index, []byte{})
	return err
}

func (d *Directory) openAddress(medium string, sealed, index []byte) (threepid.Address, error) {
	text, err := d.addresses.Open(sealed, index)
	if err != nil {
		return threepid.Address{}, fmt.Errorf("opening an address: %w", err)
	}
	return threepid.Restore(medium, string(text))
}

func (d *Directory) putBinding(ctx context.Context, tx *store.Tx, b binding) error {
	index := d.indexOf(b.address)
	_, err := tx.Exec(ctx, `INSERT INTO lookup_bindings
		(address_index, medium, address_sealed, user_id, session_id, ts_ms, not_before_ms, not_after_ms)
		VALUES ($1, $2, $3, $4, $5, $6, $6, $7)
		ON CONFLICT (address_index) DO UPDATE SET
			address_sealed = $3, user_id = $4, session_id = $5, ts_ms = $6, not_before_ms = $6, not_after_ms = $7, reminded_ms = 0`,
		index, string(b.address.Medium()), d.addresses.Seal([]byte(b.address.String()), index), b.user.String(),
		b.sid, store.Millis(b.bound), store.Millis(b.notAfter))
	return err
}

// selectBinding reads an address's binding; sql.ErrNoRows if it has none.
func (d *Directory) selectBinding(ctx context.Context, q store.Queryer, a threepid.Address) (binding, error) {
	b := binding{address: a}
	var bound, notAfter int64
	err := q.QueryRow(ctx, `SELECT user_id, session_id, ts_ms, not_after_ms FROM lookup_bindings WHERE address_index = $1`,
		d.indexOf(a)).Scan(&b.user, &b.sid, &bound, &notAfter)
	b.bound, b.notAfter = store.Time(bound), store.Time(notAfter)
	return b, err
}

// selectByIndex is selectBinding by the keyed index of an address; none if it has none.
func (d *Directory) selectByIndex(ctx context.Context, q store.Queryer, index []byte) ([]binding, error) {
	rows, err := q.Query(ctx, `SELECT `+bindingColumns+` FROM lookup_bindings WHERE address_index = $1`, index)
	if err != nil {
		return nil, err
	}
	return d.scanBindings(rows)
}

// bindingColumns are what scanBindings reads.
const bindingColumns = `address_index, medium, address_sealed, user_id, session_id, ts_ms, not_after_ms`

func countBindings(ctx context.Context, q store.Queryer) (n int, err error) {
	err = q.QueryRow(ctx, `SELECT COUNT(*) FROM lookup_bindings`).Scan(&n)
	return n, err
}

// selectBindingsOf reads what a user is behind, by medium and address.
func (d *Directory) selectBindingsOf(ctx context.Context, q store.Queryer, user matrix.UserID) ([]binding, error) {
	rows, err := q.Query(ctx, `SELECT `+bindingColumns+` FROM lookup_bindings WHERE user_id = $1 ORDER BY ts_ms, address_index`, user.String())
	if err != nil {
		return nil, err
	}
	return d.scanBindings(rows)
}

// selectEmailsOf reads by which e-mail addresses a user is found, those that were bound
// last.
func (d *Directory) selectEmailsOf(ctx context.Context, q store.Queryer, user matrix.UserID, limit int) ([]binding, error) {
	rows, err := q.Query(ctx, `SELECT `+bindingColumns+` FROM lookup_bindings
		WHERE user_id = $1 AND medium = $2 ORDER BY ts_ms DESC, address_index LIMIT $3`, user.String(), string(threepid.Email), limit)
	if err != nil {
		return nil, err
	}
	return d.scanBindings(rows)
}

// scanBindings reads and closes rows.
func (d *Directory) scanBindings(rows *sql.Rows) (all []binding, err error) {
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var b binding
		var index, sealed []byte
		var medium string
		var bound, notAfter int64
		if err := rows.Scan(&index, &medium, &sealed, &b.user, &b.sid, &bound, &notAfter); err != nil {
			return nil, err
		}
		b.bound, b.notAfter = store.Time(bound), store.Time(notAfter)
		if b.address, err = d.openAddress(medium, sealed, index); err != nil {
			return nil, err
		}
		all = append(all, b)
	}
	return all, rows.Err()
}

// row is a binding as it is stored, without its address.
type row struct {
	index        []byte
	user, sid    string
	ts, notAfter int64
}

// is tells whether two rows of an address are the same binding.
func (r row) is(other row) bool {
	return r.user == other.user && r.sid == other.sid && r.ts == other.ts && r.notAfter == other.notAfter
}

// selectRows reads at most limit rows in the order of their indexes, after one.
func selectRows(ctx context.Context, q store.Queryer, after []byte, limit int) (all []row, err error) {
	rows, err := q.Query(ctx, `SELECT address_index, user_id, session_id, ts_ms, not_after_ms FROM lookup_bindings
		WHERE address_index > $1 ORDER BY address_index LIMIT $2`, after, limit)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var r row
		if err := rows.Scan(&r.index, &r.user, &r.sid, &r.ts, &r.notAfter); err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	return all, rows.Err()
}

// selectMade reads at most limit changes after a position as the bindings that they make.
func selectMade(ctx context.Context, q store.Queryer, after int64, limit int) (all []made, err error) {
	rows, err := q.Query(ctx, `SELECT position, kind, address_index, user_id, session_id, ts_ms, not_after_ms
		FROM lookup_changes WHERE position > $1 ORDER BY position LIMIT $2`, after, limit)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var m made
		if err := rows.Scan(&m.position, &m.kind, &m.index, &m.user, &m.sid, &m.ts, &m.notAfter); err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	return all, rows.Err()
}

func deleteBinding(ctx context.Context, tx *store.Tx, index []byte) (there bool, err error) {
	return store.Changed(tx.Exec(ctx, `DELETE FROM lookup_bindings WHERE address_index = $1`, index))
}

func (d *Directory) indexOf(a threepid.Address) []byte {
	return d.index.Of(string(a.Medium()), a.String())
}

// The statements of sweeps, which find what is due by an index of it alone.
const (
	endedBindings      = `SELECT ` + bindingColumns + ` FROM lookup_bindings WHERE not_after_ms <= $1 ORDER BY not_after_ms LIMIT $2`
	unremindedBindings = `SELECT ` + bindingColumns + ` FROM lookup_bindings
		WHERE reminded_ms = 0 AND not_after_ms > $1 AND not_after_ms <= $2 ORDER BY not_after_ms LIMIT $3`
	expiredBetween = `SELECT COUNT(*) FROM lookup_changes WHERE kind = 'expire' AND ts_ms > $1 AND ts_ms <= $2`
)

// selectEnded finds bindings whose lives have ended, the first to end first.
func (d *Directory) selectEnded(ctx context.Context, tx *store.Tx, now time.Time, limit int) ([]binding, error) {
	rows, err := tx.Query(ctx, endedBindings, now.UnixMilli(), limit)
	if err != nil {
		return nil, err
	}
	return d.scanBindings(rows)
}

// selectUnreminded finds bindings that end between two moments and whose owners were not
// reminded of it, the first to end first.
func (d *Directory) selectUnreminded(ctx context.Context, tx *store.Tx, after, until time.Time, limit int) ([]binding, error) {
	rows, err := tx.Query(ctx, unremindedBindings, after.UnixMilli(), until.UnixMilli(), limit)
	if err != nil {
		return nil, err
	}
	return d.scanBindings(rows)
}

func markReminded(ctx context.Context, tx *store.Tx, index []byte, now time.Time) error {
	_, err := tx.Exec(ctx, `UPDATE lookup_bindings SET reminded_ms = $2 WHERE address_index = $1`, index, now.UnixMilli())
	return err
}

// countExpired is how many bindings were taken back at their end between two moments.
func countExpired(ctx context.Context, tx *store.Tx, after, until time.Time) (n int, err error) {
	err = tx.QueryRow(ctx, expiredBetween,
		after.UnixMilli(), until.UnixMilli()).Scan(&n)
	return n, err
}
