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
// for something else than that, or somebody else.
func (d *Directory) Bind(ctx context.Context, proof verify.Proof, user matrix.UserID) ([]byte, error) {
	if err := proof.Binds(user); err != nil {
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

// bind puts a binding in the place of what is there.
func (d *Directory) bind(ctx context.Context, tx *store.Tx, b binding) error {
	before, err := d.selectBinding(ctx, tx, b.address)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	return d.supersede(ctx, tx, b, before)
}

// supersede is bind where what was there is known: the zero binding if nothing was.
func (d *Directory) supersede(ctx context.Context, tx *store.Tx, b, before binding) error {
	c := b.change(d.indexOf(b.address))
	switch before.user {
	case "":
	case b.user:
		c.Quiet = true
	default:
		c.Kind, c.Former = Rebound, before.user
	}
	if err := d.putBinding(ctx, tx, b); err != nil {
		return err
	}
	return d.append(ctx, tx, c)
}

// change is the Bound that makes b, of the keyed index of its address.
func (b binding) change(index []byte) Change {
	return Change{Kind: Bound, Address: b.address, User: b.user, At: b.bound, NotAfter: b.notAfter, Moved: b.sid == "", index: index, sid: b.sid}
}

// boundBefore finds the binding that a spent proof was spent on.
func (d *Directory) boundBefore(ctx context.Context, tx *store.Tx, proof verify.Proof, user matrix.UserID) (binding, error) {
	b, err := d.selectBinding(ctx, tx, proof.Address())
	if errors.Is(err, sql.ErrNoRows) || err == nil && (b.sid != proof.SID() || b.user != user) {
		return binding{}, verify.ErrSpent
	}
	return b, err
}

func (b binding) association() Association {
	return Association{
		Address:   b.address.String(),
		Medium:    string(b.address.Medium()),
		MXID:      b.user,
		NotBefore: store.Millis(b.bound),
		NotAfter:  b.notAfter.UnixMilli(),
		TS:        store.Millis(b.bound),
	}
}
