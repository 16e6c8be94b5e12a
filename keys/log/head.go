package log

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"signet/internal/store"
)

// head is the tree that was committed last, signed or not.
type head struct {
	tlog.Tree
	ms     int64 // of its EPOCH, milliseconds since 1970; 0 in an empty tree
	origin string
}

// trusted reads the head and holds it against what was signed. The error of a head that
// contradicts it is ErrRolledBack, from then on.
func (l *Log) trusted(ctx context.Context) (head, error) {
	if err := l.refusal(); err != nil {
		return head{}, err
	}
	// The guard comes first. It is told only of what was committed, and the head only grows:
	// asked in this order, they contradict each other only if the database went back.
	highest, err := l.Guard.Highest(ctx)
	if err != nil {
		return head{}, fmt.Errorf("asking what was signed: %w", err)
	}
	h, err := selectHead(ctx, l.DB, l.Name)
	if err != nil {
		return head{}, fmt.Errorf("reading the head: %w", err)
	}
	if err := l.continues(ctx, h, highest); err != nil {
		return head{}, l.refuseIfRolledBack(err)
	}
	return h, nil
}

// continues fails with ErrRolledBack if the head's tree does not begin with the signed one.
func (l *Log) continues(ctx context.Context, h head, signed tlog.Tree) error {
	if signed.N > h.N {
		return fmt.Errorf("%w: %s has %d entries and was signed with %d", ErrRolledBack, l.Name, h.N, signed.N)
	}
	if signed.N == 0 {
		return nil
	}
	root, err := l.rootAt(ctx, h.Tree, signed.N)
	if err != nil {
		return err
	}
	if root != signed.Hash {
		return fmt.Errorf("%w: %s was signed with another root at %d entries", ErrRolledBack, l.Name, signed.N)
	}
	return nil
}

// rootAt is the root of the tree as it was with that many entries.
func (l *Log) rootAt(ctx context.Context, of tlog.Tree, size int64) (tlog.Hash, error) {
	if size == of.N {
		return of.Hash, nil
	}
	root, err := tlog.TreeHash(size, l.hashes(ctx))
	if err != nil {
		return tlog.Hash{}, fmt.Errorf("computing the root at %d entries: %w", size, err)
	}
	return root, nil
}

// durable reads the head as no power cut can undo it: on SQLite others see a commit a moment
// before it is safe, and a transaction ends only when all before it are.
func (l *Log) durable(ctx context.Context) (h head, err error) {
	err = l.DB.Tx(ctx, func(tx *store.Tx) (err error) {
		h, err = selectHead(ctx, tx, l.Name)
		return err
	})
	return h, err
}

// refusal is why the Log does nothing any more, nil if it does.
func (l *Log) refusal() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.refused
}

func (l *Log) refuseIfRolledBack(err error) error {
	if errors.Is(err, ErrRolledBack) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.refused = err
	}
	return err
}
