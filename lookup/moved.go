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

// Moved is a binding on its way from one server to another. It has no proof: the
// server it comes from had one, and the operator who moves it vouches for that.
type Moved struct {
	Address threepid.Address
	User    matrix.UserID
	// Bound is when, to the millisecond; zero where nobody knows any more, which
	// is older than every time.
	Bound time.Time
}

// Moving counts how moved bindings meet those that are here.
type Moving struct {
	Added    int // nobody was bound to the address
	Replaced int // the binding here was older
	Older    int // the binding here is as new or newer, and stays; or it was taken back since
	Same     int // the very binding is here
}

// Add adds what another batch came to.
func (m *Moving) Add(other Moving) {
	m.Added += other.Added
	m.Replaced += other.Replaced
	m.Older += other.Older
	m.Same += other.Same
}

// Move binds a batch in one transaction, which it should be small for. The newest
// binding of an address wins, and what was taken back here later stays so: moving a batch
// again changes nothing. A moved binding lives as long as one that is made now.
func (d *Directory) Move(ctx context.Context, batch []Moved) (Moving, error) {
	var m Moving
	err := d.change(ctx, func(tx *store.Tx) (err error) {
		m, err = d.meet(ctx, tx, batch, func(b, before binding) error { return d.supersede(ctx, tx, b, before) })
		return err
	})
	if err != nil {
		return Moving{}, fmt.Errorf("moving bindings: %w", err)
	}
	return m, nil
}

// Compare says what Move would do with a batch that names each address once, and does
// nothing.
func (d *Directory) Compare(ctx context.Context, batch []Moved) (Moving, error) {
	m, err := d.meet(ctx, d.DB, batch, func(_, _ binding) error { return nil })
	if err != nil {
		return Moving{}, fmt.Errorf("comparing bindings: %w", err)
	}
	return m, nil
}

// meet counts a batch and puts what wins.
func (d *Directory) meet(ctx context.Context, q store.Queryer, batch []Moved, put func(b, before binding) error) (m Moving, err error) {
	for _, moved := range batch {
		here, err := d.selectBinding(ctx, q, moved.Address)
		bound := err == nil
		if errors.Is(err, sql.ErrNoRows) {
			here.bound, err = selectLastChanged(ctx, q, d.indexOf(moved.Address))
		}
		if err != nil {
			return m, err
		}
		if !m.wins(moved, here, bound) {
			continue
		}
		if err := put(d.madeOf(moved), here); err != nil {
			return m, err
		}
	}
	return m, nil
}

// wins counts a moved binding, and tells whether it takes its place here. Where none is
// bound, here has the time at which one was taken back, if one was.
func (m *Moving) wins(moved Moved, here binding, bound bool) bool {
	was, is := store.Millis(here.bound), store.Millis(moved.Bound)
	switch {
	case !bound && (was == 0 || was < is):
		m.Added++
		return true
	case bound && was == is && here.user == moved.User:
		m.Same++
		return false
	case was >= is:
		m.Older++
		return false
	}
	m.Replaced++
	return true
}

// madeOf is a moved binding as it stands here: no session was spent on it.
func (d *Directory) madeOf(m Moved) binding {
	return binding{address: m.Address, user: m.User, bound: time.UnixMilli(store.Millis(m.Bound)), notAfter: d.Now().Add(d.Lives.of(m.Address.Medium()))}
}

// bindingsAtATime is how many bindings Bindings reads in one statement.
const bindingsAtATime = 500

// Bindings calls each for every binding, in an order that stays the same. It reads a
// page at a time and holds no transaction meanwhile, so of what changes while it runs
// it may give the old or the new.
func (d *Directory) Bindings(ctx context.Context, each func(Moved) error) error {
	unreadable := 0
	for after := []byte{}; after != nil; {
		page, last, err := d.selectBindingsAfter(ctx, d.DB, after, bindingsAtATime)
		if err != nil {
			return fmt.Errorf("reading bindings: %w", err)
		}
		for _, sealed := range page {
			moved, err := d.openMoved(sealed)
			if err != nil {
				unreadable++
				continue
			}
			if err := each(moved); err != nil {
				return err
			}
		}
		after = last
	}
	if unreadable > 0 { // told at the end, so that one does not keep back the others
		return fmt.Errorf("%d bindings hold an address that cannot be read", unreadable)
	}
	return nil
}

// openMoved reads a binding as its row holds it.
func (d *Directory) openMoved(row sealedBinding) (Moved, error) {
	address, err := d.openAddress(row.medium, row.address, row.index)
	if err != nil {
		return Moved{}, err
	}
	return Moved{Address: address, User: row.user, Bound: store.Time(row.ts)}, nil
}
