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
	"signet/verify"
)

// notAfter is how long an association says it holds. The specification's example
// says a century; whether one still holds is what a look-up tells.
const notAfter = 100 * 365 * 24 * time.Hour

// Association says that a user is behind an address, in the shape that is signed
// (identity service API, POST /3pid/bind). Times are milliseconds since 1970.
type Association struct {
	Address   string        `json:"address"`
	Medium    string        `json:"medium"`
	MXID      matrix.UserID `json:"mxid"`
	NotBefore int64         `json:"not_before"`
	NotAfter  int64         `json:"not_after"`
	TS        int64         `json:"ts"`
}

// binding is a row of lookup_bindings.
type binding struct {
	address   threepid.Address
	user      matrix.UserID
	sid       string // the session that was spent on it
	bound     time.Time
	notBefore time.Time
	notAfter  time.Time
}

// Bind publishes that user is behind the proven address, in place of whoever was,
// and spends the proof. It returns the association as signed JSON. The same bind
// again answers the same: its first answer may have been lost. Errors: verify.ErrSpent
// when the proof was spent on anything else, verify.ErrOtherPurpose for one that was shown
// for signing up, signing in or a new password.
func (d *Directory) Bind(ctx context.Context, proof verify.Proof, user matrix.UserID) ([]byte, error) {
	if err := proof.For(verify.Verify, verify.Add); err != nil {
		return nil, err
	}
	var b binding
	err := d.DB.Tx(ctx, func(tx *store.Tx) error {
		first, err := d.Proofs.Spend(ctx, tx, proof)
		if err != nil {
			return err
		}
		if !first {
			b, err = d.boundBefore(ctx, tx, proof, user)
			return err
		}
		now := d.Now()
		b = binding{address: proof.Address(), user: user, sid: proof.SID(), bound: now, notBefore: now, notAfter: now.Add(notAfter)}
		return d.putBinding(ctx, tx, b)
	})
	if err != nil {
		return nil, fmt.Errorf("binding: %w", err)
	}
	return d.Signer.Sign(ctx, b.association())
}

// boundBefore finds the binding that a spent proof was spent on.
func (d *Directory) boundBefore(ctx context.Context, tx *store.Tx, proof verify.Proof, user matrix.UserID) (binding, error) {
	b, err := d.selectBinding(ctx, tx, proof.Address())
	if errors.Is(err, sql.ErrNoRows) || err == nil && (b.sid != proof.SID() || b.user != user) {
		return binding{}, verify.ErrSpent
	}
	return b, err
}

// Unbind takes back that user is behind the address. It is no error if the user
// was not: what was asked for holds.
func (d *Directory) Unbind(ctx context.Context, address threepid.Address, user matrix.UserID) error {
	if err := d.deleteBinding(ctx, address, user); err != nil {
		return fmt.Errorf("unbinding: %w", err)
	}
	return nil
}

func (b binding) association() Association {
	return Association{
		Address:   b.address.String(),
		Medium:    string(b.address.Medium()),
		MXID:      b.user,
		NotBefore: b.notBefore.UnixMilli(),
		NotAfter:  b.notAfter.UnixMilli(),
		TS:        b.bound.UnixMilli(),
	}
}
