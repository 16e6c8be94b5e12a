package discovery

import (
	"slices"
	"sync"
)

// known is the books of those who asked lately, in memory. A filter only ever grows, so
// what an old copy has is known for certain. A copy that another replica has written since
// is found out when it is to be written.
type known struct {
	mu    sync.Mutex // guards the rest
	books map[book]memory
	size  int // octets in their filters
}

// knownSize bounds the memory that filters take.
const knownSize = 16 << 20

func newKnown() *known { return &known{books: map[book]memory{}} }

// get returns a copy whose filter nobody changes.
func (k *known) get(b book) (m memory, found bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	m, found = k.books[b]
	return m, found
}

// hasAll tells whether all marks are known to be in a book.
func (k *known) hasAll(b book, marks []mark) bool {
	m, _ := k.get(b)
	return !slices.ContainsFunc(marks, func(of mark) bool { return !m.asked.has(of) })
}

// forget forgets the books of an asker.
func (k *known) forget(tag string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for b, m := range k.books {
		if b.tag == tag {
			delete(k.books, b)
			k.size -= len(m.asked)
		}
	}
}

// forgetAll forgets the books of all. They are read anew where they are asked for.
func (k *known) forgetAll() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.books, k.size = map[book]memory{}, 0
}

// keep remembers a book whose filter nobody changes any more.
func (k *known) keep(b book, m memory) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.size += len(m.asked) - len(k.books[b].asked)
	k.books[b] = m
	for other, old := range k.books { // in no order
		if k.size <= knownSize {
			return
		}
		if other != b {
			delete(k.books, other)
			k.size -= len(old.asked)
		}
	}
}
