package lookup

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
)

// stored is of a binding what a look-up needs. Its address stands in canonical form and is
// not parsed again, which for all of them would take seconds.
type stored struct {
	index           []byte
	medium, address string
	user            string
}

// sealedRow is a stored binding as it is read.
type sealedRow struct {
	index, sealed []byte
	medium, user  string
}

func (d *Directory) open(r sealedRow) (stored, error) {
	address, err := d.addresses.Open(r.sealed, r.index)
	if err != nil {
		return stored{}, fmt.Errorf("opening an address: %w", err)
	}
	return stored{index: r.index, medium: r.medium, address: string(address), user: r.user}, nil
}

// openedAtATime is how many rows are read while as many that were read before are opened.
const openedAtATime = 1000

// eachStored reads all bindings, in no order, and calls fn for a few at a time.
func (d *Directory) eachStored(ctx context.Context, fn func([]stored)) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	read, failed := make(chan []sealedRow, 4), make(chan error, 1)
	go func() {
		defer close(read)
		failed <- d.readAll(ctx, read)
	}()
	for rows := range read {
		some := make([]stored, 0, len(rows))
		for _, r := range rows {
			s, err := d.open(r)
			if err != nil {
				return err
			}
			some = append(some, s)
		}
		fn(some)
	}
	return <-failed
}

func (d *Directory) readAll(ctx context.Context, read chan<- []sealedRow) (err error) {
	rows, err := d.DB.Query(ctx, `SELECT address_index, medium, address_sealed, user_id FROM lookup_bindings`)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for more := true; more; {
		var some []sealedRow
		if some, more, err = scanSealed(rows, openedAtATime); err != nil {
			return err
		}
		select {
		case read <- some:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return rows.Err()
}

// scanSealed reads at most limit rows, and tells whether there may be more.
func scanSealed(rows *sql.Rows, limit int) (some []sealedRow, more bool, err error) {
	some = make([]sealedRow, 0, limit)
	for len(some) < limit {
		if !rows.Next() {
			return some, false, nil
		}
		var index, medium, sealed, user sql.RawBytes
		if err := rows.Scan(&index, &medium, &sealed, &user); err != nil {
			return nil, false, err
		}
		some = append(some, sealedRow{bytes.Clone(index), bytes.Clone(sealed), string(medium), string(user)})
	}
	return some, true, nil
}

// selectStored reads at most limit bindings in the order of their indexes, after one.
func (d *Directory) selectStored(ctx context.Context, after []byte, limit int) ([]stored, error) {
	rows, err := d.DB.Query(ctx, `SELECT address_index, medium, address_sealed, user_id FROM lookup_bindings
		WHERE address_index > $1 ORDER BY address_index LIMIT $2`, after, limit)
	if err != nil {
		return nil, err
	}
	return d.scanStored(rows)
}

// scanStored reads and closes rows.
func (d *Directory) scanStored(rows *sql.Rows) (all []stored, err error) {
	defer func() { err = errors.Join(err, rows.Close()) }()
	for more := true; more; {
		var some []sealedRow
		if some, more, err = scanSealed(rows, openedAtATime); err != nil {
			return nil, err
		}
		all = slices.Grow(all, len(some))
		for _, r := range some {
			s, err := d.open(r)
			if err != nil {
				return nil, err
			}
			all = append(all, s)
		}
	}
	return all, rows.Err()
}
