package lookup

import (
	"context"
	"errors"
	"time"

	"signet/internal/seal"
	"signet/internal/store"
	"signet/verify"
)

// Signer signs associations with the server's current long-term key.
type Signer interface {
	// Sign returns the canonical JSON of value with the server's signature.
	Sign(ctx context.Context, value any) ([]byte, error)
}

// Options are what a Directory needs.
type Options struct {
	DB     *store.DB
	Vault  *seal.Vault
	Proofs *verify.Verifier
	Signer Signer
	Now    func() time.Time
}

// Directory holds the bindings of one database. It is safe for concurrent use, and
// any number of replicas share the bindings.
type Directory struct {
	Options
	addresses seal.Box
	index     seal.Index
	tags      seal.Index
	pepper    string
}

// New opens the bindings of a database.
func New(ctx context.Context, o Options) (*Directory, error) {
	d := &Directory{Options: o}
	var errs [4]error
	d.addresses, errs[0] = o.Vault.Box(ctx, "lookup address")
	d.index, errs[1] = o.Vault.Index(ctx, "lookup address")
	d.tags, errs[2] = o.Vault.Index(ctx, "lookup hash")
	secret, err := o.Vault.Secret(ctx, "lookup pepper")
	errs[3] = err
	d.pepper = pepper(secret)
	return d, errors.Join(errs[:]...)
}
