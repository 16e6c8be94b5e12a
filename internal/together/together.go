package store

import (
	"fmt"
	"sync"
)

// flusher makes commits durable, many at a time. SQLite itself would sync its log within
// each commit, while everybody else waits to write; here a commit gives its turn on first
// and then waits for a sync that begins after it. Whoever comes while one is under way
// shares the next. What was committed last is read by others before it is durable: a power
// cut in these milliseconds loses it, but none whose commit has returned.
type flusher struct {
	sync func() error
	turn chan struct{} // the right to sync, taken by sending

	mu   sync.Mutex // guards next
	next *flush     // what the next sync is for, nil if nobody waits for one
}

// flush is one sync and those who wait for it.
type flush struct {
	done chan struct{} // closed when it has ended
	err  error
}

// newFlusher syncs the log by sync. Whichever descriptor wrote there, fsync is of the file.
func newFlusher(sync func() error) *flusher {
	return &flusher{sync: sync, turn: make(chan struct{}, 1)}
}

// flush returns when all that was committed before it is durable. After an error nobody
// knows whether it is.
func (f *flusher) flush() error {
	f.mu.Lock()
	mine := f.next
	first := mine == nil
	if first {
		mine = &flush{done: make(chan struct{})}
		f.next = mine
	}
	f.mu.Unlock()
	if first {
		f.lead(mine)
	}
	<-mine.done
	return mine.err
}

// lead syncs for all who have joined until the sync begins.
func (f *flusher) lead(mine *flush) {
	f.turn <- struct{}{}
	f.mu.Lock()
	f.next = nil
	f.mu.Unlock()
	if err := f.sync(); err != nil {
		mine.err = fmt.Errorf("making a commit durable: %w", err)
	}
	<-f.turn
	close(mine.done)
}
