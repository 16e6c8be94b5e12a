package outbox

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"signet/internal/seal"
	"signet/internal/store"
)

// Errors of Attempt and Wait.
var (
	// ErrPending says that the job was not finished within the caller's patience;
	// it goes on without the caller.
	ErrPending = errors.New("the job is still pending")
	// ErrRefused wraps the error of a job that failed for good. A handler returns
	// an error that wraps it when trying again cannot help.
	ErrRefused = errors.New("refused for good")
	// ErrUnknownJob says that no job has this key, or none any more.
	ErrUnknownJob = errors.New("no job has this key")
)

// Work is what Put stores.
type Work struct {
	Kind    string
	Key     string // idempotency key: the same kind and key is stored once
	Payload []byte
	Due     time.Time // before it, it is not attempted; zero: at once
	Expires time.Time // after it, an attempt would be of no use
	// Held keeps the first lease for this process, which calls Attempt after the
	// commit. Otherwise the next free worker of any replica takes the job.
	Held bool
}

// Ticket is what Put gives for a job. That of held work carries the job's first
// lease, unless the job was known before.
type Ticket struct {
	ID        string
	kind, key string
	lease     *jobRow
}

// Job is one attempt at a piece of work.
type Job struct {
	ID      string // stable over attempts
	Payload []byte
	Attempt int // counts from 1
}

// Handler attempts a job. ctx ends before the lease does.
type Handler func(ctx context.Context, job Job) error

// Kind is a sort of work, and who does it.
type Kind struct {
	Name    string
	Slots   int // so many of its jobs this process attempts at the same time
	Attempt Handler
	// FirstRetry and LastRetry are how long a job waits after its first failure and, when
	// that has doubled with each further one, at most; 0 is 5 seconds and 10 minutes.
	FirstRetry, LastRetry time.Duration
	// Died, if set, is told of each job that is refused for good or past its expiry,
	// in the very transaction in which it dies: once, however many requesters and
	// replicas there are. An error of it leaves the job pending. The payload is nil if
	// it cannot be opened.
	Died func(ctx context.Context, tx *store.Tx, job Job) error
}

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
	box    seal.Box
	kinds  map[string]*kind
	ledger ledger
	busy   sync.WaitGroup // attempts under way, and records of them
}

// kind is a Kind with a slot for each attempt that may run at the same time, so that
// one slow receiver blocks no other kind.
type kind struct {
	Kind
	slots chan struct{}
	wake  chan struct{}
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

// Handle says how a kind of work is done. It is called before Run.
func (o *Outbox) Handle(k Kind) {
	o.kinds[k.Name] = &kind{Kind: k, slots: make(chan struct{}, k.Slots), wake: make(chan struct{}, 1)}
}

// Put stores work in tx. Work whose key is known already is left as it is. Call
// Attempt (for held work) or Wake after the commit.
func (o *Outbox) Put(ctx context.Context, tx *store.Tx, w Work) (Ticket, error) {
	if o.kinds[w.Kind] == nil {
		return Ticket{}, fmt.Errorf("putting work of the unknown kind %q", w.Kind)
	}
	now := o.Now()
	row := jobRow{id: store.NewID(now), kind: w.Kind, key: w.Key, due: now, expires: w.Expires, created: now}
	if w.Due.After(now) {
		row.due = w.Due
	}
	if w.Held {
		row.leaseUntil, row.attempts = now.Add(leaseTime), 1
	}
	row.payload = o.box.Seal(w.Payload, []byte(row.id))
	id, err := insertJob(ctx, tx, row)
	if err != nil {
		return Ticket{}, fmt.Errorf("storing work: %w", err)
	}
	t := Ticket{ID: id, kind: w.Kind, key: w.Key}
	if w.Held && id == row.id {
		t.lease = &row
	}
	return t, nil
}

// Wake makes the workers of a kind look for work at once, instead of at their next
// look.
func (o *Outbox) Wake(name string) {
	select {
	case o.kinds[name].wake <- struct{}{}:
	default: // one is waiting already
	}
}

// Failed tells whether the job of that kind and key has ended without being done.
func (o *Outbox) Failed(ctx context.Context, q store.Queryer, kind, key string) (bool, error) {
	s, err := selectStateByKey(ctx, q, kind, key)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("reading a job: %w", err)
	}
	return s == dead || s == withdrawn, nil
}
