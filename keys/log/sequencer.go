package log

import (
	"context"
	"errors"
	"fmt"
	"time"

	"signet/internal/store"
)

// batch is what an append writes.
type batch struct {
	from, to head
	edge     *edge // of to
	pending  Batch
	first    int64  // position of the first pending entry
	adopt    func() // makes the map that of to
}

// Seal does one pass: if this process holds the lease, or nobody does, it signs what is
// committed without a note, appends one batch of what is pending and signs that. It returns
// the number of entries appended, 0 without an error if there was nothing to do or another
// replica leads. ErrSuperseded, ErrRolledBack and ErrInvariant are among its errors.
func (l *Log) Seal(ctx context.Context) (sealed int64, err error) {
	l.sequencing.Lock()
	defer l.sequencing.Unlock()
	began := time.Now()
	sealed, err = l.seal(ctx)
	if sealed > 0 && err == nil && l.Sealed != nil {
		l.Sealed(sealed, time.Since(began))
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failure = err
	return sealed, err
}

func (l *Log) seal(ctx context.Context) (sealed int64, err error) {
	// The head comes before the source: what another sequencer appends in between moves the
	// head, and then nothing of what the source had ready is appended twice.
	h, err := l.trusted(ctx)
	if err != nil {
		return 0, err
	}
	leads, err := l.lead(ctx)
	if err != nil {
		return 0, err
	}
	if err := l.follow(ctx, h); err != nil {
		return 0, err
	}
	if !leads {
		return 0, l.observe(ctx)
	}
	if err := l.signUnsigned(ctx, h); err != nil {
		return 0, err
	}
	b, err := l.prepare(ctx, h)
	if err != nil || b == nil {
		return 0, err
	}
	if err := l.append(ctx, b); err != nil {
		return 0, err
	}
	return b.to.N - b.from.N, l.publish(ctx, b.to)
}

// followedAtATime bounds how many entries are in memory at the same time: 16 bundles.
const followedAtATime = 16 * tileWidth

// follow makes the map take in what others have appended.
func (l *Log) follow(ctx context.Context, h head) error {
	at := l.Map.Size()
	if at > h.N {
		return l.refuseIfRolledBack(fmt.Errorf("%w: %s has %d entries and had %d", ErrRolledBack, l.Name, h.N, at))
	}
	for at < h.N {
		n := min(h.N-at, followedAtATime)
		entries, err := l.entries(ctx, at, n)
		if err != nil {
			return err
		}
		if err := l.Map.Follow(entries); err != nil {
			return fmt.Errorf("%w: among the entries %d to %d: %w", ErrInvariant, at, at+n-1, err)
		}
		at += n
		if size := l.Map.Size(); size != at {
			return fmt.Errorf("%w: the map has taken in %d entries of %d", ErrInvariant, size, at)
		}
	}
	return nil
}

// Follow makes the map take in all that is committed, also what is signed in a moment. It is
// for who has met a checkpoint that the map does not know yet; where there is something to take in, a
// pass that runs goes first.
func (l *Log) Follow(ctx context.Context) error {
	if err := l.refusal(); err != nil {
		return err
	}
	if h, err := selectHead(ctx, l.DB, l.Name); err != nil || h.N == l.Map.Size() {
		return err
	}
	l.sequencing.Lock()
	defer l.sequencing.Unlock()
	h, err := l.trusted(ctx)
	if err != nil {
		return err
	}
	return l.follow(ctx, h)
}

// observe lets the guard of a replica that only stands by know of what the others publish.
func (l *Log) observe(ctx context.Context) error {
	if _, err := l.Checkpoint(ctx); !errors.Is(err, ErrNotFound) {
		return err
	}
	return nil
}

// signUnsigned makes up for a process that ended between commit and publication.
func (l *Log) signUnsigned(ctx context.Context, h head) error {
	c, err := l.Checkpoint(ctx)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	if c.N >= h.N {
		return nil
	}
	safe, err := l.durable(ctx)
	if err != nil {
		return fmt.Errorf("reading the head: %w", err)
	}
	if safe.Tree != h.Tree {
		return ErrSuperseded
	}
	return l.publish(ctx, safe)
}

// prepare makes the batch that comes after a head, nil if there is nothing to append.
func (l *Log) prepare(ctx context.Context, from head) (*batch, error) {
	pending, err := l.Source.Next(ctx, l.Limit)
	if err != nil {
		return nil, fmt.Errorf("asking what is to be logged: %w", err)
	}
	// The CONFIG is asked for after the source and stands before what that had ready: whatever key
	// has signed any of it, the CONFIG can name it.
	config, err := l.configure(ctx, from)
	if err != nil {
		return nil, err
	}
	now := l.Now()
	if len(pending.Entries) == 0 && config == nil && now.Sub(time.UnixMilli(from.ms)) < l.Heartbeat {
		return nil, nil
	}
	entries, first := pending.Entries, from.N
	if config != nil {
		entries, first = append([][]byte{config}, entries...), from.N+1
	}
	to := head{ms: max(now.UnixMilli(), from.ms)} // I4, even if the clock was put back
	epoch, adopt, err := l.makeEpoch(entries, from.N+int64(len(entries)), to.ms)
	if err != nil {
		return nil, err
	}
	b := &batch{from: from, to: to, pending: pending, first: first, adopt: adopt}
	if b.edge, err = l.extend(ctx, from, append(entries[:len(entries):len(entries)], epoch)); err != nil {
		return nil, err
	}
	b.to.Tree, err = b.edge.settle()
	return b, err
}

// makeEpoch has the map make the EPOCH for a position. What could not be signed once it is
// committed is refused before.
func (l *Log) makeEpoch(entries [][]byte, position, ms int64) (entry []byte, adopt func(), err error) {
	entry, adopt, err = l.Map.Seal(entries, time.UnixMilli(ms))
	if err != nil {
		return nil, nil, fmt.Errorf("making an EPOCH: %w", err)
	}
	epoch, err := l.Format.Epoch(entry)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: I1: the new EPOCH: %w", ErrInvariant, err)
	}
	if epoch.Position != position || epoch.Time.UnixMilli() != ms {
		return nil, nil, fmt.Errorf("%w: I1: the new EPOCH at %d is of position %d and of %s", ErrInvariant, position, epoch.Position, epoch.Time.UTC())
	}
	return entry, adopt, nil
}

// extend returns the edge of the tree after the entries.
func (l *Log) extend(ctx context.Context, from head, entries [][]byte) (*edge, error) {
	if l.edge == nil || l.edge.size != from.N || l.edge.root != from.Hash {
		var err error
		if l.edge, err = l.readEdge(ctx, from); err != nil {
			return nil, err
		}
	}
	e := l.edge.clone()
	for _, entry := range entries {
		if len(entry) > MaxEntry {
			return nil, fmt.Errorf("an entry has %d octets, more than %d", len(entry), MaxEntry)
		}
		e.add(entry)
	}
	return e, nil
}

// append commits a batch, or nothing of it.
func (l *Log) append(ctx context.Context, b *batch) error {
	began := time.Now()
	err := l.DB.Tx(ctx, func(tx *store.Tx) error {
		moved, err := updateHead(ctx, tx, l.Name, b.from, b.to, l.holder, l.Now())
		if err != nil {
			return err
		}
		if !moved {
			return ErrSuperseded
		}
		if err := l.writeTiles(ctx, tx, b.edge.changed()); err != nil {
			return err
		}
		if len(b.pending.Entries) == 0 {
			return nil
		}
		return b.pending.Logged(ctx, tx, b.first)
	})
	l.wrote = time.Since(began)
	if err != nil {
		return fmt.Errorf("appending: %w", err)
	}
	b.adopt()
	l.edge = b.edge
	return nil
}

func (l *Log) writeTiles(ctx context.Context, tx *store.Tx, rows []tile) error {
	for _, t := range rows {
		widened, err := putTile(ctx, tx, l.Name, t)
		if err != nil {
			return err
		}
		if !widened {
			return fmt.Errorf("%w: tile %d of level %d is wider than the head", ErrInvariant, t.n, t.level)
		}
	}
	return nil
}
