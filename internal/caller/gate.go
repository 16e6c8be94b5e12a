package caller

import (
	"context"
	"crypto/ed25519"
	"errors"
	"log/slog"
	"time"

	"signet/internal/crowd"
	"signet/internal/fedclient"
	"signet/internal/matrix"
	"signet/internal/quota"
	"signet/internal/seal"
	"signet/internal/store"
)

// Federation asks other servers, as *fedclient.Client does.
type Federation interface {
	// Do asks a server once. Errors are fedclient's.
	Do(ctx context.Context, r fedclient.Request) (fedclient.Response, error)
	// VerifyKey returns a key by which a server signs today.
	VerifyKey(ctx context.Context, server matrix.ServerName, id matrix.KeyID) (ed25519.PublicKey, error)
	// KeyAtHand is VerifyKey from memory: fedclient.ErrNotAtHand where it would ask.
	KeyAtHand(server matrix.ServerName, id matrix.KeyID) (ed25519.PublicKey, error)
}

// Options are what a Gate needs.
type Options struct {
	DB         *store.DB
	Vault      *seal.Vault
	Quota      *quota.Quota // of Budgets
	Federation Federation
	Name       matrix.ServerName          // this server, as others sign it
	Own        map[matrix.ServerName]bool // the operator's homeservers, which are no newcomers
	Terms      Terms
	Told       []Told // of blocks
	Now        func() time.Time
	Log        *slog.Logger
}

// Gate knows the callers of one database. It is safe for concurrent use.
type Gate struct {
	Options
	tokens   seal.MAC
	accounts seal.Index
	seen     seenMemo
	visitors crowd.Crowd // strangers for whom a server is being asked
}

// New opens the callers of a database.
func New(ctx context.Context, o Options) (*Gate, error) {
	tokens, err := o.Vault.MAC(ctx, "access tokens")
	if err != nil {
		return nil, err
	}
	accounts, err := o.Vault.Index(ctx, "caller account")
	return &Gate{Options: o, tokens: tokens, accounts: accounts}, err
}

// blockKept is how long a block that has ended is kept.
const blockKept = time.Hour

// Sweep forgets ended tokens, nonces and blocks, and accounts and homeservers that stay
// away. It leaves nonces and blocks that ended within the last hour: the clock of
// another replica may be behind.
func (g *Gate) Sweep(ctx context.Context) error {
	now := g.Now()
	return errors.Join(
		deleteUnseen(ctx, g.DB, now.Add(-tokenLife)),
		deleteNonces(ctx, g.DB, now.Add(-nonceKept)),
		deleteEndedBlocks(ctx, g.DB, now.Add(-blockKept)),
		deleteAccounts(ctx, g.DB, now.Add(-accountKept)),
		deleteHomeservers(ctx, g.DB, now.Add(-homeserverKept)),
	)
}
