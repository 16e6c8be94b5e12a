package outbox

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"signet/internal/seal"
	"signet/internal/store"
)

// Errors of Attempt.
var (
	// ErrPending says that the job was not finished within the caller's patience;
	// it goes on without the caller.
	ErrPending = errors.New("the job is still pending")
	// ErrRefused wraps the error of a job that failed for good. A handler returns
	// an error that wraps it when trying again cannot help.
	ErrRefused = errors.New("refused for good")
)

// Work is what Put stores.
type Work struct {
	Kind    string
	Key     string // idempotency key: the same kind and key is stored once
	Payload []byte
	Expires time.Time // after it, an attempt would be of no use
	// Held keeps the first lease for this process, which calls Attempt after the
	// commit. Otherwise the next free worker of any replica takes the job.
	Held bool
}

// Job is one attempt at a piece of work.
type Job struct {
	ID      string // stable over attempts
	Payload []byte
	Attempt int // counts from 1
}

// Handler attempts a job. ctx ends before the lease does.
type Handler func(ctx context.Context, job Job) error

// Options are what an Outbox needs. Observe, if set, is told of each attempt.
type Options struct {
	DB      *store.DB
	Vault   *seal.Vault
	Now     func() time.Time
	Log     *slog.Logger
	Observe func(kind string, outcome Outcome)
}

// Outcome is how an attempt ended.
type Outcome string

// The outcomes of an attempt.
const (
	Done    Outcome = "done"
	Retried Outcome = "retried"
	Dead    Outcome = "dead"
)

// Outbox holds the jobs of one database. It is safe for concurrent use once every
// handler is set.
type Outbox struct {
	Options
	box   seal.Box
	kinds map[string]*kind
	busy  sync.WaitGroup // attempts under way
}

// kind is a sort of work: its handler, and a slot for each attempt that may run at
// the same time, so that one slow receiver blocks no other kind.
type kind struct {
	name   string
	handle Handler
	slots  chan struct{}
	wake   chan struct{}
}

// New opens the outbox of a database.
func New(ctx context.Context, o Options) (*Outbox, error) {
	box, err := o.Vault.Box(ctx, "outbox payload")
	if err != nil {
		return nil, err
	}
	if o.Observe == nil {
		o.Observe = func(string, Outcome) {}
	}
	return &Outbox{Options: o, box: box, kinds: map[string]*kind{}}, nil
}

// Handle sets the handler of a kind and how many of its jobs this process attempts
// at the same time. It is called before Run.
func (o *Outbox) Handle(name string, slots int, handle Handler) {
	o.kinds[name] = &kind{name: name, handle: handle, slots: make(chan struct{}, slots), wake: make(chan struct{}, 1)}
}

// Put stores work in tx. Work whose key is known already is left as it is. Call
// Attempt (for held work) or Wake after the commit.
func (o *Outbox) Put(ctx context.Context, tx *store.Tx, w Work) (id string, err error) {
	if o.kinds[w.Kind] == nil {
		return "", fmt.Errorf("putting work of the unknown kind %q", w.Kind)
	}
	now := o.Now()
	row := jobRow{id: rand.Text(), kind: w.Kind, key: w.Key, due: now, expires: w.Expires, created: now}
	if w.Held {
		row.leaseUntil, row.attempts = now.Add(leaseTime), 1
	}
	row.payload = o.box.Seal(w.Payload, []byte(row.id))
	id, err = insertJob(ctx, tx, row)
	if err != nil {
		return "", fmt.Errorf("storing work: %w", err)
	}
	return id, nil
}

// Wake makes the workers of a kind look for work at once, instead of at their next
// look.
func (o *Outbox) Wake(name string) {
	select {
	case o.kinds[name].wake <- struct{}{}:
	default: // one is waiting already
	}
}

// Withdraw ends a job that is still pending. An attempt that runs at this moment
// is not stopped.
func (o *Outbox) Withdraw(ctx context.Context, tx *store.Tx, id string) error {
	if err := endJob(ctx, tx, id, withdrawn, "", o.Now()); err != nil {
		return fmt.Errorf("withdrawing work: %w", err)
	}
	return nil
}
