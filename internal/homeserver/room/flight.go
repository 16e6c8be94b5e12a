package room

import (
	"context"
	"sync"
)

// flights lets one at a time do what concerns the same thing. The zero value is ready.
type flights struct {
	mu    sync.Mutex // guards taken
	taken map[string]chan struct{}
}

// take waits until nobody else has the name, and takes it. The error is that of a context
// that ends before.
func (f *flights) take(ctx context.Context, name string) (release func(), err error) {
	for {
		f.mu.Lock()
		if f.taken == nil {
			f.taken = map[string]chan struct{}{}
		}
		others := f.taken[name]
		if others == nil {
			mine := make(chan struct{})
			f.taken[name] = mine
			f.mu.Unlock()
			return func() { f.give(name, mine) }, nil
		}
		f.mu.Unlock()
		select {
		case <-others:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (f *flights) give(name string, mine chan struct{}) {
	f.mu.Lock()
	delete(f.taken, name)
	f.mu.Unlock()
	close(mine)
}
