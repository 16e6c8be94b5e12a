package notary

import (
	"sync"
	"time"

	"signet/internal/matrix"
)

const (
	// firstWait is how long a server that failed is left alone; after each further time it is
	// twice as long, to mostWait.
	firstWait = 10 * time.Second
	mostWait  = 30 * time.Minute
	// maxFailures bounds the names that are remembered: they come from strangers.
	maxFailures = 8192
)

// failures remembers servers that did not answer, or not with their keys. Each replica finds
// out for itself.
type failures struct {
	mu    sync.Mutex // guards known
	known map[matrix.ServerName]failure
}

type failure struct {
	times int
	until time.Time
}

// waits tells whether a server is to be left alone.
func (f *failures) waits(server matrix.ServerName, now time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return now.Before(f.known[server].until)
}

// add notes a failure. A full memory forgets an arbitrary one: an order would tell a stranger
// which names to send to have a certain one forgotten.
func (f *failures) add(server matrix.ServerName, now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.known == nil {
		f.known = map[matrix.ServerName]failure{}
	}
	before, known := f.known[server]
	for other := range f.known {
		if known || len(f.known) < maxFailures {
			break
		}
		delete(f.known, other)
	}
	wait := min(mostWait, firstWait<<min(before.times, 16))
	f.known[server] = failure{times: before.times + 1, until: now.Add(wait)}
}

func (f *failures) forget(server matrix.ServerName) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.known, server)
}
