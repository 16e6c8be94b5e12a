package fedclient

import (
	"context"
	"math"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"signet/internal/matrix"
)

const (
	// memoSize bounds each memo; names to remember come from strangers.
	memoSize = 4096
	// anyAge accepts whatever has not expired.
	anyAge = time.Duration(math.MaxInt64)
)

// memo remembers one answer a server, failures included, for as long as each says.
// Callers who need the same answer at the same time share one fetch, which runs on
// when one of them gives up.
type memo[T any] struct {
	now      func() time.Time
	patience patience
	fetch    func(context.Context, matrix.ServerName) (fetched[T], error)
	flight   singleflight.Group

	mu    sync.Mutex // guards known
	known map[matrix.ServerName]entry[T]
}

// patience says how long a fetch may take, and how long a failure is remembered:
// first after one, twice as long after each further one, never longer than most.
type patience struct {
	fetch, first, most time.Duration
}

// fetched is an answer and how long it may be kept.
type fetched[T any] struct {
	value T
	life  time.Duration
}

type entry[T any] struct {
	value    T
	err      error
	failures int
	asked    time.Time
	expires  time.Time
}

func newMemo[T any](now func() time.Time, p patience, fetch func(context.Context, matrix.ServerName) (fetched[T], error)) *memo[T] {
	return &memo[T]{now: now, patience: p, fetch: fetch, known: map[matrix.ServerName]entry[T]{}}
}

// get answers from memory what was asked within maxAge and has not expired, and
// fetches otherwise.
func (m *memo[T]) get(ctx context.Context, name matrix.ServerName, maxAge time.Duration) (T, error) {
	if e, ok := m.recall(name, maxAge); ok {
		return e.value, e.err
	}
	shared := m.flight.DoChan(name.String(), func() (any, error) {
		return m.refresh(context.WithoutCancel(ctx), name, maxAge), nil
	})
	select {
	case result := <-shared:
		e := result.Val.(entry[T])
		return e.value, e.err
	case <-ctx.Done():
		var none T
		return none, brokenAnswer{cause: ctx.Err()}
	}
}

func (m *memo[T]) recall(name matrix.ServerName, maxAge time.Duration) (entry[T], bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e, ok := m.known[name]
	now := m.now()
	return e, ok && now.Before(e.expires) && now.Sub(e.asked) < maxAge
}

// refresh looks into memory once more, for another fetch may have ended since.
func (m *memo[T]) refresh(ctx context.Context, name matrix.ServerName, maxAge time.Duration) entry[T] {
	if e, ok := m.recall(name, maxAge); ok {
		return e
	}
	ctx, cancel := context.WithTimeout(ctx, m.patience.fetch)
	defer cancel()
	answer, err := m.fetch(ctx, name)
	return m.store(name, answer, err)
}

// store keeps the answer. A failure does not displace an earlier answer that is
// still good; it only counts as having asked.
func (m *memo[T]) store(name matrix.ServerName, answer fetched[T], err error) entry[T] {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	e, known := m.known[name]
	e.asked = now
	switch {
	case err == nil:
		e = entry[T]{value: answer.value, asked: now, expires: now.Add(answer.life)}
	case !known || e.err != nil || !now.Before(e.expires):
		e = entry[T]{err: err, failures: e.failures + 1, asked: now, expires: now.Add(m.patience.after(e.failures))}
	}
	if !known {
		m.makeRoom()
	}
	m.known[name] = e
	return e
}

// makeRoom forgets an arbitrary entry of a full memo: an order would tell a
// stranger which names to send to have a certain one forgotten.
func (m *memo[T]) makeRoom() {
	if len(m.known) < memoSize {
		return
	}
	for name := range m.known {
		delete(m.known, name)
		return
	}
}

// after is how long to remember a failure that had so many before it.
func (p patience) after(failures int) time.Duration {
	wait := p.first
	for ; failures > 0 && wait < p.most; failures-- {
		wait *= 2
	}
	return min(wait, p.most)
}
