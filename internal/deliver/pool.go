package deliver

import (
	"sync"
	"time"
)

// A pool keeps sessions between messages. What is too old is thrown away when the
// next one is asked for, so no goroutine is needed to watch them.
type pool struct {
	max  int
	life time.Duration

	mu     sync.Mutex // guards what follows, and is never held while waiting for a server
	idle   []*session // the longest idle first
	closed bool
}

// take gives the session that was last laid aside, nil if there is none fresh
// enough. It is then the caller's alone.
func (p *pool) take(now time.Time) *session {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.idle) > 0 && now.Sub(p.idle[0].since) >= p.life {
		p.idle[0].conn.Close()
		p.idle = p.idle[1:]
	}
	if len(p.idle) == 0 {
		return nil
	}
	last := len(p.idle) - 1
	c := p.idle[last]
	p.idle = p.idle[:last]
	return c
}

// put lays c aside, or is false if there is no room for it.
func (p *pool) put(c *session, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || len(p.idle) >= p.max {
		return false
	}
	c.since = now
	p.idle = append(p.idle, c)
	return true
}

// close empties the pool for good and gives what was in it.
func (p *pool) close() []*session {
	p.mu.Lock()
	defer p.mu.Unlock()
	idle := p.idle
	p.idle, p.closed = nil, true
	return idle
}
