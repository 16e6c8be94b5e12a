package lookup

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"signet/internal/matrix"
	"signet/internal/quota"
	"signet/internal/seal"
	"signet/internal/store"
	"signet/internal/together"
	"signet/lookup/discovery"
	"signet/lookup/table"
	"signet/verify"
)

// Signer signs associations with the server's current long-term key.
type Signer interface {
	// Sign returns the canonical JSON of value with the server's signature.
	Sign(ctx context.Context, value any) ([]byte, error)
}

// Told is told of a change in its own transaction, which an error of it undoes. It may be
// told of one again that was not committed.
type Told func(ctx context.Context, tx *store.Tx, c Change) error

// Options are what a Directory needs.
type Options struct {
	DB     *store.DB
	Vault  *seal.Vault
	Proofs *verify.Verifier
	Signer Signer
	Quota  *quota.Quota               // of discovery.Budgets; without it look-ups are free
	Own    map[matrix.ServerName]bool // the operator's homeservers
	Told   []Told
	// Holders and UserHolders are the rooms besides this one and Proofs that hold something
	// about addresses and users, by the names that their parts have in what people download.
	Holders     map[string]Holder
	UserHolders map[string]UserHolder
	Lives       Lives // DefaultLives if not set
	OfferNone   bool  // look-ups in the clear, too
	Now         func() time.Time
	Log         *slog.Logger // optional
}

// Directory holds the bindings of one database, and all of them in memory. It is safe for
// concurrent use, and any number of replicas share the bindings.
type Directory struct {
	Options
	addresses seal.Box
	index     seal.Index
	epochs    epochs
	turn      chan struct{} // the right to change bindings, taken by sending
	live      live
	discovery *discovery.Discovery // nil: look-ups are free
}

// New opens the bindings of a database. They are read into memory by Load, or else when
// they are first looked up.
func New(ctx context.Context, o Options) (*Directory, error) {
	if o.Lives == (Lives{}) {
		o.Lives = DefaultLives
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	d := &Directory{Options: o, turn: make(chan struct{}, 1)}
	d.Holders, d.UserHolders = withProofs(d.Holders, Holder(o.Proofs)), withProofs(d.UserHolders, UserHolder(o.Proofs))
	var errs [3]error
	var peppers seal.Index
	d.addresses, errs[0] = o.Vault.Box(ctx, "lookup address")
	d.index, errs[1] = o.Vault.Index(ctx, "lookup address")
	peppers, errs[2] = o.Vault.Index(ctx, "lookup pepper")
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
	d.epochs = newEpochs(peppers)
	d.live.table, d.live.position = table.New(0), unread
	d.live.newest = together.New(d.readFeed)
	if o.Quota != nil {
		var err error
		d.discovery, err = discovery.New(ctx, discovery.Options{DB: o.DB, Vault: o.Vault, Quota: o.Quota, Earned: d.earned, Own: o.Own, Now: o.Now})
		if err != nil {
			return nil, err
		}
		d.UserHolders[discoveryPart] = d.discovery
	}
	return d, nil
}
