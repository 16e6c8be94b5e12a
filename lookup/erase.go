package lookup

import (
	"context"
	"fmt"

	"signet/internal/matrix"
	"signet/internal/store"
	"signet/internal/threepid"
	"signet/verify"
)

// Erase takes a binding back and makes the feed forget whom the address belonged to: of
// each of its changes stay position, kind and moment, and of this one the keyed index of
// the address. The Holders forget it in the same transaction, after those were Told.
func (d *Directory) Erase(ctx context.Context, address threepid.Address) error {
	err := d.change(ctx, func(tx *store.Tx) error { return d.erase(ctx, tx, address) })
	if err != nil {
		return fmt.Errorf("erasing: %w", err)
	}
	return nil
}

// EraseAsOwner is Erase of the proven address, which ends the session of the proof. Of
// several at the same time one erases. Errors: verify.ErrNoSession when it was erased before,
// verify.ErrOtherPurpose unless control was shown on the owner's page.
func (d *Directory) EraseAsOwner(ctx context.Context, proof verify.Proof) error {
	if err := proof.For(verify.Manage); err != nil {
		return err
	}
	err := d.change(ctx, func(tx *store.Tx) error {
		first, err := d.Proofs.Spend(ctx, tx, proof)
		if err != nil {
			return err
		}
		if !first {
			return verify.ErrNoSession
		}
		return d.erase(ctx, tx, proof.Address())
	})
	if err != nil {
		return fmt.Errorf("erasing as owner: %w", err)
	}
	return nil
}

func (d *Directory) erase(ctx context.Context, tx *store.Tx, address threepid.Address) error {
	index := d.indexOf(address)
	if _, err := deleteBinding(ctx, tx, index); err != nil {
		return err
	}
	if err := blankChanges(ctx, tx, index); err != nil {
		return err
	}
	if err := d.append(ctx, tx, Change{Kind: Erased, Address: address, At: d.Now(), index: index}); err != nil {
		return err
	}
	for name, h := range d.Holders {
		if err := h.Erase(ctx, tx, address); err != nil {
			return fmt.Errorf("erasing from %s: %w", name, err)
		}
	}
	return nil
}

// EraseUser takes back all that user is behind and makes the feed and the UserHolders forget
// the user, in one transaction. Of each change stay position, kind, moment and the keyed
// index of the address.
func (d *Directory) EraseUser(ctx context.Context, user matrix.UserID) error {
	err := d.change(ctx, func(tx *store.Tx) error { return d.eraseUser(ctx, tx, user) })
	if err != nil {
		return fmt.Errorf("erasing a user: %w", err)
	}
	return nil
}

func (d *Directory) eraseUser(ctx context.Context, tx *store.Tx, user matrix.UserID) error {
	if err := d.unbindUser(ctx, tx, user); err != nil {
		return err
	}
	if err := blankUser(ctx, tx, user); err != nil {
		return err
	}
	for name, h := range d.UserHolders {
		if err := h.EraseUser(ctx, tx, user); err != nil {
			return fmt.Errorf("erasing a user from %s: %w", name, err)
		}
	}
	return nil
}
