package table

import "encoding/binary"

// column is a key of each record, by which the record is found: an open-addressing hash
// table of record numbers beside the keys themselves. Keys are uniformly distributed, so
// their first bits are their place. A record without a key has the zero Key.
type column struct {
	keys   pages[Key]
	places []uint32 // a power of two of them: free, gone, or a record's number + numbered
	live   int      // places with a record
	used   int      // places that are not free
}

const (
	free uint32 = iota
	gone
	numbered
)

// newColumn has room for so many records before it grows.
func newColumn(records int) (c column) {
	for size := 64; c.room() < records; size *= 2 {
		c.places = make([]uint32, size)
	}
	return c
}

// room is how many places are used before the column grows: three of four.
func (c *column) room() int { return len(c.places) / 4 * 3 }

func (c *column) has(n uint32) bool { return c.keys.get(n) != Key{} }

// find returns the number of the record with that key.
func (c *column) find(k Key) (n uint32, found bool) {
	if c.live == 0 || k == (Key{}) {
		return 0, false
	}
	for at := c.first(k); ; at = c.after(at) {
		switch p := c.places[at]; {
		case p == free:
			return 0, false
		case p >= numbered && c.keys.get(p-numbered) == k:
			return p - numbered, true
		}
	}
}

// put gives record n, which has none, a key that no other has.
func (c *column) put(n uint32, k Key) {
	if c.used+1 > c.room() {
		c.grow()
	}
	c.keys.set(n, k)
	c.place(n, k)
	c.live++
}

func (c *column) place(n uint32, k Key) {
	at := c.first(k)
	for c.places[at] >= numbered {
		at = c.after(at)
	}
	if c.places[at] == free {
		c.used++
	}
	c.places[at] = n + numbered
}

// remove takes the key of record n away, if it has one.
func (c *column) remove(n uint32) {
	if !c.has(n) {
		return
	}
	at := c.first(c.keys.get(n))
	for c.places[at] != n+numbered {
		at = c.after(at)
	}
	c.places[at] = gone
	c.keys.set(n, Key{})
	c.live--
}

// grow makes room, twice as much unless what is gone makes enough.
func (c *column) grow() {
	size := max(64, len(c.places))
	if 2*(c.live+1) > size {
		size *= 2
	}
	old := c.places
	c.places, c.used = make([]uint32, size), 0
	for _, p := range old {
		if p >= numbered {
			c.place(p-numbered, c.keys.get(p-numbered))
		}
	}
}

func (c *column) first(k Key) int {
	return int(binary.BigEndian.Uint64(k[:8]) & uint64(len(c.places)-1))
}

func (c *column) after(at int) int { return (at + 1) & (len(c.places) - 1) }
