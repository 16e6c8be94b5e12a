package contact

import (
	"context"
	"sync"
)

// order has one request at a time be on its way that binds or unbinds an address, so that what
// is wished last is what identity servers hear last. It is ready for use as it is.
type order struct {
	mu    sync.Mutex // guards turns
	turns map[string]*turn
}

// turn is that of one address.
type turn struct {
	free  chan struct{}
	users int // who have it, or wait for it
}

// take waits for the turn of an address, by its index, as long as ctx allows.
func (o *order) take(ctx context.Context, index []byte) (release func(), err error) {
	name := string(index)
	t := o.join(name)
	select {
	case t.free <- struct{}{}:
		return func() { <-t.free; o.leave(name, t) }, nil
	case <-ctx.Done():
		o.leave(name, t)
		return nil, ctx.Err()
	}
}

func (o *order) join(name string) *turn {
	o.mu.Lock()
	defer o.mu.Unlock()
	t := o.turns[name]
	if t == nil {
		if o.turns == nil {
			o.turns = map[string]*turn{}
		}
		t = &turn{free: make(chan struct{}, 1)}
		o.turns[name] = t
	}
	t.users++
	return t
}

func (o *order) leave(name string, t *turn) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if t.users--; t.users == 0 {
		delete(o.turns, name)
	}
}
