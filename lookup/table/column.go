package table

import "encoding/binary"

// column is a key of each record, by which the record is found: an open-addressing hash
// table of record numbers beside the keys themselves. Keys are uniformly distributed, so
// their first bits are their place, and their last octet tells most of those apart that
// stand at a place: who is not found costs one octet of memory far away, and seldom more.
// A record without a key has the zero Key.
type column struct {
	keys   pages[Key]
	marks  []byte   // of each place, a power of two of them: free, gone, or a record's
	places []uint32 // of those with a record: its number
	live   int      // places with a record
	used   int      // places that are not free
}

const (
	free byte = iota
	gone
	marked // the first of those of records
)

func markOf(k Key) byte { return max(marked, k[len(k)-1]) }

// newColumn has room for so many records before it grows.
func newColumn(records int) (c column) {
	size := 64
	for roomOf(size) < records {
		size *= 2
	}
	c.clear(size)
	return c
}

// clear makes so many places, all free.
func (c *column) clear(size int) {
	c.marks, c.places, c.used = make([]byte, size), make([]uint32, size), 0
}

// room is how many places are used before the column grows: three of four.
func (c *column) room() int { return roomOf(len(c.marks)) }

func roomOf(places int) int { return places / 4 * 3 }

func (c *column) has(n uint32) bool { return c.keys.get(n) != Key{} }

// find returns the number of the record with that key.
func (c *column) find(k Key) (n uint32, found bool) {
	if c.live == 0 || k == (Key{}) {
		return 0, false
	}
	mark := markOf(k)
	for at := c.first(k); c.marks[at] != free; at = c.after(at) {
		if c.marks[at] == mark && c.keys.get(c.places[at]) == k {
			return c.places[at], true
		}
	}
	return 0, false
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
	for c.marks[at] >= marked {
		at = c.after(at)
	}
	if c.marks[at] == free {
		c.used++
	}
	c.marks[at], c.places[at] = markOf(k), n
}

// remove takes the key of record n away, if it has one.
func (c *column) remove(n uint32) {
	if !c.has(n) {
		return
	}
	at := c.first(c.keys.get(n))
	for c.marks[at] < marked || c.places[at] != n {
		at = c.after(at)
	}
	c.marks[at] = gone
	c.keys.set(n, Key{})
	c.live--
}

// grow makes room, twice as much unless what is gone makes enough.
func (c *column) grow() {
	marks, places := c.marks, c.places
	size := len(marks)
	if 2*(c.live+1) > size {
		size *= 2
	}
	c.clear(size)
	for at, n := range places {
		if marks[at] >= marked {
			c.place(n, c.keys.get(n))
		}
	}
}

func (c *column) first(k Key) int {
	return int(binary.BigEndian.Uint64(k[:8]) & uint64(len(c.marks)-1))
}

func (c *column) after(at int) int { return (at + 1) & (len(c.marks) - 1) }
