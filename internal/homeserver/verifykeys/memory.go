package verifykeys

import (
	"sync"
	"time"
)

const (
	// maxMemory is how many keys are kept in memory, and of how many it is remembered that
	// nobody has them. Names come from strangers.
	maxMemory = 8192
	// firstWait and longestWait are how long notaries are not asked again for a key that none
	// of them has.
	firstWait   = time.Minute
	longestWait = time.Hour
)

// memory is the keys that were used last, about.
type memory struct {
	mu    sync.Mutex // guards known
	known map[name]key
}

func (m *memory) get(n name) (key, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	k, there := m.known[n]
	return k, there
}

func (m *memory) put(n name, k key) {
	m.mu.Lock()
	defer m.mu.Unlock()
	makeRoom(m.known)
	m.known[n] = k
}

// makeRoom forgets an arbitrary entry of a full map: an order would tell a stranger what to
// ask for to have a certain one forgotten.
func makeRoom[V any](all map[name]V) {
	if len(all) < maxMemory {
		return
	}
	for n := range all {
		delete(all, n)
		return
	}
}

// failure is a key that notaries were asked for in vain.
type failure struct {
	again time.Time
	wait  time.Duration
}

type failures struct {
	mu    sync.Mutex // guards known
	known map[name]failure
}

func (f *failures) waits(n name, now time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return now.Before(f.known[n].again)
}

func (f *failures) add(n name, now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	wait := min(max(2*f.known[n].wait, firstWait), longestWait)
	makeRoom(f.known)
	f.known[n] = failure{again: now.Add(wait), wait: wait}
}
