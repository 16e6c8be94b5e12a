package notary

import (
	"context"
	"slices"
	"sync"
)

const (
	// maxByNetwork are the requests of one network for which servers are being asked at once:
	// one stranger must not take all places with servers that answer slowly.
	maxByNetwork = 4
	// maxUnknownBy are the servers that have not answered before and are asked at once of one
	// owner of a domain, who makes them for nothing, and can have all answer slowly; and
	// maxUnknownFor those for one network.
	maxUnknownBy  = 4
	maxUnknownFor = 12
)

// crowd counts who is within, by key. The zero value is empty.
type crowd struct {
	mu     sync.Mutex // guards the rest
	within map[string]int
	left   chan struct{} // closed when somebody leaves; nil while nobody waits for that
}

// enter takes n places, unless fewer are free.
func (c *crowd) enter(key string, n, places int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.take(key, n, places)
}

func (c *crowd) take(key string, n, places int) bool {
	if c.within[key]+n > places {
		return false
	}
	if c.within == nil {
		c.within = map[string]int{}
	}
	c.within[key] += n
	return true
}

// share is a place of so many that a key has.
type share struct {
	key    string
	places int
}

// wait takes all of some shares when all are free: whoever waits for one holds none that others
// wait for. It returns false when ctx ends before.
func (c *crowd) wait(ctx context.Context, of ...share) bool {
	for {
		c.mu.Lock()
		if c.takeAll(of) {
			c.mu.Unlock()
			return true
		}
		if c.left == nil {
			c.left = make(chan struct{})
		}
		left := c.left
		c.mu.Unlock()
		select {
		case <-left:
		case <-ctx.Done():
			return false
		}
	}
}

func (c *crowd) takeAll(of []share) bool {
	if slices.ContainsFunc(of, func(s share) bool { return c.within[s.key] >= s.places }) {
		return false
	}
	for _, s := range of {
		c.take(s.key, 1, s.places)
	}
	return true
}

func (c *crowd) leave(key string, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.within[key] -= n; c.within[key] == 0 {
		delete(c.within, key)
	}
	if c.left != nil {
		close(c.left)
		c.left = nil
	}
}

func (c *crowd) leaveAll(of []share) {
	for _, s := range of {
		c.leave(s.key, 1)
	}
}

// place takes one of the places for servers that are asked, until leave; of those that have not
// answered before, one of its owner's and one of the network's for which it is asked, too. It
// returns false when ctx ends before.
func (n *Notary) place(ctx context.Context, a asking) (leave func(), ok bool) {
	if a.met {
		return seat(ctx, n.met)
	}
	shares := []share{{"owner " + a.server.Owner(), maxUnknownBy}}
	if a.network.IsValid() {
		shares = append(shares, share{"network " + a.network.String(), maxUnknownFor})
	}
	if !n.strangers.wait(ctx, shares...) {
		return nil, false
	}
	rise, ok := seat(ctx, n.unknown)
	if !ok {
		n.strangers.leaveAll(shares)
		return nil, false
	}
	return func() { rise(); n.strangers.leaveAll(shares) }, true
}

// seat takes one of some places, which are taken by sending.
func seat(ctx context.Context, places chan struct{}) (leave func(), ok bool) {
	select {
	case places <- struct{}{}:
		return func() { <-places }, true
	case <-ctx.Done():
		return nil, false
	}
}
