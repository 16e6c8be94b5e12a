package lookup

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"time"

	"signet/internal/matrix"
	"signet/internal/store"
	"signet/internal/threepid"
	"signet/verify"
)

// Holder is a room that holds something about addresses. It may be called by several at the
// same time.
type Holder interface {
	// Held is what it holds about an address, as a document for the address's owner.
	Held(ctx context.Context, a threepid.Address) (any, error)
	// Erase forgets it in tx, which undoes that on an error and may run again.
	Erase(ctx context.Context, tx *store.Tx, a threepid.Address) error
}

// UserHolder is a Holder of something about users.
type UserHolder interface {
	HeldBy(ctx context.Context, user matrix.UserID) (any, error)
	EraseUser(ctx context.Context, tx *store.Tx, user matrix.UserID) error
}

// The names of parts of a document, besides those of the holders.
const (
	verificationPart = "verification"
	bindingPart      = "binding"
	bindingsPart     = "bindings"
	changesPart      = "changes"
	discoveryPart    = "discovery"
)

// withProofs adds what verify holds to the rooms that hold something.
func withProofs[H any](holders map[string]H, proofs H) map[string]H {
	all := map[string]H{verificationPart: proofs}
	maps.Copy(all, holders)
	return all
}

// Owned is who is behind an address, for its owner.
type Owned struct {
	User     matrix.UserID // empty: nobody
	Since    time.Time     // zero: nobody knows
	NotAfter time.Time
}

// Owned tells the owner of the proven address who is behind it. The error is
// verify.ErrOtherPurpose unless control was shown on the owner's page.
func (d *Directory) Owned(ctx context.Context, proof verify.Proof) (Owned, error) {
	if err := proof.For(verify.Manage); err != nil {
		return Owned{}, err
	}
	b, err := d.selectBinding(ctx, d.DB, proof.Address())
	if errors.Is(err, sql.ErrNoRows) {
		return Owned{}, nil
	}
	if err != nil {
		return Owned{}, fmt.Errorf("reading a binding: %w", err)
	}
	return Owned{User: b.user, Since: b.bound, NotAfter: b.notAfter}, nil
}

// HeldBinding is a binding, as a document for whom it is about. Times are milliseconds since
// 1970. Since when one is that was moved here may not be known.
type HeldBinding struct {
	Medium   threepid.Medium `json:"medium"`
	Address  string          `json:"address"`
	UserID   matrix.UserID   `json:"user_id"`
	Since    int64           `json:"since_ts,omitzero"`
	NotAfter int64           `json:"not_after_ts"`
}

// HeldChange is a change of a binding, as such a document. Who had the address before the user
// that it is about, or has it since, is not theirs to know: Withheld says that a user is not
// named.
type HeldChange struct {
	Position int64           `json:"position"`
	Kind     Kind            `json:"kind"`
	Medium   threepid.Medium `json:"medium,omitzero"`
	Address  string          `json:"address,omitzero"`
	UserID   matrix.UserID   `json:"user_id,omitzero"`
	FormerID matrix.UserID   `json:"former_user_id,omitzero"`
	Withheld bool            `json:"withheld,omitzero"`
	At       int64           `json:"at_ts,omitzero"`
	NotAfter int64           `json:"not_after_ts,omitzero"`
}

// Document is what is stored about an address or a user, in parts by name.
type Document map[string]any

// HeldFor is all that is stored about the proven address, for its owner. The error is
// verify.ErrOtherPurpose unless control was shown on the owner's page.
func (d *Directory) HeldFor(ctx context.Context, proof verify.Proof) (Document, error) {
	if err := proof.For(verify.Manage); err != nil {
		return nil, err
	}
	return d.Held(ctx, proof.Address())
}

// Held is all that is stored about an address: who is behind it, each change of that, and
// what the Holders hold. A number that was given away is another's now, so of the changes it
// names none but who is behind the address.
func (d *Directory) Held(ctx context.Context, a threepid.Address) (Document, error) {
	all := Document{bindingPart: nil}
	b, err := d.selectBinding(ctx, d.DB, a)
	if err == nil {
		all[bindingPart] = b.held()
	} else if !errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("reading a binding: %w", err)
	}
	changes, err := d.selectChangesOf(ctx, d.DB, d.indexOf(a))
	if err != nil {
		return nil, fmt.Errorf("reading the changes of an address: %w", err)
	}
	all[changesPart] = heldChanges(changes, b.user)
	for name, h := range d.Holders {
		if all[name], err = h.Held(ctx, a); err != nil {
			return nil, fmt.Errorf("reading what %s holds: %w", name, err)
		}
	}
	return all, nil
}

// HeldBy is all that is stored about a user: what the user is behind, each change of that,
// and what the UserHolders hold.
func (d *Directory) HeldBy(ctx context.Context, user matrix.UserID) (Document, error) {
	bindings, err := d.selectBindingsOf(ctx, d.DB, user)
	if err != nil {
		return nil, fmt.Errorf("reading the bindings of a user: %w", err)
	}
	held := []HeldBinding{}
	for _, b := range bindings {
		held = append(held, b.held())
	}
	changes, err := d.selectChangesBy(ctx, d.DB, user)
	if err != nil {
		return nil, fmt.Errorf("reading the changes of a user: %w", err)
	}
	all := Document{bindingsPart: held, changesPart: heldChanges(changes, user)}
	for name, h := range d.UserHolders {
		if all[name], err = h.HeldBy(ctx, user); err != nil {
			return nil, fmt.Errorf("reading what %s holds: %w", name, err)
		}
	}
	return all, nil
}

func (b binding) held() HeldBinding {
	return HeldBinding{Medium: b.address.Medium(), Address: b.address.String(), UserID: b.user,
		Since: store.Millis(b.bound), NotAfter: b.notAfter.UnixMilli()}
}

// heldChanges are changes as they name one user, who may be nobody.
func heldChanges(changes []Change, user matrix.UserID) []HeldChange {
	all := []HeldChange{}
	for _, c := range changes {
		h := HeldChange{Position: c.Position, Kind: c.Kind, Medium: c.Address.Medium(), Address: c.Address.String(),
			UserID: c.User, FormerID: c.Former, At: store.Millis(c.At), NotAfter: store.Millis(c.NotAfter)}
		for _, id := range []*matrix.UserID{&h.UserID, &h.FormerID} {
			if *id != "" && *id != user {
				*id, h.Withheld = "", true
			}
		}
		all = append(all, h)
	}
	return all
}
