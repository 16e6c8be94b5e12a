package caller

import (
	"context"
	"net/netip"
	"sync"
	"time"

	"signet/internal/matrix"
)

// Strangers for whom one replica asks at once. Whoever names a server, in an OpenID
// token or a signature, makes us ask it: its own places keep us from being the hammer,
// those of the network keep one stranger from taking them all.
const (
	visitorsAtServer  = 16
	visitorsByNetwork = 8
	// crowdedFor is how long those who find no room are told to wait.
	crowdedFor = time.Second
)

// visit asks a server for somebody from a network, zero when unknown, if there are
// places. They are given back when the server has answered, not when whoever came has
// gone away: what was begun there runs on, and ask ends by its own deadline.
func (g *Gate) visit(ctx context.Context, from netip.Prefix, server matrix.ServerName, ask func(context.Context) error) error {
	if from.IsValid() {
		leave, err := g.visitors.enter("network "+from.String(), visitorsByNetwork)
		if err != nil {
			return err
		}
		defer leave()
	}
	leave, err := g.visitors.enter("server "+server.WithoutPort().String(), visitorsAtServer)
	if err != nil {
		return err
	}
	defer leave()
	return ask(context.WithoutCancel(ctx))
}

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
