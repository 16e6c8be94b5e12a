package stream

import (
	"sync"

	"signet/internal/matrix"
)

// maxConcerned is how many users are remembered by name.
const maxConcerned = 20_000

// concerned is when each user was last woken by what Commit stored, as far as that is
// remembered.
type concerned struct {
	mu    sync.RWMutex // guards all of it
	last  map[matrix.UserID]Pos
	floor Pos // nobody who is not in last was concerned after it, of what is shown
}

// note remembers it. When there are too many, all are forgotten who were concerned earlier.
func (c *concerned) note(users []matrix.UserID, pos Pos) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.last) > maxConcerned {
		c.floor, c.last = pos-1, nil
	}
	if c.last == nil {
		c.last = make(map[matrix.UserID]Pos, len(users))
	}
	for _, u := range users {
		c.last[u] = pos
	}
}

func (c *concerned) of(user matrix.UserID) Pos {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if pos, known := c.last[user]; known {
		return pos
	}
	return c.floor
}

// Concerned is a position after which nothing that is visible and was stored by Commit
// concerns a user. It may be higher than the last that does: so much is not remembered of
// users whom nothing concerned for long, and nothing after a start.
func (c *Committer) Concerned(user matrix.UserID) Pos { return c.concerned.of(user) }
