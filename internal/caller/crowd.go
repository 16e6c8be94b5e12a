package caller

import (
	"sync"
	"time"

	"signet/internal/matrix"
)

// Registrations that may be under way at once on one replica. A stranger who names
// a server makes us ask it: its own budget keeps us from being the hammer, that of
// the network keeps one stranger from taking the whole of it.
const (
	registeringAtServer  = 16
	registeringByNetwork = 8
	// crowdedFor is how long those who find no room are told to wait.
	crowdedFor = time.Second
)

// crowd counts who is within, by key.
type crowd struct {
	mu     sync.Mutex // guards within
	within map[string]int
}

// enter takes a place under key, of which there are so many. The error is
// matrix.LimitExceeded; otherwise leave must be called once.
func (c *crowd) enter(key string, places int) (leave func(), err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.within[key] >= places {
		return nil, matrix.LimitExceeded{RetryAfter: crowdedFor}
	}
	if c.within == nil {
		c.within = map[string]int{}
	}
	c.within[key]++
	return func() { c.leave(key) }, nil
}

func (c *crowd) leave(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.within[key]--; c.within[key] == 0 {
		delete(c.within, key)
	}
}
