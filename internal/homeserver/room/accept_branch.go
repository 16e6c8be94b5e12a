package room

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"signet/internal/homeserver/event"
	"signet/internal/homeserver/stream"
)

// maxExtremities is how many events there may be that nothing follows: what comes then
// beside them is kept and does not count. The next event can follow no more of them.
const maxExtremities = 20

// attempts is how often one begins again because the room has gone on meanwhile.
const attempts = 20

// errBusy is a room in which others are always faster.
var errBusy = errors.New("the room goes on too fast to take in an event beside it")

// branch takes an event in that follows something else than the tip. What is long to find
// out is found out before the room is held up.
func (rs *Rooms) branch(ctx context.Context, r *Room, j *judgement) (*stream.Ticket, error) {
	b, err := rs.before(ctx, r, j)
	if err != nil {
		return nil, err
	}
	s, groups, err := rs.standing(ctx, r, j, b)
	if err != nil {
		return nil, err
	}
	for range attempts {
		seen, err := rs.extremitiesNow(ctx, r)
		if err != nil {
			return nil, err
		}
		m := &meeting{s: s, groups: groups, before: b, rest: excluding(seen, j.Event.PrevEvents())}
		if err := rs.softly(ctx, r, j, b, seen); err != nil {
			return nil, err
		}
		if err := rs.meet(ctx, r, j, m); err != nil {
			return nil, err
		}
		j.stored, j.before = s, b
		ticket, done, err := rs.join(ctx, r, j, m, seen)
		if done || err != nil {
			return ticket, err
		}
	}
	return nil, errBusy
}

// antecedent is the state that an event was sent in.
type antecedent struct {
	tip
	base  *group   // of it
	fresh bool     // base is to be stored
	gaps  []string // events that it follows and that are not here
}

// before is the state that an event was sent in. The error is MissingEvents.
func (rs *Rooms) before(ctx context.Context, r *Room, j *judgement) (*antecedent, error) {
	prev := j.Event.PrevEvents()
	found, err := rs.storedByIDs(ctx, r, prev)
	if err != nil {
		return nil, err
	}
	known := slices.DeleteFunc(found, func(s *Stored) bool { return !s.hasState() })
	var gaps []string
	for _, id := range prev {
		if !slices.ContainsFunc(known, func(s *Stored) bool { return s.ID() == id }) {
			gaps = append(gaps, id)
		}
	}
	if j.Before != nil {
		return rs.told(ctx, r, j, gaps)
	}
	if gaps != nil {
		return nil, MissingEvents{Prev: gaps}
	}
	return rs.after(ctx, r, known)
}

// after is the state after some events.
func (rs *Rooms) after(ctx context.Context, r *Room, events []*Stored) (*antecedent, error) {
	states, err := rs.statesAfter(ctx, r, events)
	if err != nil {
		return nil, err
	}
	if len(states) == 0 {
		return &antecedent{tip: tip{state: stateMap{}}, base: &group{}, fresh: true}, nil
	}
	base, err := rs.groupAt(ctx, events[:1])
	if err != nil || len(states) == 1 {
		return &antecedent{tip: tip{state: states[0]}, base: base}, err
	}
	state, err := rs.resolve(ctx, r, states)
	if err != nil {
		return nil, err
	}
	return &antecedent{tip: tip{state: state}, base: base.towards(states[0], state), fresh: true}, nil
}

// told is the state that another server has told of. The error is MissingEvents.
func (rs *Rooms) told(ctx context.Context, r *Room, j *judgement, gaps []string) (*antecedent, error) {
	state, err := rs.placesOf(ctx, r, j.Before, j.brought)
	if err != nil {
		return nil, err
	}
	b := &antecedent{tip: tip{state: state}, base: (*group)(nil).towards(nil, state), fresh: true, gaps: gaps}
	known, err := selectExtremities(ctx, rs.DB, r.nid)
	if err != nil || known == "" {
		return b, err
	}
	near, err := rs.storedByID(ctx, r, strings.Fields(known)[0])
	if err != nil {
		return nil, err
	}
	base, err := rs.groupAt(ctx, []*Stored{near})
	if err != nil {
		return nil, err
	}
	from, err := rs.groupState(ctx, r, near.group.id)
	b.base = base.towards(from, state)
	return b, err
}

// placesOf is the state that some events make. Rejected ones have no part in it. The error
// is MissingEvents.
func (rs *Rooms) placesOf(ctx context.Context, r *Room, ids []string, here brought) (stateMap, error) {
	state, missing := make(stateMap, len(ids)), MissingEvents{}
	here.take(state, ids)
	ids = slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return here[id] != nil })
	for some := range slices.Chunk(readable(ids), askedAtOnce) {
		rows, err := selectPlaces(ctx, rs.DB, r.nid, some)
		if err != nil {
			return nil, fmt.Errorf("reading a state: %w", err)
		}
		for _, id := range some {
			row, there := rows[id]
			switch {
			case !there:
				missing.Auth = append(missing.Auth, id)
			case row.isState && !row.fate.isRejected():
				state[row.key] = &place{id: id, pos: row.pos}
			}
		}
	}
	if missing.Auth != nil {
		return nil, missing
	}
	return state, nil
}

// take puts those into a state that are among some.
func (b brought) take(state stateMap, ids []string) {
	for _, id := range ids {
		s := b[id]
		if s == nil || !s.isState() || s.fate.isRejected() {
			continue
		}
		p := &place{id: id, pos: s.row()}
		if s.isMember() {
			p.membership = membershipOf(s.Event)
		}
		state[s.key()] = p
	}
}

// standing is an event with the state after it, and the groups that are stored for it.
func (rs *Rooms) standing(ctx context.Context, r *Room, j *judgement, b *antecedent) (s *Stored, groups []*group, err error) {
	if j.refused == nil {
		if j.refused, err = rs.allowed(ctx, r, j.Event, &b.tip); err != nil {
			return nil, nil, err
		}
	}
	s = &Stored{Event: j.Event, moved: j.number, aside: true, group: b.base, fate: fateOf(j.Event.Type()), Redaction: j.redaction()}
	if b.fresh {
		groups = append(groups, b.base)
	}
	if j.refused != nil {
		s.fate = rejected
		return s, groups, nil
	}
	if s.isState() {
		if err := rs.read(ctx, r, b.state[s.key()]); err != nil {
			return nil, nil, err
		}
		s.changes, s.in = true, newPlace(s)
		s.Replaced = b.tip.replacedBy(s)
		s.group = b.base.next(s, b.state, s.in)
	}
	return s, groups, nil
}

// extremitiesNow are the events that nothing follows, all of them stored.
func (rs *Rooms) extremitiesNow(ctx context.Context, r *Room) ([]*Stored, error) {
	for range attempts {
		r.mu.Lock()
		l, err := rs.loadLocked(ctx, r)
		if err != nil {
			r.mu.Unlock()
			return nil, err
		}
		now, last := slices.Clone(l.tip.extremities), l.tip.last
		r.mu.Unlock()
		if last == nil {
			return now, nil
		}
		if _, err := last.Wait(ctx); err == nil {
			return now, nil
		} else if !errors.Is(err, stream.ErrNotStored) {
			return nil, err
		}
	}
	return nil, errBusy
}

// softly finds out whether the room as it is allows an event (server-server API, "Soft
// failure"). That is the state after its extremities and, if that does not, the one in which
// they meet the state before the event: what is not known here yet is no reason to refuse.
func (rs *Rooms) softly(ctx context.Context, r *Room, j *judgement, b *antecedent, seen []*Stored) error {
	j.failed = nil
	if j.refused != nil {
		return nil
	}
	var err error
	if j.failed, err = rs.uninvited(ctx, r, j, &b.tip); j.failed != nil || err != nil {
		return err
	}
	failed, err := rs.now(ctx, r, j.Event)
	if failed == nil || err != nil {
		return err
	}
	states, err := rs.statesAfter(ctx, r, seen, b.state)
	if err != nil {
		return err
	}
	state, err := rs.resolve(ctx, r, states)
	if err != nil {
		return err
	}
	j.failed, err = rs.allowed(ctx, r, j.Event, &tip{state: state})
	return err
}

// now tells whether the tip allows an event.
func (rs *Rooms) now(ctx context.Context, r *Room, e *event.Event) (refused, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	l, err := rs.loadLocked(ctx, r)
	if err != nil {
		return nil, err
	}
	return rs.allowed(ctx, r, e, &l.tip)
}

// statesAfter are the different states after some events, and others.
func (rs *Rooms) statesAfter(ctx context.Context, r *Room, events []*Stored, states ...stateMap) ([]stateMap, error) {
	var groups []stream.Pos
	for _, s := range events {
		if slices.Contains(groups, s.group.id) {
			continue
		}
		state, err := rs.groupState(ctx, r, s.group.id)
		if err != nil {
			return nil, err
		}
		groups, states = append(groups, s.group.id), append(states, state)
	}
	return states, nil
}

// meeting is where an event meets the events beside which it stands.
type meeting struct {
	s      *Stored
	groups []*group
	before *antecedent
	rest   []*Stored // what it does not follow, and nothing else does
	state  stateMap  // after them all
}

// meet resolves the state after an event and those beside it.
func (rs *Rooms) meet(ctx context.Context, r *Room, j *judgement, m *meeting) error {
	if j.refused != nil || j.failed != nil || len(m.rest) >= maxExtremities {
		return nil
	}
	own := m.before.state
	if m.s.in != nil {
		own = make(stateMap, len(m.before.state)+1)
		for key, p := range m.before.state {
			own[key] = p
		}
		own[m.s.key()] = m.s.in
	}
	states, err := rs.statesAfter(ctx, r, m.rest, own)
	if m.state = own; err != nil || len(states) == 1 {
		return err
	}
	m.state, err = rs.resolve(ctx, r, states, m.s)
	return err
}

// join puts an event beside the tip, if that is still as it was seen.
func (rs *Rooms) join(ctx context.Context, r *Room, j *judgement, m *meeting, seen []*Stored) (ticket *stream.Ticket, done bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	l, err := rs.loadLocked(ctx, r)
	if err != nil || !sameEvents(seen, l.tip.extremities) {
		return nil, false, err
	}
	if j.refused != nil && rs.isStrangers(&l.tip, j.Event) {
		j.stored, j.before = nil, nil
		return nil, true, nil
	}
	op := &operation{room: r, loaded: l, events: []*Stored{m.s}, groups: m.groups, then: func(*tip) {}}
	op.aside.gaps, m.s.torn = m.before.gaps, len(m.before.gaps) > 0
	j.extremities = len(l.tip.extremities)
	switch {
	case j.refused != nil:
	case j.failed != nil:
		m.s.fate = softFailed
	case m.state == nil:
		m.s.resolved = true
	default:
		if err := rs.turn(ctx, r, op, m); err != nil {
			return nil, false, err
		}
		j.extremities = len(m.rest) + 1
	}
	if j.refused == nil && j.failed == nil {
		if j.Relay {
			rs.relay(&l.tip, m.s)
		}
		if err := rs.redactions(ctx, r, op, m.s, &m.before.tip); err != nil {
			return nil, false, err
		}
	}
	ticket, _, err = rs.add(op)
	return ticket, true, err
}

// turn makes the state after an event and those beside it the room's.
func (rs *Rooms) turn(ctx context.Context, r *Room, op *operation, m *meeting) error {
	became, err := rs.difference(ctx, r, op.loaded.tip.state, m.state)
	if err != nil {
		return err
	}
	s := m.s
	s.resolved, s.became = true, became
	extremities := append(slices.Clone(m.rest), s)
	op.extremities = idsOf(extremities)
	op.then = func(t *tip) {
		t.extremities, t.group = extremities, nil
		if len(extremities) == 1 {
			t.group = s.group
		}
		t.turn(became)
	}
	return nil
}

// turn is what becomes of the tip's state.
func (t *tip) turn(became []placed) {
	t.levels = nil
	for _, p := range became {
		if t.state[p.key] = p.in; p.in == nil {
			delete(t.state, p.key)
		}
	}
}

// difference is what becomes of a state that turns into another. Its events are read, as in
// every room that is in memory; of memberships what they are.
func (rs *Rooms) difference(ctx context.Context, r *Room, from, to stateMap) (became []placed, err error) {
	for key, p := range to {
		if was := from[key]; was != nil && was.id == p.id {
			continue
		}
		became = append(became, placed{key, p.own()})
	}
	for key := range from {
		if to[key] == nil {
			became = append(became, placed{key, nil})
		}
	}
	return became, rs.readPlaces(ctx, r, became)
}

// readPlaces reads the events of places in the state, but keeps no m.room.member, and reads
// none of which it is known what it says.
func (rs *Rooms) readPlaces(ctx context.Context, r *Room, places []placed) error {
	unread := map[string]*place{}
	var ids []string
	for _, p := range places {
		if p.in == nil || p.in.stored.Load() != nil || p.in.membership != "" {
			continue
		}
		unread[p.in.id] = p.in
		ids = append(ids, p.in.id)
	}
	found, err := rs.storedByIDs(ctx, r, ids)
	if err != nil {
		return err
	}
	for _, s := range found {
		p := unread[s.ID()]
		if s.isMember() {
			p.membership = membershipOf(s.Event)
			continue // one of very many, perhaps
		}
		p.stored.Store(s)
	}
	return nil
}

// towards is the group of a state, as what it changes of another's, or whole.
func (g *group) towards(from, to stateMap) *group {
	var delta []placed
	for key, p := range to {
		if was := from[key]; was == nil || was.id != p.id {
			delta = append(delta, placed{key, p})
		}
	}
	for key := range from {
		if to[key] == nil {
			delta = append(delta, placed{key, nil})
		}
	}
	if g != nil && g.chain+1 < maxChain && 2*len(delta) < len(to) {
		return &group{prev: g, chain: g.chain + 1, delta: delta}
	}
	return (&tip{state: to}).whole()
}

func idsOf(events []*Stored) string {
	ids := make([]string, len(events))
	for i, s := range events {
		ids[i] = s.ID()
	}
	return strings.Join(ids, " ")
}

func sameEvents(a, b []*Stored) bool {
	return slices.EqualFunc(a, b, func(x, y *Stored) bool { return x.ID() == y.ID() })
}

// excluding are events whose ids are not among some.
func excluding(events []*Stored, ids []string) []*Stored {
	return slices.DeleteFunc(slices.Clone(events), func(s *Stored) bool { return slices.Contains(ids, s.ID()) })
}

func keyOf(typ string) event.Key { return event.Key{Type: typ} }
