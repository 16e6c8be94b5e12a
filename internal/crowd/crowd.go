// Package crowd keeps many from taking all: so many are within at a time under one key, a
// server or a network, and whoever finds no place is told to come again.
package crowd

import (
	"sync"
	"time"

	"signet/internal/matrix"
)

// RetryAfter is how long those who find no place are told to wait.
const RetryAfter = time.Second

// Crowd counts who is within, by key. Its zero value is empty.
type Crowd struct {
	mu     sync.Mutex // guards within
	within map[string]int
}

// Enter takes a place under key, of which there are so many. The error is
// matrix.LimitExceeded; otherwise leave must be called once.
func (c *Crowd) Enter(key string, places int) (leave func(), err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.within[key] >= places {
		return nil, matrix.LimitExceeded{RetryAfter: RetryAfter}
	}
	if c.within == nil {
		c.within = map[string]int{}
	}
	c.within[key]++
	return func() { c.leave(key) }, nil
}

// Keys is under how many keys somebody is within.
func (c *Crowd) Keys() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.within)
}

func (c *Crowd) leave(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.within[key]--; c.within[key] == 0 {
		delete(c.within, key)
	}
}
