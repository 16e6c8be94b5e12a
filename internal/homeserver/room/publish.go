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
			for _, t := range s.turns() {
				if t.key.Type == memberType {
					w.settleStay(op.room, s.Pos, t, wake)
					w.part(op.room, t)
				}
			}
			if s.fate.counts() {
				op.room.last.Store(int64(s.Pos))
			}
		}
		rooms[op.loaded] = struct{}{}
		op.room.known.Store(true)
		if since := op.aside.since; since > 0 {
			op.room.since.Store(since)
		}
		w.crowded(op)
		w.settled(op)
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
		if s.fate == shown {
			v.ring = append(v.ring, s)
			grown += weight(s)
		}
		if s.resolved {
			v.bent = s.Pos
		}
		for _, t := range s.turns() {
			v.place(w.Rooms, t, s.Pos)
			grown += placeWeight
			op.room.summary.Store(nil)
		}
	}
	if r := op.redacts; r != nil {
		v.redact(r, op.all()[0])
		op.room.summary.Store(nil)
	}
	for _, s := range op.past {
		v.from = max(v.from, s.Pos) // it stands among those in the ring, perhaps
	}
	for len(v.ring) > ringSize || len(v.ring) > 0 && v.ring[0].Pos <= v.from {
		grown -= weight(v.ring[0])
		v.from = max(v.from, v.ring[0].Pos)
		v.ring[0] = nil
		v.ring = v.ring[1:]
	}
	op.loaded.size.Add(grown)
	w.cached.Add(grown)
}

// place shows who takes a place in the state at a position.
func (v *view) place(rs *Rooms, t placed, pos stream.Pos) {
	v.count(v.state[t.key], t.in)
	if v.state[t.key], v.change = t.in, pos; t.in == nil {
		delete(v.state, t.key)
	}
	if t.key == visibilityKey {
		v.readers = append(v.readers[:len(v.readers):len(v.readers)], value{pos, t.in.says()})
	}
	if t.key.Type != memberType || !rs.local(t.key.StateKey) {
		return
	}
	user := matrix.UserID(t.key.StateKey)
	if t.in.member() == Join {
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
	r.to.Pos, r.to.moved, r.to.Redaction = r.from.Pos, r.from.moved, by
	for i, s := range v.ring {
		r.to.torn = r.to.torn || s.torn && s.ID() == r.to.ID()
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
func (w writer) settleStay(r *Room, pos stream.Pos, t placed, wake func(matrix.UserID)) {
	user := t.key.StateKey
	if !w.local(user) {
		return
	}
	w.mu.Lock()
	w.setStay(matrix.UserID(user), Stay{Room: r, Membership: t.in.member(), Pos: pos})
	w.mu.Unlock()
	wake(matrix.UserID(user))
}

// part tells of who is not in the room, and was perhaps.
func (w writer) part(r *Room, t placed) {
	if w.Gone != nil && t.in.member() != Join {
		w.Gone(matrix.RoomID(r.id), matrix.UserID(t.key.StateKey))
	}
}

// settled lets go of what storing the operation needed.
func (w writer) settled(op *operation) {
	for _, s := range op.all() {
		if s.moved != 0 {
			w.recall.forget(s.ID())
		}
	}
	if op.redacts != nil {
		w.recall.forget(op.redacts.to.ID())
	}
	for _, g := range op.groups {
		g.settled()
	}
	for _, s := range op.events {
		if s.changes {
			s.group.settled()
		}
		s.became = nil
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
		if r.queued.Add(-1); !r.known.Load() {
			w.disclaim(r)
		}
		w.drop(r)
		r.mu.Unlock()
	}
}
