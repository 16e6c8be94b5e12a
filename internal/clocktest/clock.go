// Package clocktest is a clock that tests set by hand.
package clocktest

import (
	"sync"
	"time"
)

// Clock stands still until it is advanced. It is safe for concurrent use.
type Clock struct {
	mu  sync.Mutex // guards now
	now time.Time
}

// New returns a clock that shows a fixed moment in whole milliseconds.
func New() *Clock { return &Clock{now: time.UnixMilli(1_700_000_000_000)} }

// Now is the moment the clock shows.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance moves the clock forward.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}
