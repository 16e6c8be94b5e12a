package lookup

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"

	"signet/internal/threepid"
)

// stored is of a binding what a look-up needs. Its address stands in canonical form and is
// not parsed again, which for all of them would take seconds.
type stored struct{ index, address, user []byte }

// medium is told by the address itself: a number has no @.
func (s stored) medium() threepid.Medium {
	if bytes.IndexByte(s.address, '@') < 0 {
		return threepid.MSISDN
	}
	return threepid.Email
}

// batch is rows that are read together, and the memory that they stand in, which the next
// ones are read into: a million rows would otherwise leave as many pieces of garbage.
type batch struct {
	rows   []sealedRow
	memory []byte
}

// sealedRow is a stored binding as it is read.
type sealedRow struct{ index, sealed, user []byte }

// readAtATime is how many rows are read while as many that were read before are opened.
const readAtATime = 1000

// eachStored reads all bindings, in no order, and calls fn for a few at a time, which stay
// as they are until it returns.
func (d *Directory) eachStored(ctx context.Context, fn func([]stored)) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	read, used, failed := make(chan batch, 2), make(chan batch, 4), make(chan error, 1)
	go func() {
		defer close(read)
		failed <- d.readAll(ctx, read, used)
	}()
	var some []stored
	var memory []byte
	for b := range read {
		var err error
		if some, memory, err = d.openAll(b.rows, some[:0], memory[:0]); err != nil {
			return err
		}
		fn(some)
		select {
		case used <- b:
		default:
		}
	}
	return <-failed
}

// openAll appends what the rows are, whose addresses stand in memory.
func (d *Directory) openAll(rows []sealedRow, some []stored, memory []byte) ([]stored, []byte, error) {
	for _, r := range rows {
		from := len(memory)
		var err error
		if memory, err = d.addresses.AppendOpen(memory, r.sealed, r.index); err != nil {
			return nil, nil, fmt.Errorf("opening an address: %w", err)
		}
		some = append(some, stored{index: r.index, address: memory[from:], user: r.user})
	}
	return some, memory, nil
}

func (d *Directory) readAll(ctx context.Context, read chan<- batch, used <-chan batch) (err error) {
	rows, err := d.DB.Query(ctx, `SELECT address_index, address_sealed, user_id FROM lookup_bindings`)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for more := true; more; {
		var b batch
		select {
		case b = <-used:
		default:
		}
		if b, more, err = b.scan(rows, readAtATime); err != nil {
			return err
		}
		select {
		case read <- b:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return rows.Err()
}

// scan reads at most limit rows into the memory of b, and tells whether there may be more.
func (b batch) scan(rows *sql.Rows, limit int) (_ batch, more bool, err error) {
	b.rows, b.memory = b.rows[:0], b.memory[:0]
	for len(b.rows) < limit {
		if !rows.Next() {
			return b, false, nil
		}
		var index, sealed, user sql.RawBytes
		if err := rows.Scan(&index, &sealed, &user); err != nil {
			return b, false, err
		}
		b.rows = append(b.rows, sealedRow{index: b.keep(index), sealed: b.keep(sealed), user: b.keep(user)})
	}
	return b, true, nil
}

func (b *batch) keep(value sql.RawBytes) []byte {
	from := len(b.memory)
	b.memory = append(b.memory, value...)
	return b.memory[from:len(b.memory):len(b.memory)]
}

// selectStored reads at most limit bindings in the order of their indexes, after one.
func (d *Directory) selectStored(ctx context.Context, after []byte, limit int) (some []stored, err error) {
	rows, err := d.DB.Query(ctx, `SELECT address_index, address_sealed, user_id FROM lookup_bindings
		WHERE address_index > $1 ORDER BY address_index LIMIT $2`, after, limit)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	b, _, err := batch{}.scan(rows, limit)
	if err != nil {
		return nil, err
	}
	some, _, err = d.openAll(b.rows, nil, nil)
	return some, errors.Join(err, rows.Err())
}
