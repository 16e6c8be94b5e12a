package fedapi

import (
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"signet/internal/matrix"
	"signet/internal/mxhttp"
)

// crowd counts who is within, by key.
type crowd struct {
	mu     sync.Mutex // guards within
	within map[string]int
}

// How many requests are answered at a time. Others ask again.
const (
	// placesOfServer is those of one server, by host: ports are had for nothing. Only those
	// count that it has signed, so that nobody can take another's places.
	placesOfServer = 64
	// placesOfLarge is those of a server that move much: transactions, and the state of a
	// room.
	placesOfLarge = 16
	// placesOfNetwork is those of a network whose large bodies are read before it is known
	// whether anybody has signed them.
	placesOfNetwork = 32
	// placesAtNotary is those of a network that has us ask other servers for their keys.
	placesAtNotary = 4
	// crowdedFor is how long those who find no place are told to wait.
	crowdedFor = time.Second
)

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

// admit takes the place of a server's request.
func (c *crowd) admit(server matrix.ServerName, large bool) (leave func(), err error) {
	host := server.WithoutPort().String()
	if large {
		return c.enter("large "+host, placesOfLarge)
	}
	return c.enter("server "+host, placesOfServer)
}

// stranger takes the place of a request with a large body, of whomever it is.
func (c *crowd) stranger(e echo.Context, large bool) (leave func(), err error) {
	network := mxhttp.ClientNetwork(e)
	if !large || !network.IsValid() {
		return func() {}, nil
	}
	return c.enter("network "+network.String(), placesOfNetwork)
}
