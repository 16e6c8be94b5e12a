package room

import (
	"signet/internal/homeserver/stream"
	"signet/internal/matrix"
)

// Publish shows what was stored and wakes who may see something new: the joined users of
// this server, and those whose membership changes.
func (w writer) Publish(ops []stream.Placed[*operation], wake func(matrix.UserID)) {
	rooms := map[*loaded]struct{}{}
	for _, p := range ops {
		op := p.Op
		w.show(op)
		for _, s := range op.events {
			if s.isMember() {
				w.settleStay(op.room, s, wake)
			}
		}
		rooms[op.loaded] = struct{}{}
		op.room.last.Store(int64(op.events[len(op.events)-1].Pos))
		op.settled()
	}
	for l := range rooms {
		for user := range l.view.local { // which the committer alone writes
			wake(user)
		}
	}
}

// show puts the events of an operation into the view.
func (w writer) show(op *operation) {
	v, grown := &op.loaded.view, int64(0)
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, s := range op.events {
		if s.Replaced != nil {
			s.Replaced.of = nil
		}
		v.ring = append(v.ring, s)
		grown += weight(s)
		if s.changes {
			v.place(w.Rooms, s)
			grown += placeWeight
			op.room.summary.Store(nil)
		}
	}
	if r := op.redacts; r != nil {
		v.redact(r, op.events[0])
		op.room.summary.Store(nil)
	}
	for len(v.ring) > ringSize {
		grown -= weight(v.ring[0])
		v.from = v.ring[0].Pos
		v.ring[0] = nil
		v.ring = v.ring[1:]
	}
	op.loaded.size.Add(grown)
	w.cached.Add(grown)
}

// place gives a state event its place in the state.
func (v *view) place(rs *Rooms, s *Stored) {
	v.count(v.state[s.key()], s.in)
	v.state[s.key()], v.change = s.in, s.Pos
	if s.key() == visibilityKey {
		v.readers = append(v.readers[:len(v.readers):len(v.readers)], value{s.Pos, s.says()})
	}
	if !s.isMember() || !rs.local(s.key().StateKey) {
		return
	}
	user := matrix.UserID(s.key().StateKey)
	if s.in.membership == Join {
		v.local[user] = struct{}{}
	} else {
		delete(v.local, user)
	}
}

// count keeps the numbers of members when one place is taken over by another.
func (v *view) count(from, to *place) {
	for p, n := range map[*place]int{from: -1, to: 1} {
		switch {
		case p == nil:
		case p.membership == Join:
			v.joined += n
		case p.membership == Invite:
			v.invited += n
		}
	}
}

// redact replaces an event, wherever it is shown, by what its redaction leaves.
func (v *view) redact(r *redacted, by *Stored) {
	r.to.Pos, r.to.Redaction = r.from.Pos, by
	for i, s := range v.ring {
		v.ring[i] = s.after(r.to)
	}
	for _, p := range v.state {
		if s := p.stored.Load(); s != nil {
			p.stored.Store(s.after(r.to))
		}
	}
}

// after is the event as it is once another was redacted, which may be itself, or what it
// replaced.
func (s *Stored) after(redacted *Stored) *Stored {
	switch id := redacted.ID(); {
	case s.ID() == id:
		return redacted
	case s.Replaced != nil && s.Replaced.ID == id:
		changed := *s
		changed.Replaced = &Replaced{ID: id, Sender: s.Replaced.Sender, Content: redacted.Content(), pos: s.Replaced.pos}
		return &changed
	}
	return s
}

// settleStay remembers the membership that an event gives a local user, and wakes them.
func (w writer) settleStay(r *Room, s *Stored, wake func(matrix.UserID)) {
	user := s.key().StateKey
	if !w.local(user) {
		return
	}
	w.mu.Lock()
	w.setStay(matrix.UserID(user), Stay{Room: r, Membership: s.in.membership, Pos: s.Pos})
	w.mu.Unlock()
	wake(matrix.UserID(user))
}

// settled lets go of what storing the operation needed.
func (op *operation) settled() {
	if op.merged != nil {
		op.merged.settled()
	}
	for _, s := range op.events {
		if s.changes {
			s.group.settled()
		}
	}
	op.room.queued.Add(-1)
}

// Abandon forgets the rooms of operations that were not stored: what is in memory was
// built on them. Whoever comes next reads the room from its tables.
func (w writer) Abandon(ops []*operation) {
	for _, op := range ops {
		r := op.room
		r.mu.Lock()
		if op.transaction != nil {
			w.transactions.forget(op.transaction)
		}
		if r.queued.Add(-1); r.last.Load() == 0 {
			w.disclaim(r)
		}
		w.drop(r)
		r.mu.Unlock()
	}
}
