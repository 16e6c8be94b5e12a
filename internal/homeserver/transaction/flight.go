package transaction

import (
	"context"
	"sync"
)

// flights are the transactions that are being done.
type flights struct {
	mu     sync.Mutex // guards byName
	byName map[string]*flight
}

type flight struct {
	landed  chan struct{}
	results Results
	err     error
}

// do does something once for all who ask for it at the same time. Who did not begin it may
// leave early.
func (f *flights) do(ctx context.Context, name string, what func() (Results, error)) (Results, error) {
	f.mu.Lock()
	other := f.byName[name]
	if other == nil {
		if f.byName == nil {
			f.byName = map[string]*flight{}
		}
		own := &flight{landed: make(chan struct{})}
		f.byName[name] = own
		f.mu.Unlock()
		defer f.land(name, own)
		own.err = ErrLater // of one that panics
		own.results, own.err = what()
		return own.results, own.err
	}
	f.mu.Unlock()
	select {
	case <-other.landed:
		return other.results, other.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (f *flights) land(name string, own *flight) {
	f.mu.Lock()
	delete(f.byName, name)
	f.mu.Unlock()
	close(own.landed)
}
