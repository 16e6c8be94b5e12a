package room

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"signet/internal/homeserver/event"
	"signet/internal/homeserver/stream"
	"signet/internal/matrix"
)

// loaded is a room in memory: what is built on, and what is shown.
type loaded struct {
	tip  tip // read when somebody builds; until then it has no state
	view view
	size atomic.Int64 // octets, about
}

// newLoaded is a room that has no events yet.
func newLoaded() *loaded {
	return &loaded{tip: tip{state: map[event.Key]*place{}}, view: view{state: map[event.Key]*place{}, local: map[matrix.UserID]struct{}{}}}
}

// view is what readers see of a room. Only the committer changes it.
type view struct {
	mu      sync.RWMutex // guards all of it
	ring    []*Stored    // the last events
	from    stream.Pos   // all events after it are in the ring
	bent    stream.Pos   // after it the state changes by the events in the ring and nothing else
	state   map[event.Key]*place
	change  stream.Pos                 // of the state, the last one
	readers history                    // who might read what was sent
	local   map[matrix.UserID]struct{} // joined users of this server

	joined, invited int // members
}

const (
	// ringSize is how many events a view holds.
	ringSize = 64
	// ringRead is how many it is loaded with: as many as most clients want to see.
	ringRead = 32
)

// load returns the room in memory, for who reads it.
func (rs *Rooms) load(ctx context.Context, r *Room) (*loaded, error) {
	r.used.Store(rs.clock.Add(1))
	if l := r.loaded.Load(); l != nil {
		return l, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return rs.viewed(ctx, r)
}

// loadLocked is load for who has the room's lock and builds on its tip.
func (rs *Rooms) loadLocked(ctx context.Context, r *Room) (*loaded, error) {
	l, err := rs.viewed(ctx, r)
	if err != nil || l.tip.state != nil {
		return l, err
	}
	if err := rs.readTip(ctx, r, l); err != nil {
		return nil, fmt.Errorf("loading a room: %w", err)
	}
	return l, nil
}

// viewed loads the view of a room whose lock the caller has. Nothing is queued for a room
// that is not loaded, or whose tip is not, so that its tables say all of it.
func (rs *Rooms) viewed(ctx context.Context, r *Room) (*loaded, error) {
	r.used.Store(rs.clock.Add(1))
	if l := r.loaded.Load(); l != nil {
		return l, nil
	}
	if r.last.Load() == 0 {
		return nil, ErrUnknownRoom // was being created, and that failed
	}
	d := newReading(r)
	err := rs.readTogether(ctx, d)
	if err = errors.Join(err, d.err); err != nil {
		return nil, fmt.Errorf("loading a room: %w", err)
	}
	rs.keep(r, d.loaded)
	return d.loaded, nil
}

// bent is the last position of a timeline at which an event does not follow the one before
// it and nothing else.
func bent(events []*Stored) (at stream.Pos) {
	for i, s := range events {
		if prev := s.PrevEvents(); i > 0 && (len(prev) != 1 || prev[0] != events[i-1].ID()) {
			at = s.Pos
		}
	}
	return at
}

// readTip makes the tip of a room that nothing is queued for. Where several events have
// nothing that follows them, the current state is what their states were resolved to.
func (rs *Rooms) readTip(ctx context.Context, r *Room, l *loaded) error {
	ids, err := selectExtremities(ctx, rs.DB, r.nid)
	if err != nil {
		return err
	}
	var t tip
	for id := range strings.FieldsSeq(ids) {
		s, err := rs.recentByID(ctx, r, id)
		if err != nil {
			return err
		}
		t.extremities = append(t.extremities, s)
	}
	if len(t.extremities) == 0 {
		return fmt.Errorf("room %d has no extremities", r.nid)
	}
	if t.floor, err = selectFloor(ctx, rs.DB, r.nid); err != nil {
		return err
	}
	if t.group, err = rs.groupAt(ctx, t.extremities); err != nil {
		return err
	}
	l.view.mu.RLock()
	defer l.view.mu.RUnlock()
	t.state = maps.Clone(l.view.state)
	l.tip = t
	return nil
}

// groupAt is the group of the state after several events: that of them all if it is one.
// Else the state is to be resolved and has no group yet: the next event brings it along.
func (rs *Rooms) groupAt(ctx context.Context, extremities []*Stored) (*group, error) {
	first := extremities[0].group.id
	for _, s := range extremities[1:] {
		if s.group.id != first {
			return nil, nil
		}
	}
	_, chain, err := selectGroup(ctx, rs.DB, first)
	if err != nil {
		return nil, err
	}
	return &group{id: first, chain: chain}, nil
}

// measure is about how much memory the room takes.
func (l *loaded) measure() int64 {
	size := int64(4 << 10)
	for _, s := range l.view.ring {
		size += weight(s)
	}
	for _, p := range l.view.state {
		size += placeWeight
		if s := p.stored.Load(); s != nil {
			size += weight(s)
		}
	}
	return size
}

// What things weigh beside their text.
const (
	placeWeight = 400 // with its two maps
	eventWeight = 500
)

func weight(s *Stored) int64 { return eventWeight + int64(len(s.JSON())) }

// keep keeps a room that was loaded, and forgets others if they have grown too many.
func (rs *Rooms) keep(r *Room, l *loaded) {
	r.loaded.Store(l)
	if rs.cached.Add(l.size.Load()) > rs.CacheBytes {
		rs.evict(r)
	}
}

// evict forgets the rooms used least recently until a tenth of the cache is free.
func (rs *Rooms) evict(but *Room) {
	rs.mu.RLock()
	var rooms []*Room
	for _, r := range rs.rooms {
		if r != but && r.loaded.Load() != nil {
			rooms = append(rooms, r)
		}
	}
	rs.mu.RUnlock()
	used := make(map[*Room]int64, len(rooms))
	for _, r := range rooms {
		used[r] = r.used.Load()
	}
	slices.SortFunc(rooms, func(a, b *Room) int { return int(used[a] - used[b]) })
	for _, r := range rooms {
		if rs.cached.Load() <= rs.CacheBytes*9/10 {
			return
		}
		rs.forget(r)
	}
}

// forget drops a room from memory if nobody works on it.
func (rs *Rooms) forget(r *Room) {
	if !r.mu.TryLock() {
		return
	}
	defer r.mu.Unlock()
	if r.queued.Load() == 0 {
		rs.drop(r)
	}
}

// drop forgets what is loaded of a room. The caller has its lock.
func (rs *Rooms) drop(r *Room) {
	if l := r.loaded.Swap(nil); l != nil {
		rs.cached.Add(-l.size.Load())
	}
}
