package captcha

import (
	"context"
	"time"

	"signet/internal/seal"
	"signet/internal/store"
)

// Options are what a Captcha needs.
type Options struct {
	DB    *store.DB
	Vault *seal.Vault
	Now   func() time.Time
}

// Captcha holds the challenges of one database. It is safe for concurrent use, and
// any number of replicas share the challenges.
type Captcha struct {
	Options
	mac      seal.MAC
	pictures seal.Box
}

// New opens the challenges of a database.
func New(ctx context.Context, o Options) (*Captcha, error) {
	mac, err := o.Vault.MAC(ctx, "captcha digits")
	if err != nil {
		return nil, err
	}
	pictures, err := o.Vault.Box(ctx, "captcha image")
	if err != nil {
		return nil, err
	}
	return &Captcha{Options: o, mac: mac, pictures: pictures}, nil
}
