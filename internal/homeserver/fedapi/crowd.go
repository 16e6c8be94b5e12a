package fedapi

import (
	"sync"
	"time"

	"signet/internal/matrix"
)

// crowd counts the requests of a server that are answered at a time, by host: ports are
// had for nothing. Only those count that the server has signed, so that nobody can take
// another's places.
type crowd struct {
	mu     sync.Mutex // guards within
	within map[matrix.ServerName]int
}

const (
	// places is how many requests of one server are answered at a time. Others ask again.
	places = 64
	// crowdedFor is how long those who find no place are told to wait.
	crowdedFor = time.Second
)

// enter takes a place. The error is matrix.LimitExceeded; otherwise leave must be called
// once.
func (c *crowd) enter(server matrix.ServerName) (leave func(), err error) {
	host := server.WithoutPort()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.within[host] >= places {
		return nil, matrix.LimitExceeded{RetryAfter: crowdedFor}
	}
	if c.within == nil {
		c.within = map[matrix.ServerName]int{}
	}
	c.within[host]++
	return func() { c.leave(host) }, nil
}

func (c *crowd) leave(host matrix.ServerName) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.within[host]--; c.within[host] == 0 {
		delete(c.within, host)
	}
}
