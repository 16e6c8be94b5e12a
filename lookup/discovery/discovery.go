package discovery

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"strconv"
	"time"

	"signet/internal/matrix"
	"signet/internal/quota"
	"signet/internal/seal"
	"signet/internal/store"
)

// Options are what a Discovery needs.
type Options struct {
	DB    *store.DB
	Vault *seal.Vault
	Quota *quota.Quota // of Budgets, with the limits that count
	// Earned tells what an account has verified here.
	Earned func(ctx context.Context, user matrix.UserID) (Earned, error)
	Own    map[matrix.ServerName]bool // the operator's homeservers
	Now    func() time.Time
}

// Discovery keeps the budgets of look-ups of one database. It is safe for concurrent use,
// and replicas share all but the memory of what is free.
type Discovery struct {
	Options
	askers  seal.Index
	keys    seal.Index
	limits  map[string]int // of budgets by name, as an operator has set them
	known   *known
	shelves shelves
}

// New opens the budgets of a database.
func New(ctx context.Context, o Options) (*Discovery, error) {
	askers, err := o.Vault.Index(ctx, "discovery asker")
	if err != nil {
		return nil, err
	}
	keys, err := o.Vault.Index(ctx, "discovery memory")
	return &Discovery{Options: o, askers: askers, keys: keys, limits: limitsOf(o.Quota), known: newKnown(), shelves: newShelves()}, err
}

func limitsOf(q *quota.Quota) map[string]int {
	limits := map[string]int{}
	for _, b := range q.Budgets {
		limits[b.Name] = b.Limit
	}
	return limits
}

// book is whose memory it is: an asker's in an epoch.
type book struct {
	tag   string
	epoch int64
}

func (d *Discovery) bookOf(a Asker, epoch int64) book {
	who := "homeserver " + a.Homeserver.String()
	if a.Account != "" {
		who = "account " + a.Account.String()
	}
	return book{tag: string(d.askers.Of(who)), epoch: epoch}
}

// marks are what the book remembers of identifiers. Without the epoch's key nobody can
// tell which a filter holds.
func (d *Discovery) marks(b book, ids []ID) []mark {
	mac := hmac.New(sha256.New, d.keys.Of("epoch", strconv.FormatInt(b.epoch, 10), b.tag))
	all := make([]mark, len(ids))
	for i, id := range ids {
		mac.Reset()
		mac.Write(id[:])
		mac.Sum(all[i][:0])
	}
	return all
}

// shelves let those of one process who write the same book take turns, where otherwise each
// would charge for what only one of them needs to.
type shelves [256]chan struct{}

func newShelves() (s shelves) {
	for i := range s {
		s[i] = make(chan struct{}, 1)
	}
	return s
}

// take takes the turn of a book, with those of others that stand on its shelf.
func (s shelves) take(ctx context.Context, b book) (done func(), err error) {
	turn := s[b.tag[0]]
	select {
	case turn <- struct{}{}:
		return func() { <-turn }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
