package lookup

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"signet/internal/matrix"
	"signet/internal/store"
	"signet/internal/threepid"
	"signet/verify"
)

// ErrNotBound is the error of an account that takes back an address which it is not behind,
// whoever else is.
var ErrNotBound = errors.New("this address is not bound to the account")

// Unbind takes back that user is behind the address. It is no error if the user
// was not: what was asked for holds.
func (d *Directory) Unbind(ctx context.Context, address threepid.Address, user matrix.UserID) error {
	_, err := d.unbindIf(ctx, address, func(b binding) bool { return b.user == user })
	return err
}

// UnbindOwn is Unbind by the user, who may know what the user is behind: the error is
// ErrNotBound if that is not the address.
func (d *Directory) UnbindOwn(ctx context.Context, address threepid.Address, user matrix.UserID) error {
	there, err := d.unbindIf(ctx, address, func(b binding) bool { return b.user == user })
	if err == nil && !there {
		return ErrNotBound
	}
	return err
}

// UnbindAsOwner takes back whoever is behind the proven address: it is its owner's, also
// where a former owner was bound to it. It is no error if nobody was. The error is
// verify.ErrOtherPurpose unless control was shown on the owner's page.
func (d *Directory) UnbindAsOwner(ctx context.Context, proof verify.Proof) error {
	if err := proof.For(verify.Manage); err != nil {
		return err
	}
	_, err := d.unbindIf(ctx, proof.Address(), func(binding) bool { return true })
	return err
}

// unbindIf takes a binding back if it is one that may be, and tells whether it was.
func (d *Directory) unbindIf(ctx context.Context, address threepid.Address, may func(binding) bool) (there bool, err error) {
	err = d.change(ctx, func(tx *store.Tx) error {
		b, err := d.selectBinding(ctx, tx, address)
		there = err == nil && may(b)
		if errors.Is(err, sql.ErrNoRows) || err == nil && !there {
			return nil
		}
		if err != nil {
			return err
		}
		return d.unbind(ctx, tx, b)
	})
	if err != nil {
		return false, fmt.Errorf("unbinding: %w", err)
	}
	return there, nil
}

// UnbindAll takes back all that user is behind, as when the account is deactivated.
func (d *Directory) UnbindAll(ctx context.Context, user matrix.UserID) error {
	err := d.change(ctx, func(tx *store.Tx) error { return d.unbindUser(ctx, tx, user) })
	if err != nil {
		return fmt.Errorf("unbinding an account: %w", err)
	}
	return nil
}

func (d *Directory) unbindUser(ctx context.Context, tx *store.Tx, user matrix.UserID) error {
	all, err := d.selectBindingsOf(ctx, tx, user)
	if err != nil {
		return err
	}
	for _, b := range all {
		if err := d.unbind(ctx, tx, b); err != nil {
			return err
		}
	}
	return nil
}

func (d *Directory) unbind(ctx context.Context, tx *store.Tx, b binding) error {
	index := d.indexOf(b.address)
	there, err := deleteBinding(ctx, tx, index)
	if err != nil || !there {
		return err
	}
	return d.append(ctx, tx, Change{Kind: Unbound, Address: b.address, User: b.user, At: d.Now(), index: index})
}
