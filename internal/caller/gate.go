package caller

import (
	"context"
	"crypto/ed25519"
	"log/slog"
	"time"

	"signet/internal/fedclient"
	"signet/internal/matrix"
	"signet/internal/seal"
	"signet/internal/store"
)

// Federation asks other servers, as *fedclient.Client does.
type Federation interface {
	// Do asks a server once. Errors are fedclient's.
	Do(ctx context.Context, r fedclient.Request) (fedclient.Response, error)
	// VerifyKey returns a key by which a server signs today.
	VerifyKey(ctx context.Context, server matrix.ServerName, id matrix.KeyID) (ed25519.PublicKey, error)
}

// Options are what a Gate needs.
type Options struct {
	DB         *store.DB
	Vault      *seal.Vault
	Federation Federation
	Name       matrix.ServerName // this server, as others sign it
	Terms      Terms
	Now        func() time.Time
	Log        *slog.Logger
}

// Gate knows the callers of one database. It is safe for concurrent use.
type Gate struct {
	Options
	tokens seal.MAC
}

// New opens the callers of a database.
func New(ctx context.Context, o Options) (*Gate, error) {
	tokens, err := o.Vault.MAC(ctx, "access tokens")
	return &Gate{Options: o, tokens: tokens}, err
}
