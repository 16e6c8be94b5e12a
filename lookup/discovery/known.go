package discovery

import (
	"slices"
	"sync"
)

// known is the filters of those who asked lately, in memory. A filter only ever grows, so
// what an old copy has is known for certain; what it has not is looked up in the database.
type known struct {
	mu      sync.Mutex // guards the rest
	filters map[book]filter
	size    int // octets in filters
}

// knownSize bounds the memory that filters take.
const knownSize = 16 << 20

func newKnown() *known { return &known{filters: map[book]filter{}} }

// hasAll tells whether all marks are known to be in a book.
func (k *known) hasAll(b book, marks []mark) bool {
	k.mu.Lock()
	f := k.filters[b] // which is never changed, only replaced
	k.mu.Unlock()
	return !slices.ContainsFunc(marks, func(m mark) bool { return !f.has(m) })
}

// keep remembers a filter that nobody changes any more.
func (k *known) keep(b book, f filter) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.size += len(f) - len(k.filters[b])
	k.filters[b] = f
	for other, old := range k.filters { // in no order
		if k.size <= knownSize {
			return
		}
		if other != b {
			delete(k.filters, other)
			k.size -= len(old)
		}
	}
}
