package room

import (
	"maps"
	"sync"

	"signet/internal/homeserver/stateres"
	"signet/internal/homeserver/stream"
)

// recall is what was read to resolve states and will be asked for again by the next event
// of a fork: states by their groups, which never change, and events. The zero value is
// ready. What it gives is shared and must not be changed.
type recall struct {
	mu      sync.Mutex // guards all of it
	groups  map[stream.Pos]stateMap
	places  int // of all groups
	entries map[string]stateres.Entry
	octets  int // of all entries, about
}

// Bounds of what is recalled. It is forgotten whole when one is reached.
const (
	maxRecalledPlaces = 40_000
	maxRecalledOctets = 12 << 20
)

func (c *recall) group(id stream.Pos) stateMap {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.groups[id]
}

func (c *recall) keepGroup(id stream.Pos, state stateMap) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.groups == nil || c.places+len(state) > maxRecalledPlaces {
		c.groups, c.places = map[stream.Pos]stateMap{}, 0
	}
	if c.groups[id] == nil {
		c.groups[id] = state
		c.places += len(state)
	}
}

// keepAfter keeps the states before and after an event that was stored: the next one of
// history, or of a fork, follows it.
func (c *recall) keepAfter(s *Stored, b *antecedent) {
	if b.base.id != 0 {
		c.keepGroup(b.base.id, b.state)
	}
	if s.in == nil || s.group.id == 0 || s.group == b.base {
		return
	}
	state := make(stateMap, len(b.state)+1)
	maps.Copy(state, b.state)
	state[s.key()] = &place{id: s.ID(), pos: s.row()}
	c.keepGroup(s.group.id, state)
}

// known are the entries of events, and the ids of those that are to be read.
func (c *recall) known(ids []string) (known map[string]stateres.Entry, rest []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	known = make(map[string]stateres.Entry, len(ids))
	for _, id := range ids {
		if e, there := c.entries[id]; there {
			known[id] = e
		} else {
			rest = append(rest, id)
		}
	}
	return known, rest
}

func (c *recall) keepEntries(entries map[string]stateres.Entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, e := range entries {
		if c.entries == nil || c.octets > maxRecalledOctets {
			c.entries, c.octets = map[string]stateres.Entry{}, 0
		}
		c.entries[id] = e
		c.octets += eventWeight + len(e.Event.JSON())
	}
}

// forget forgets events of which something has changed.
func (c *recall) forget(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.entries, id)
}
