package notary

import (
	"context"

	"log/slog"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/sync/singleflight"

	"signet/internal/fedclient"
	"signet/internal/keyring"
	"signet/internal/matrix"
	"signet/internal/quota"
	"signet/internal/serverkeys"
	"signet/internal/store"
)

// Federation asks other servers, as *fedclient.Client does.
type Federation interface {
	// Do asks a server once. Errors are fedclient's.
	Do(ctx context.Context, r fedclient.Request) (fedclient.Response, error)
}

// Prover proves what the servers' log holds.
type Prover interface {
	// Prove returns the proof, JSON, that a record stands at a position. It fails as long as no
	// checkpoint that covers it is published, and where something else stands. Many goroutines
	// may call it at once.
	Prove(ctx context.Context, position int64, record []byte) (jsontext.Value, error)
}

// Options are what a Notary needs.
type Options struct {
	DB         *store.DB
	Federation Federation
	Keys       *keyring.Ring     // for keyring.Federation
	Name       matrix.ServerName // this server, as others know it
	Quota      *quota.Quota      // of Budgets; nil: asking is free
	// Blocked tells which block covers a server, if one does; nil: none is.
	Blocked func(ctx context.Context, server matrix.ServerName) (name matrix.ServerName, blocked bool, err error)
	// Prover is of the log where the records are; nil: there is none, and what is not logged is
	// served.
	Prover   Prover
	HoldDown HoldDown // DefaultHoldDown if not set
	Now      func() time.Time
	// Sleep waits that long, or until ctx ends, whose error it returns then.
	Sleep func(ctx context.Context, d time.Duration) error
	Log   *slog.Logger // optional
	// Observe, if set, is told what came of each fetch: conflict, held, trusted, outlived,
	// repeated, bad, unreachable, limited or failed; and unrecorded, besides conflict, where the log
	// takes no more evidence.
	Observe func(outcome string)
}

// Notary vouches for the keys of servers, out of one database that any number of replicas
// share. It is safe for concurrent use.
type Notary struct {
	Options
	flight       singleflight.Group // by server, and of unknown ones by network
	failures     failures
	met, unknown chan struct{} // places for fetches, taken by sending
	requests     crowd         // that have servers asked, by network
	answering    crowd         // octets of answers, by pool and by network
	strangers    crowd         // unknown servers that are asked, by owner and by the network for which they are
}

// New opens the notary of a database.
func New(o Options) *Notary {
	if o.HoldDown == (HoldDown{}) {
		o.HoldDown = DefaultHoldDown
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Observe == nil {
		o.Observe = func(string) {}
	}
	if o.Blocked == nil {
		o.Blocked = func(context.Context, matrix.ServerName) (matrix.ServerName, bool, error) { return "", false, nil }
	}
	return &Notary{Options: o, met: make(chan struct{}, maxMet), unknown: make(chan struct{}, maxUnknown)}
}

// Own is this server's own document, in canonical JSON (server-server API, GET
// /_matrix/key/v2/server).
func (n *Notary) Own(ctx context.Context) ([]byte, error) {
	return serverkeys.Publish(ctx, n.Keys, n.Name, n.Now())
}
