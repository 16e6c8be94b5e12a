package log

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// audit holds a head as the database has it against the invariants of the key directory,
// before it is signed. The error is ErrInvariant. I2, I3 and I6 the Map has held, which must
// have taken in every entry.
func (l *Log) audit(ctx context.Context, h head) error {
	if size := l.Map.Size(); size != h.N {
		return fmt.Errorf("%w: the map has taken in %d entries of %d", ErrInvariant, size, h.N)
	}
	if err := l.auditTree(ctx, h); err != nil {
		return err
	}
	if err := l.auditEpoch(ctx, h); err != nil {
		return err
	}
	return l.auditConfig(ctx)
}

// auditConfig holds I5, once: it is about one entry, which may stand among 255 large ones.
func (l *Log) auditConfig(ctx context.Context) error {
	if l.begun {
		return nil
	}
	first, err := l.entries(ctx, 0, 1)
	if err != nil {
		return err
	}
	if err := l.Format.Config(first[0], l.Origin); err != nil {
		return fmt.Errorf("%w: I5: the first entry: %w", ErrInvariant, err)
	}
	l.begun = true
	return nil
}

func (l *Log) auditTree(ctx context.Context, h head) error {
	root, err := tlog.TreeHash(h.N, l.hashes(ctx))
	if err != nil {
		return err
	}
	if root != h.Hash {
		return fmt.Errorf("%w: the tiles do not have the head's root", ErrInvariant)
	}
	return nil
}

// auditEpoch holds I1 and I4.
func (l *Log) auditEpoch(ctx context.Context, h head) error {
	epoch, err := l.epochBefore(ctx, h.N)
	if err != nil {
		return err
	}
	if epoch.Position != h.N-1 || epoch.Time.UnixMilli() != h.ms {
		return fmt.Errorf("%w: I1: the EPOCH at %d is of position %d and of %s", ErrInvariant, h.N-1, epoch.Position, epoch.Time.UTC())
	}
	before, err := selectCheckpoint(ctx, l.DB, l.Name)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	earlier, err := l.epochBefore(ctx, min(before.N, h.N))
	if err != nil {
		return err
	}
	if epoch.Time.Before(earlier.Time) {
		return fmt.Errorf("%w: I4: the EPOCH at %d is earlier than the one at %d", ErrInvariant, epoch.Position, earlier.Position)
	}
	return nil
}

// epochBefore reads the EPOCH that ends a tree of that size, and holds its bytes against the
// tree.
func (l *Log) epochBefore(ctx context.Context, size int64) (Epoch, error) {
	last, err := l.entries(ctx, size-1, 1)
	if err != nil {
		return Epoch{}, err
	}
	leaf, err := l.hashes(ctx).ReadHashes([]int64{tlog.StoredHashIndex(0, size-1)})
	if err != nil {
		return Epoch{}, err
	}
	if leaf[0] != tlog.RecordHash(last[0]) {
		return Epoch{}, fmt.Errorf("%w: the entry at %d is not the one of the tree", ErrInvariant, size-1)
	}
	epoch, err := l.Format.Epoch(last[0])
	if err != nil {
		return Epoch{}, fmt.Errorf("%w: I1: the entry at %d: %w", ErrInvariant, size-1, err)
	}
	return epoch, nil
}
