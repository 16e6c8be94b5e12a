package people

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"signet/internal/keyring"
	"signet/internal/matrix"
	"signet/internal/quota"
	"signet/internal/seal"
	"signet/internal/store"
	"signet/internal/threepid"
	"signet/keys/entry"
	"signet/keys/log"
	"signet/keys/log/format"
	"signet/keys/log/keeper"
	"signet/keys/replay"
	"signet/keys/vrf"
	"signet/verify"
)

// Signer signs values with the server's current key for associations.
type Signer interface {
	// Sign returns the canonical JSON of value with the server's signature.
	Sign(ctx context.Context, value any) ([]byte, error)
	// SignAll is Sign of many, in their order.
	SignAll(ctx context.Context, values []any) ([][]byte, error)
	// Revoked returns the keys that somebody else may have, which sign no more.
	Revoked(ctx context.Context) ([]keyring.Key, error)
	// History returns all keys that there ever were, the newest first, which signs.
	History(ctx context.Context) ([]keyring.Key, error)
}

// Binding is a change of who is behind an address.
type Binding struct {
	Position int64            // in the feed, from 1
	Address  threepid.Address // zero if it was erased since
	User     matrix.UserID    // who is behind it, or was
	At       time.Time
	// Association is what was answered when it was bound, to be signed; nil if nobody is
	// behind the address any more.
	Association any
}

// Feed tells of bindings, as lookup's does (keys/people/feed).
type Feed interface {
	// Bindings returns at most limit changes after a position, in their order.
	Bindings(ctx context.Context, after int64, limit int) ([]Binding, error)
	// NewestChange is the position of the newest change, 0 before the first.
	NewestChange(ctx context.Context) (int64, error)
}

// Spender uses up proofs, as a verify.Verifier does.
type Spender interface {
	// Spend uses the proof up in tx. It returns false when it was spent before.
	Spend(ctx context.Context, tx *store.Tx, p verify.Proof) (first bool, err error)
}

// DefaultHoldDown gives an owner a day to object to keys that no old key has signed.
const DefaultHoldDown = 24 * time.Hour

// Options are what the log of people's keys needs.
type Options struct {
	DB     *store.DB
	Vault  *seal.Vault
	Name   matrix.ServerName // of the server
	Keys   keeper.Ring
	VRF    *vrf.PrivateKey
	Guard  log.Guard
	Signer Signer
	Feed   Feed
	Proofs Spender
	Quota  *quota.Quota               // of Budgets; without it nothing is limited
	Own    map[matrix.ServerName]bool // the operator's homeservers
	// Told is told of what happens to the keys of a label, in its transaction, which an
	// error of it undoes. It may be told of what was not committed.
	Told func(ctx context.Context, tx *store.Tx, e Event) error
	// HoldDown is how long keys wait that no old key has signed; 0 is DefaultHoldDown.
	HoldDown time.Duration
	// Cached is how many proofs of the VRF are kept in memory; 0 is 65,536, of 20 MiB.
	Cached int
	Now    func() time.Time
	Rand   io.Reader // of openings
	Log    *slog.Logger

	// Poll, Limit, Lease and Sealed are as in log.Options.
	Poll   time.Duration
	Limit  int
	Lease  time.Duration
	Sealed func(entries int64, took time.Duration)
}

// People is the log of people's keys. It is safe for concurrent use, and any number of
// replicas have a value each.
type People struct {
	Options
	tiles       *log.Log
	state       *replay.State
	prover      *prover
	end         atomic.Pointer[end] // of the checkpoint that was asked for last
	tally       *tally
	aside       *aside // versions that wait
	unrecovered *aside // recoveries that have waited long enough
	revoked     revocations
	keys        *keeper.Keeper
	labels      seal.Index // of texts of labels
	users       seal.Index // of user ids
	values      seal.Box   // of labels, openings and values
}

// Open opens the log of people's keys, which begins if there is none. The error is log.ErrConfig
// if the keys are not those that it began with.
func Open(ctx context.Context, o Options) (*People, error) {
	o.setDefaults()
	origin := Origin(o.Name)
	p := &People{Options: o, state: replay.New(replay.Inserts, origin), prover: newProver(o.VRF, o.Cached), tally: newTally(o.Quota),
		keys:  &keeper.Keeper{Origin: origin, VRF: matrix.EncodeBase64(o.VRF.Public().Bytes()), Ring: o.Keys, Values: o.Signer, Now: o.Now},
		aside: newAside("versions that wait", o.Log), unrecovered: newAside("recoveries", o.Log)}
	if err := p.openVault(ctx); err != nil {
		return nil, err
	}
	var err error
	p.tiles, err = log.Open(ctx, log.Options{Name: "users", Origin: origin, DB: o.DB, Now: o.Now, Log: o.Log, Source: source{p},
		Map: p.state, Format: format.Entries{}, Guard: o.Guard, Keys: p.keys, Poll: o.Poll, Limit: o.Limit, Lease: o.Lease, Sealed: o.Sealed})
	if err != nil {
		return nil, fmt.Errorf("opening the log of people's keys: %w", err)
	}
	return p, p.tiles.CheckConfig(ctx)
}

func (o *Options) setDefaults() {
	if o.HoldDown == 0 {
		o.HoldDown = DefaultHoldDown
	}
	if o.Cached == 0 {
		o.Cached = 1 << 16
	}
	if o.Told == nil {
		o.Told = func(context.Context, *store.Tx, Event) error { return nil }
	}
}

func (p *People) openVault(ctx context.Context) error {
	var errs [3]error
	p.labels, errs[0] = p.Vault.Index(ctx, "people label")
	p.users, errs[1] = p.Vault.Index(ctx, "people user")
	p.values, errs[2] = p.Vault.Box(ctx, "people value")
	return errors.Join(errs[:]...)
}

// Origin is that of the log of people's keys of a server.
func Origin(name matrix.ServerName) string { return name.String() + "/users" }

// Tiles is the log, to be served as C2SP tlog-tiles.
func (p *People) Tiles() *log.Log { return p.tiles }

// Run seals what is pending until ctx ends, as log.Log.Run does, and forgets what is erased,
// by whichever replica.
func (p *People) Run(ctx context.Context) error {
	var forgetting sync.WaitGroup
	forgetting.Go(func() { p.forget(ctx) })
	defer forgetting.Wait()
	return p.tiles.Run(ctx)
}

// tagOf is the keyed index of a label.
func (p *People) tagOf(l entry.Label) tag { return tag(p.labels.Of(l.String())) }

// userTag is the keyed index of a user id, empty for none.
func (p *People) userTag(user matrix.UserID) []byte {
	if user == "" {
		return []byte{}
	}
	return p.users.Of(user.String())
}
