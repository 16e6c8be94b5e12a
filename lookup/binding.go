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

// Lives are how long a binding holds unless it is made again: an address changes hands.
// Expire takes it back then.
type Lives struct{ Email, MSISDN time.Duration }

// DefaultLives are a year for an e-mail address and half of it for a phone number, which
// operators give to somebody else.
var DefaultLives = Lives{Email: 365 * 24 * time.Hour, MSISDN: 182 * 24 * time.Hour}

func (l Lives) of(m threepid.Medium) time.Duration {
	if m == threepid.MSISDN {
		return l.MSISDN
	}
	return l.Email
}

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
	address  threepid.Address
	user     matrix.UserID
	sid      string // the session that was spent on it; empty if it was moved here
	bound    time.Time
	notAfter time.Time
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
	err := d.change(ctx, func(tx *store.Tx) error {
		first, err := d.Proofs.Spend(ctx, tx, proof)
		if err != nil {
			return err
		}
		if !first {
			b, err = d.boundBefore(ctx, tx, proof, user)
			return err
		}
		now := d.Now()
		b = binding{address: proof.Address(), user: user, sid: proof.SID(), bound: now, notAfter: now.Add(d.Lives.of(proof.Address().Medium()))}
		return d.bind(ctx, tx, b)
	})
	if err != nil {
		return nil, fmt.Errorf("binding: %w", err)
	}
	return d.Signer.Sign(ctx, b.association())
}

// bind puts a binding in the place of what was there.
func (d *Directory) bind(ctx context.Context, tx *store.Tx, b binding) error {
	c := Change{Kind: Bound, Address: b.address, User: b.user, At: b.bound, NotAfter: b.notAfter, Moved: b.sid == "", index: d.indexOf(b.address), sid: b.sid}
	before, err := d.selectBinding(ctx, tx, b.address)
	switch {
	case err == nil && before.user != b.user:
		c.Kind, c.Former = Rebound, before.user
	case err == nil:
		c.Quiet = true
	case err != nil && !errors.Is(err, sql.ErrNoRows):
		return err
	}
	if err := d.putBinding(ctx, tx, b); err != nil {
		return err
	}
	return d.append(ctx, tx, c)
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
	err := d.change(ctx, func(tx *store.Tx) error {
		b, err := d.selectBinding(ctx, tx, address)
		if errors.Is(err, sql.ErrNoRows) || err == nil && b.user != user {
			return nil
		}
		if err != nil {
			return err
		}
		return d.unbind(ctx, tx, b)
	})
	if err != nil {
		return fmt.Errorf("unbinding: %w", err)
	}
	return nil
}

// UnbindAll takes back all that user is behind, as when the account is deactivated.
func (d *Directory) UnbindAll(ctx context.Context, user matrix.UserID) error {
	err := d.change(ctx, func(tx *store.Tx) error {
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
	})
	if err != nil {
		return fmt.Errorf("unbinding an account: %w", err)
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

// Erase takes a binding back and makes the feed forget whom the address belonged to: of
// each of its changes stay position, kind and moment, and of this one the keyed index of
// the address.
func (d *Directory) Erase(ctx context.Context, address threepid.Address) error {
	index := d.indexOf(address)
	err := d.change(ctx, func(tx *store.Tx) error {
		if _, err := deleteBinding(ctx, tx, index); err != nil {
			return err
		}
		if err := blankChanges(ctx, tx, index); err != nil {
			return err
		}
		return d.append(ctx, tx, Change{Kind: Erased, Address: address, At: d.Now(), index: index})
	})
	if err != nil {
		return fmt.Errorf("erasing: %w", err)
	}
	return nil
}

func (b binding) association() Association {
	return Association{
		Address:   b.address.String(),
		Medium:    string(b.address.Medium()),
		MXID:      b.user,
		NotBefore: b.bound.UnixMilli(),
		NotAfter:  b.notAfter.UnixMilli(),
		TS:        b.bound.UnixMilli(),
	}
}
