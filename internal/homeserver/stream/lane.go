package stream

import (
	"context"

	"signet/internal/matrix"
	"signet/internal/store"
)

// Pos is a position in the stream. They are above 0; none comes twice, also not after a
// crash, and some are left out.
type Pos int64

// Placed is an operation with its first position.
type Placed[T any] struct {
	Pos Pos
	Op  T
}

// Writer stores the operations of one kind and shows them to its readers. The Committer
// calls it from one goroutine, and a Writer must not wait for the Committer in turn.
type Writer[T any] interface {
	// Write stores operations in the transaction of their batch. An error undoes the
	// whole batch, so what can be refused is refused before it is queued. Like every
	// transaction it may run again.
	Write(ctx context.Context, tx *store.Tx, ops []Placed[T]) error
	// Publish shows what was stored, in order, before Visible rises to it. It wakes the
	// users who may see something new.
	Publish(ops []Placed[T], wake func(matrix.UserID))
	// Abandon takes back whatever was built on operations that were not stored. Until it
	// returns nothing is queued.
	Abandon(ops []T)
}

// Publisher shows operations that are not stored, such as who is typing.
type Publisher[T any] interface {
	// Publish is that of a Writer.
	Publish(ops []Placed[T], wake func(matrix.UserID))
}

// Lane is the way into the stream for the operations of one Writer or Publisher.
type Lane[T any] struct {
	committer *Committer
	writer    Writer[T] // nil: nothing is stored
	publisher Publisher[T]
}

// NewLane opens a lane. It is to be done before the Committer runs.
func NewLane[T any](c *Committer, w Writer[T]) *Lane[T] {
	return &Lane[T]{committer: c, writer: w, publisher: w}
}

// NewPassingLane opens a lane for what is gone after a restart. A batch of such operations
// alone is shown without a transaction.
func NewPassingLane[T any](c *Committer, p Publisher[T]) *Lane[T] {
	return &Lane[T]{committer: c, publisher: p}
}

// Add queues an operation that takes so many positions, at least 1, and returns before it
// is stored. Operations are stored in the order in which they were added, so who adds
// under a lock settles their order by it. The error is ErrStopped, ErrFull, or
// ErrNotStored while operations are taken back.
func (l *Lane[T]) Add(op T, positions int) (*Ticket, error) {
	return l.committer.add(entry{lane: l, op: op, positions: Pos(positions)})
}

// Do adds an operation of one position and waits for it.
func (l *Lane[T]) Do(ctx context.Context, op T) (Pos, error) {
	ticket, err := l.Add(op, 1)
	if err != nil {
		return 0, err
	}
	return ticket.Wait(ctx)
}

func (l *Lane[T]) stores() bool { return l.writer != nil }

func (l *Lane[T]) write(ctx context.Context, tx *store.Tx, entries []entry) error {
	if !l.stores() {
		return nil
	}
	return l.writer.Write(ctx, tx, placed[T](entries))
}

func (l *Lane[T]) publish(entries []entry, wake func(matrix.UserID)) {
	l.publisher.Publish(placed[T](entries), wake)
}

func (l *Lane[T]) abandon(entries []entry) {
	if !l.stores() {
		return
	}
	ops := make([]T, len(entries))
	for i, e := range entries {
		ops[i] = e.op.(T)
	}
	l.writer.Abandon(ops)
}

func placed[T any](entries []entry) []Placed[T] {
	ops := make([]Placed[T], len(entries))
	for i, e := range entries {
		ops[i] = Placed[T]{Pos: e.ticket.pos, Op: e.op.(T)}
	}
	return ops
}

// Ticket is what is left with whoever has added an operation.
type Ticket struct {
	done chan struct{} // closed when pos and err are settled
	pos  Pos
	err  error
}

// Wait returns the operation's first position when it is stored and visible. A caller
// who leaves changes nothing: the operation goes on. ErrNotStored wraps why it was not stored.
func (t *Ticket) Wait(ctx context.Context) (Pos, error) {
	select {
	case <-t.done:
		return t.pos, t.err
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}
