package unread

import (
	"container/list"
	"sync"

	"signet/internal/homeserver/room"
	"signet/internal/homeserver/stream"
	"signet/internal/matrix"
)

// key is whose tally it is, and of which room; without a room it is whose wishes.
type key struct {
	user matrix.UserID
	room *room.Room
}

// item is what is kept under a key: a tally, or wishes.
type item struct {
	mu     sync.Mutex // guards what follows, and lets one at a time find it
	tally  *tally
	read   map[string]stream.Pos // for a tally that is to be begun; nil: not known
	wishes *wishes

	key    key
	weight int // guarded by the cache's
}

// cache keeps what was asked for last. What changes is not in it while it does: a tally
// that was begun before the change goes to whoever has asked, and is forgotten.
type cache struct {
	most int

	mu       sync.Mutex // guards what follows
	weight   int
	byKey    map[key]*list.Element // of *item
	recent   *list.List            // the last one used first
	changing map[key]int           // by how many at the moment
}

func newCache(most int) *cache {
	return &cache{most: most, byKey: map[key]*list.Element{}, recent: list.New(), changing: map[key]int{}}
}

// get is the item of a key, an empty one if there is none.
func (c *cache) get(k key) *item {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.byKey[k]; e != nil {
		c.recent.MoveToFront(e)
		return e.Value.(*item)
	}
	i := &item{key: k}
	if c.changing[k] == 0 {
		c.byKey[k] = c.recent.PushFront(i)
	}
	return i
}

// resize says what an item weighs now, and drops others if they have grown too many.
func (c *cache) resize(i *item, weight int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.byKey[i.key]; e == nil || e.Value != i {
		return // it was dropped
	}
	c.weight += weight - i.weight
	i.weight = weight
	for c.weight > c.most && c.recent.Len() > 1 {
		c.drop(c.recent.Back())
	}
}

// change drops what is kept under a key, and keeps nothing there until changed is called.
func (c *cache) change(k key) (changed func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.changing[k]++
	if e := c.byKey[k]; e != nil {
		c.drop(e)
	}
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.changing[k]--; c.changing[k] == 0 {
			delete(c.changing, k)
		}
	}
}

func (c *cache) drop(e *list.Element) {
	i := c.recent.Remove(e).(*item)
	delete(c.byKey, i.key)
	c.weight -= i.weight
}
