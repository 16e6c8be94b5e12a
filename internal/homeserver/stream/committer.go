package stream

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"signet/internal/matrix"
	"signet/internal/store"
)

// What becomes of operations that are not stored.
var (
	// ErrNotStored wraps why: nothing of the operation has happened, and it may be built
	// and added again.
	ErrNotStored = errors.New("the operation was not stored")
	// ErrStopped is final, as of a server that goes down.
	ErrStopped = errors.New("this server takes nothing in any more")
	// ErrFull asks for patience.
	ErrFull = errors.New("too much is waiting to be stored")
	// ErrReplaced stops a process in whose place another writes the database now.
	ErrReplaced = errors.New("another process has taken over the database")
)

const (
	// maxBatch is how many operations one transaction takes.
	maxBatch = 256
	// maxQueue is how many may wait. A room's operations wait all the same until its
	// lock is free, so that only many rooms together come near it.
	maxQueue = 16_384
	// reserve is how many positions are set aside at a time.
	reserve = 10_000
)

// Committer writes the stream. It is safe for concurrent use.
type Committer struct {
	db       *store.DB
	notifier *Notifier
	owner    string // names this process in the database
	works    *Lane[*work]

	concerned concerned

	visible  atomic.Int64
	next     Pos // the next position; of the goroutine that runs
	reserved Pos // positions below it never come again; of the goroutine that runs

	mu     sync.Mutex // guards queue and closed
	queue  []entry
	closed error         // why Add refuses, or nil
	work   chan struct{} // has a token while the queue may have something
}

// entry is an operation in the queue.
type entry struct {
	lane      lane
	op        any
	positions Pos
	ticket    *Ticket
}

// lane is a Lane of any type.
type lane interface {
	stores() bool
	write(ctx context.Context, tx *store.Tx, entries []entry) error
	publish(entries []entry, wake func(matrix.UserID))
	abandon(entries []entry)
}

// Open takes the stream over: from now on no other process writes it. The stream goes on
// beyond every position that was ever given out.
func Open(ctx context.Context, db *store.DB) (*Committer, error) {
	c := &Committer{db: db, notifier: newNotifier(), owner: rand.Text(), work: make(chan struct{}, 1)}
	c.works = NewLane(c, workWriter{&c.concerned})
	err := db.Tx(ctx, func(tx *store.Tx) error {
		reserved, err := takeOver(ctx, tx, c.owner, reserve)
		// One position is left out: 0 is the beginning, and nobody has only that.
		c.next, c.reserved = reserved+2, reserved+reserve
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("opening the stream: %w", err)
	}
	c.visible.Store(int64(c.next - 1))
	c.concerned.floor = c.next - 1
	return c, nil
}

// Visible is the position up to which everything is stored and shown. It never falls.
func (c *Committer) Visible() Pos { return Pos(c.visible.Load()) }

// Queued is how many operations wait to be stored.
func (c *Committer) Queued() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.queue)
}

// Notifier wakes those who wait for Visible to rise.
func (c *Committer) Notifier() *Notifier { return c.notifier }

func (c *Committer) add(e entry) (*Ticket, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.closed != nil:
		return nil, c.closed
	case len(c.queue) >= maxQueue:
		return nil, ErrFull
	}
	e.ticket = &Ticket{done: make(chan struct{})}
	c.queue = append(c.queue, e)
	select {
	case c.work <- struct{}{}:
	default:
	}
	return e.ticket, nil
}

// Run writes until ctx ends; then it writes what is queued and takes no more. It returns
// nil then, and ErrReplaced if another process writes instead.
func (c *Committer) Run(ctx context.Context) error {
	work := context.WithoutCancel(ctx)
	for {
		select {
		case <-c.work:
		case <-ctx.Done():
			c.close(ErrStopped)
			return c.drain(work)
		}
		if err := c.drain(work); err != nil {
			return err
		}
	}
}

// drain writes batch after batch until nothing is queued.
func (c *Committer) drain(ctx context.Context) error {
	for batch := c.take(maxBatch); len(batch) > 0; batch = c.take(maxBatch) {
		err := c.commit(ctx, batch)
		if err == nil {
			continue
		}
		c.giveUp(batch, err)
		if errors.Is(err, ErrReplaced) {
			return err
		}
	}
	return nil
}

// take removes so many entries from the head of the queue.
func (c *Committer) take(most int) []entry {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := min(most, len(c.queue))
	batch := c.queue[:n:n]
	c.queue = c.queue[n:]
	if len(c.queue) == 0 {
		c.queue = nil
	}
	return batch
}

func (c *Committer) close(why error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = why
}

// giveUp takes back a batch that was not stored, with all that is queued behind it, since
// that may be built on it. Meanwhile nothing can be added to what is gone.
func (c *Committer) giveUp(batch []entry, why error) {
	lost := fmt.Errorf("%w: %w", ErrNotStored, why)
	c.mu.Lock()
	batch = append(batch, c.queue...)
	c.queue = nil
	stopped := c.closed
	if stopped == nil {
		c.closed = lost
	}
	c.mu.Unlock()
	for lane, entries := range byLane(batch) {
		lane.abandon(entries)
	}
	if errors.Is(why, ErrReplaced) {
		stopped = ErrStopped
	}
	c.close(stopped)
	for _, e := range batch {
		e.ticket.pos, e.ticket.err = 0, lost
		close(e.ticket.done)
	}
}
