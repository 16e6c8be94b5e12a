package room

import (
	"context"
	"slices"

	"signet/internal/homeserver/event"
	"signet/internal/homeserver/stream"
)

// follow takes an event in that follows the tip, and nothing else: what came before it is
// what the tip has, which most events find so. taken is false of all others.
func (rs *Rooms) follow(ctx context.Context, r *Room, j *judgement) (ticket *stream.Ticket, taken bool, err error) {
	if j.Before != nil {
		return nil, false, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	l, err := rs.loadLocked(ctx, r)
	if err != nil || !l.tip.isFollowed(j.Event.PrevEvents()) {
		return nil, false, err
	}
	if failed, err := rs.atTip(ctx, r, j, &l.tip); failed || err != nil {
		return nil, false, err
	}
	if j.refused != nil && rs.isStrangers(&l.tip, j.Event) {
		return nil, true, nil
	}
	op := &operation{room: r, loaded: l}
	s := &Stored{Event: j.Event, group: l.tip.group, moved: j.number, Redaction: j.redaction()}
	s.aside = s.moved != 0
	op.events = []*Stored{s}
	if s.group == nil {
		s.group = l.tip.whole()
		op.groups = []*group{s.group}
	}
	if j.refused != nil {
		s.fate, op.then = rejected, func(t *tip) { t.group = s.group }
	} else if err := rs.takeTip(ctx, r, l, op, s); err != nil {
		return nil, false, err
	} else if j.Relay {
		rs.relay(&l.tip, s)
	}
	j.extremities = 1
	ticket, _, err = rs.add(op)
	return ticket, true, err
}

// atTip judges an event that follows the tip. What fails softly does not stand in its line.
func (rs *Rooms) atTip(ctx context.Context, r *Room, j *judgement, t *tip) (failed bool, err error) {
	if j.refused == nil {
		j.refused, err = rs.allowed(ctx, r, j.Event, t)
	}
	if j.refused != nil || err != nil {
		return false, err
	}
	why, err := rs.uninvited(ctx, r, j, t)
	return why != nil, err
}

// isStrangers tells whether an event is of a server that nobody in the room is of. One that is
// refused is not stored: anybody at all may make such, and nobody else follows them.
func (rs *Rooms) isStrangers(t *tip, e *event.Event) bool {
	server := event.ServerOf(e.Sender())
	if server == rs.ServerName {
		return false
	}
	if t.group == nil || t.present.of != t.group {
		t.present = rs.count(t)
	}
	return t.present.members[server] == 0
}

// takeTip gives an event that is allowed its place at the tip.
func (rs *Rooms) takeTip(ctx context.Context, r *Room, l *loaded, op *operation, s *Stored) (err error) {
	s.fate, op.extremities = fateOf(s.Type()), s.ID()
	if s.isState() {
		if err := rs.read(ctx, r, l.tip.state[s.key()]); err != nil {
			return err
		}
		s.changes, s.in = true, newPlace(s)
		s.Replaced = l.tip.replacedBy(s)
		s.group = s.group.next(s, l.tip.state, s.in)
	}
	return rs.redactions(ctx, r, op, s, &l.tip)
}

// isFollowed tells whether an event that follows some follows the tip.
func (t *tip) isFollowed(prev []string) bool {
	if len(prev) != len(t.extremities) {
		return false
	}
	for _, s := range t.extremities {
		if !slices.Contains(prev, s.ID()) {
			return false
		}
	}
	return true
}
