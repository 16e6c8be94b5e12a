package main

import (
	"context"
	"sync"

	"signet/internal/homeserver/userdata"
	"signet/internal/store"
)

// positions is a userdata.Committer that makes its writes one after the other.
type positions struct {
	db *store.DB

	mu   sync.Mutex // held through a commit, so that positions are in the order of commits
	last int64
}

func newPositions(ctx context.Context, db *store.DB) (*positions, error) {
	last, err := userdata.LastPosition(ctx, db)
	return &positions{db: db, last: last}, err
}

// Commit is userdata.Committer's.
func (p *positions) Commit(ctx context.Context, write func(tx *store.Tx, pos int64) error) (int64, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	pos := p.last + 1
	if err := p.db.Tx(ctx, func(tx *store.Tx) error { return write(tx, pos) }); err != nil {
		return 0, err
	}
	p.last = pos
	return pos, nil
}
