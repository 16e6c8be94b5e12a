package inbound

import (
	"context"
	"sync"
)

// turns lets one at a time work on a room. The zero value is ready.
type turns struct {
	mu    sync.Mutex // guards taken
	taken map[string]chan struct{}
}

// take waits for the turn of a room. The error is that of a context that ends before.
func (t *turns) take(ctx context.Context, room string) (give func(), err error) {
	for {
		t.mu.Lock()
		others := t.taken[room]
		if others == nil {
			mine := make(chan struct{})
			if t.taken == nil {
				t.taken = map[string]chan struct{}{}
			}
			t.taken[room] = mine
			t.mu.Unlock()
			return func() { t.give(room, mine) }, nil
		}
		t.mu.Unlock()
		select {
		case <-others:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (t *turns) give(room string, mine chan struct{}) {
	t.mu.Lock()
	delete(t.taken, room)
	t.mu.Unlock()
	close(mine)
}
