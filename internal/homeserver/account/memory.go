package account

import (
	"sync"
	"time"

	"signet/internal/matrix"
)

// memory is the access tokens that were used lately, so that a request need not ask the
// database for its own. The zero value is ready, and remembers nothing before learn.
//
// What ends tokens raises the tick and marks the slot of their user with it. A token counts
// if it was read from the database at or after the mark of its user's slot: so one that is
// read while it ends is not remembered, whichever of the two comes first.
type memory struct {
	mu     sync.Mutex // guards all of it
	tick   uint64
	slots  [slots]slot
	looked time.Time // what others had ended until then is known

	young, old map[string]remembered // by the MAC of the token; the old are forgotten next
	weight     int                   // of the young
}

// slot is a group of users.
type slot struct {
	marked  uint64        // the tick when tokens of theirs ended last
	counted int64         // what the database said how often they did
	doubt   chan struct{} // closed when they do; nil until somebody waits
}

// remembered is a token that stands by itself, as it was read at a tick.
type remembered struct {
	Device
	expires time.Time
	seen    time.Time
	tick    uint64
}

// good tells whether the database need not be asked: the token has not expired, nor is it
// time to note that its device was seen.
func (r remembered) good(now time.Time) bool {
	return (r.expires.IsZero() || now.Before(r.expires)) && !r.seen.Before(now.Truncate(seenStep))
}

const (
	// trust is how long the memory believes that no other process has ended a token.
	trust = 2 * time.Second
	// generation is how many octets the young tokens take, about, before they are the old.
	generation = 2 << 20
	// tokenWeight is what one takes beside the names in it.
	tokenWeight = 240
)

// begin is the tick before a token is read.
func (m *memory) begin() uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.tick
}

// find is the device of a token that is known to be good.
func (m *memory) find(mac []byte, now time.Time) (Device, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if now.Sub(m.looked) >= trust {
		return Device{}, false
	}
	r, known := m.young[string(mac)]
	if !known {
		if r, known = m.old[string(mac)]; known {
			m.keep(string(mac), r)
		}
	}
	if !known || r.tick < m.slots[slotOf(r.User)].marked || !r.good(now) {
		return Device{}, false
	}
	return r.Device, true
}

// put remembers a token, if others are looked for.
func (m *memory) put(mac []byte, r remembered) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.looked.IsZero() {
		m.keep(string(mac), r)
	}
}

func (m *memory) keep(mac string, r remembered) {
	if _, known := m.young[mac]; !known {
		m.weight += tokenWeight + len(r.User) + len(r.ID)
	}
	if m.weight > generation || m.young == nil {
		m.old, m.young = m.young, map[string]remembered{}
		m.weight = tokenWeight + len(r.User) + len(r.ID)
	}
	m.young[mac] = r
}

// forget takes note that tokens of a user have ended, or may have.
func (m *memory) forget(user matrix.UserID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.end(&m.slots[slotOf(user)])
}

func (m *memory) end(s *slot) {
	m.tick++
	s.marked = m.tick
	if s.doubt != nil {
		close(s.doubt)
		s.doubt = nil
	}
}

// learn takes over how often tokens have ended by slot, as the database said at a time or
// later.
func (m *memory) learn(counted map[int]int64, at time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, n := range counted {
		if s := &m.slots[i]; s.counted != n {
			s.counted = n
			m.end(s)
		}
	}
	m.looked = at
}

// doubt is closed when tokens of a user's slot end.
func (m *memory) doubt(user matrix.UserID) <-chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := &m.slots[slotOf(user)]
	if s.doubt == nil {
		s.doubt = make(chan struct{})
	}
	return s.doubt
}
