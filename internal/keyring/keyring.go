package keyring

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"signet/internal/matrix"
	"signet/internal/seal"
	"signet/internal/store"
)

// Options are what the rings of a program need.
type Options struct {
	DB    *store.DB
	Vault *seal.Vault
	Now   func() time.Time
	// Purposes has a ring each: IDServer or HomeServer, or less of it in a test.
	Purposes []Purpose
}

// Rings are the rings of a program, in the order of its purposes.
type Rings []*Ring

// ErrUnknownKey is the error of a key id that no ring has or had.
var ErrUnknownKey = errors.New("there is no key of that id; keys list shows them")

// Open opens the rings and makes the first key of each that has none. Of several
// processes that do so at once, all end with the same keys.
func Open(ctx context.Context, o Options) (Rings, error) {
	rings := make(Rings, len(o.Purposes))
	for i, p := range o.Purposes {
		at := placeOf(p, i == 0)
		box, err := o.Vault.Box(ctx, at.box)
		if err != nil {
			return nil, err
		}
		rings[i] = &Ring{db: o.DB, box: box, now: o.Now, purpose: p, at: at}
	}
	if err := o.DB.Tx(ctx, func(tx *store.Tx) error { return rings.found(ctx, tx) }); err != nil {
		return nil, fmt.Errorf("making the first keys: %w", err)
	}
	return rings, nil
}

func (rs Rings) found(ctx context.Context, tx *store.Tx) error {
	for _, r := range rs {
		_, err := r.selectCurrent(ctx, tx)
		if errors.Is(err, sql.ErrNoRows) {
			_, err = r.add(ctx, tx)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// For returns the ring for p, or nil where the program has none.
func (rs Rings) For(p Purpose) *Ring {
	i := slices.IndexFunc(rs, func(r *Ring) bool { return r.purpose == p })
	if i < 0 {
		return nil
	}
	return rs[i]
}

// With returns the ring that the key of that id is or was in. The error is
// ErrUnknownKey.
func (rs Rings) With(ctx context.Context, id matrix.KeyID) (*Ring, error) {
	for _, r := range rs {
		keys, err := r.History(ctx)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(keys, func(k Key) bool { return k.ID == id }) {
			return r, nil
		}
	}
	return nil, ErrUnknownKey
}
