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

// UserOf is the user that an address is bound to now; false if it is to nobody. Whoever
// passes the answer on charges for it.
func (d *Directory) UserOf(ctx context.Context, a threepid.Address) (user matrix.UserID, bound bool, err error) {
	err = d.DB.QueryRow(ctx, `SELECT user_id FROM lookup_bindings WHERE address_index = $1`, d.indexOf(a)).Scan(&user)
	if errors.Is(err, sql.ErrNoRows) {
		return "", false, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("asking who is behind an address: %w", err)
	}
	return user, true, nil
}

// BoundIn is who is behind an address as a transaction sees it; empty for nobody.
func (d *Directory) BoundIn(ctx context.Context, q store.Queryer, a threepid.Address) (matrix.UserID, error) {
	b, err := d.selectBinding(ctx, q, a)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("reading a binding: %w", err)
	}
	return b.user, nil
}

// BoundUntil is until when a user is behind an address; the zero time if that is somebody
// else or nobody.
func (d *Directory) BoundUntil(ctx context.Context, a threepid.Address, user matrix.UserID) (time.Time, error) {
	b, err := d.selectBinding(ctx, d.DB, a)
	if errors.Is(err, sql.ErrNoRows) || err == nil && b.user != user {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("reading a binding: %w", err)
	}
	return b.notAfter, nil
}
