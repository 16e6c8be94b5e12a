package inturn

import (
	"context"
	"slices"
	"sync"
)

// Turns are those of who works on what has a name. It is safe for concurrent use, and its zero
// value is ready.
type Turns struct {
	mu      sync.Mutex                 // guards waiting
	waiting map[string][]chan struct{} // closed when it is their turn; the first has it
}

// Take waits for the turn of a name, which give ends: it must be called once. The error is that of a
// context that ends before.
func (t *Turns) Take(ctx context.Context, name string) (give func(), err error) {
	mine := make(chan struct{})
	t.mu.Lock()
	if t.waiting == nil {
		t.waiting = map[string][]chan struct{}{}
	}
	if t.waiting[name] = append(t.waiting[name], mine); len(t.waiting[name]) == 1 {
		close(mine)
	}
	t.mu.Unlock()
	select {
	case <-mine:
		return func() { t.leave(name, mine) }, nil
	case <-ctx.Done():
		t.leave(name, mine)
		return nil, ctx.Err()
	}
}

// leave gives the turn of who has it to the next, or stops waiting.
func (t *Turns) leave(name string, mine chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	at := slices.Index(t.waiting[name], mine)
	t.waiting[name] = slices.Delete(t.waiting[name], at, at+1)
	switch rest := t.waiting[name]; {
	case len(rest) == 0:
		delete(t.waiting, name)
	case at == 0:
		close(rest[0])
	}
}

// Len is how many wait for the turn of a name, with who has it.
func (t *Turns) Len(name string) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.waiting[name])
}
