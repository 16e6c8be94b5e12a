package outbound

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	mathrand "math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/homeserver/remote"
	"signet/internal/homeserver/room"
	"signet/internal/homeserver/stream"
	"signet/internal/matrix"
	"signet/internal/store"
	"signet/internal/together"
)

// Remote brings things to other servers, as remote.Client does.
type Remote interface {
	Send(ctx context.Context, server matrix.ServerName, t remote.Transaction) (refused map[string]string, err error)
	Invite(ctx context.Context, server matrix.ServerName, i remote.Invitation) (jsontext.Value, error)
}

// Rooms knows the events that are sent, as room.Rooms does.
type Rooms interface {
	Raw(ctx context.Context, ids []string) (map[string]jsontext.Value, error)
	Invitation(ctx context.Context, roomID, eventID string) (room.Invitation, error)
}

// Options is what an Outbound stands on.
type Options struct {
	DB     *store.DB
	Stream *stream.Committer // which must not run yet
	Remote Remote
	Now    func() time.Time
	Log    *slog.Logger
	// Spread is the longest time over which those are spread, after a start, for whom
	// something waits; 0 is two minutes. Few need less.
	Spread time.Duration
	// MaxWaiting is how many EDUs wait at most for a server that is away; 0 is 10,000.
	MaxWaiting int
	// Random is a time between 0 and d; nil draws one.
	Random func(d time.Duration) time.Duration
}

// defaultSpread is Spread where nobody says otherwise. apart is the part of it that each has.
const (
	defaultSpread = 2 * time.Minute
	apart         = 20 * time.Millisecond
)

// Outbound sends to other servers. It is safe for concurrent use.
type Outbound struct {
	Options
	// Rooms is set before Run: the rooms are opened with the Outbound that they queue in.
	Rooms Rooms

	lane    *stream.Lane[wakes]
	ledger  ledger
	seq     atomic.Int64 // of the last EDU that was queued
	prefix  string       // of the ids of this process's transactions
	counter atomic.Int64 // of them
	busy    sync.WaitGroup
	poke    chan struct{} // has a token when Run has to look again

	mu    sync.Mutex // guards what follows, and what is in it
	known map[matrix.ServerName]*destination
	ready [classes][]*destination // that have something, and may be tried
	slots [classes]int            // that are free
	next  time.Time               // when the first of those is due that have to wait; zero: none
}

// Destinations are sent to in classes, each with places of its own. However many are dead, or
// never were there, those have theirs that took what they were sent last.
const (
	proven = iota
	fresh  // of which nothing is known
	failed
	classes
)

// atOnce is how many destinations of each class are sent to at once.
var atOnce = [classes]int{proven: 128, fresh: 64, failed: 32}

// New opens the queue in a database that has been migrated, and its lane in the stream.
func New(ctx context.Context, o Options) (*Outbound, error) {
	if o.Spread == 0 {
		o.Spread = defaultSpread
	}
	if o.MaxWaiting == 0 {
		o.MaxWaiting = maxWaiting
	}
	if o.Random == nil {
		o.Random = func(d time.Duration) time.Duration { return mathrand.N(max(d, 1)) }
	}
	out := &Outbound{Options: o, prefix: rand.Text()[:10], poke: make(chan struct{}, 1),
		known: map[matrix.ServerName]*destination{}, slots: atOnce}
	out.ledger.writing = together.New(out.write)
	out.lane = stream.NewPassingLane(o.Stream, waker{out})
	if err := out.open(ctx); err != nil {
		return nil, fmt.Errorf("opening the queue to other servers: %w", err)
	}
	return out, nil
}

// open reads who failed, and for whom something waits.
func (o *Outbound) open(ctx context.Context) error {
	last, err := selectLastSeq(ctx, o.DB)
	if err != nil {
		return err
	}
	o.seq.Store(last)
	away, err := selectFailed(ctx, o.DB)
	if err != nil {
		return err
	}
	for _, f := range away {
		o.known[f.name] = &destination{name: f.name, failures: f.failures, due: f.due}
	}
	waiting, err := selectWaiting(ctx, o.DB)
	if err != nil {
		return err
	}
	spread := min(o.Spread, time.Duration(len(waiting))*apart)
	for _, name := range waiting {
		d := o.destination(name)
		d.pending = true
		if begin := o.Now().Add(o.Random(spread)); begin.After(d.due) {
			d.due = begin
		}
		o.schedule(d)
	}
	return nil
}

// wakes are destinations for whom something was queued.
type wakes []matrix.ServerName

// waker is the Publisher of wakes. They come through the stream, behind the batch in which
// they were queued: when they arrive that is stored, and if it is not they do not arrive.
type waker struct{ *Outbound }

func (w waker) Publish(ops []stream.Placed[wakes], _ func(matrix.UserID)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range ops {
		for _, name := range p.Op {
			d := w.destination(name)
			if d.failures == 0 {
				d.due = time.Time{} // the wait after a start is for those to whom nobody writes now
			}
			w.wake(d)
		}
	}
}

// announce has destinations woken once the transaction is stored that queues for them.
// Where the stream takes nothing in, it stores nothing either, or the next start finds it.
func (o *Outbound) announce(names wakes) {
	if len(names) > 0 {
		_, _ = o.lane.Add(names, 1)
	}
}
