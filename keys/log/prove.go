package log

import (
	"context"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// ProveRecord returns the proof that the tree of a size has its entry at a position
// (RFC 6962, 2.1.1). The error is ErrNotFound if it has not, or is not published.
func (l *Log) ProveRecord(ctx context.Context, size, position int64) (tlog.RecordProof, error) {
	if position < 0 || position >= size {
		return nil, ErrNotFound
	}
	if _, err := l.covering(ctx, size); err != nil {
		return nil, err
	}
	proof, err := tlog.ProveRecord(size, position, l.hashes(ctx))
	if err != nil {
		return nil, fmt.Errorf("proving an entry: %w", err)
	}
	return proof, nil
}

// ProveConsistency returns the proof that the tree of the newer size begins with that of
// the older one (RFC 6962, 2.1.2), empty if the older one is. The error is ErrNotFound if
// they are not so, or not published.
func (l *Log) ProveConsistency(ctx context.Context, older, newer int64) (tlog.TreeProof, error) {
	if older < 0 || older > newer {
		return nil, ErrNotFound
	}
	if _, err := l.covering(ctx, newer); err != nil {
		return nil, err
	}
	if older == 0 {
		return tlog.TreeProof{}, nil
	}
	proof, err := tlog.ProveTree(newer, older, l.hashes(ctx))
	if err != nil {
		return nil, fmt.Errorf("proving consistency: %w", err)
	}
	return proof, nil
}
