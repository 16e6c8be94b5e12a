package room

import (
	"context"
	"fmt"
	"slices"

	"signet/internal/homeserver/event"
	"signet/internal/homeserver/stream"
	"signet/internal/matrix"
)

// Seen is an event as a user sees it, for Reader.Append.
type Seen struct {
	*Stored
	// Membership is what the user was when it was sent, empty if that was not looked up.
	Membership string
}

// Event is an event of a room. Errors: ErrUnknownRoom, ErrUnknownEvent, which is also that
// of an event that the user may not read.
func (rs *Rooms) Event(ctx context.Context, user matrix.UserID, roomID, eventID string) (Seen, error) {
	r, err := rs.Room(roomID)
	if err != nil {
		return Seen{}, err
	}
	l, err := rs.quickLens(ctx, r, user)
	if err != nil {
		return Seen{}, err
	}
	return l.event(ctx, eventID)
}

func (l *lens) event(ctx context.Context, id string) (Seen, error) {
	s, err := l.rooms.recentByID(ctx, l.room, id)
	if err != nil {
		return Seen{}, err
	}
	if s.Pos > l.rooms.Stream.Visible() || !s.fate.isTold() {
		return Seen{}, ErrUnknownEvent
	}
	sees, err := l.sees(ctx, s)
	if err != nil {
		return Seen{}, err
	}
	if !sees {
		return Seen{}, ErrUnknownEvent
	}
	return l.show(ctx, s)
}

// recentByID is storedByID of what is most likely in memory, as what was just said is.
func (rs *Rooms) recentByID(ctx context.Context, r *Room, id string) (*Stored, error) {
	l, err := rs.load(ctx, r)
	if err != nil {
		return nil, err
	}
	l.view.mu.RLock()
	at := slices.IndexFunc(l.view.ring, func(s *Stored) bool { return s.ID() == id })
	var s *Stored
	if at >= 0 {
		s = l.view.ring[at]
	}
	l.view.mu.RUnlock()
	if s != nil {
		return s, nil
	}
	return rs.storedByID(ctx, r, id)
}

// State is the state of a room: as it is for who is in it, as it was when they left for
// who was. The error is ErrNotInRoom.
func (rs *Rooms) State(ctx context.Context, user matrix.UserID, roomID string) ([]*Stored, error) {
	l, at, err := rs.visit(ctx, user, roomID)
	if err != nil {
		return nil, err
	}
	state, err := rs.StateAt(ctx, l.room, at)
	if err != nil {
		return nil, err
	}
	return veilAll(ctx, state, l.veil)
}

// StateAt is the state of a room after a position of its history, in no order. Who may
// read it, the caller has seen to; Veil hides what was erased.
func (rs *Rooms) StateAt(ctx context.Context, r *Room, at stream.Pos) ([]*Stored, error) {
	return rs.StateOf(ctx, r, at, func(event.Key) bool { return true })
}

// StateOf is StateAt for the places that are wanted alone.
func (rs *Rooms) StateOf(ctx context.Context, r *Room, at stream.Pos, wanted func(event.Key) bool) ([]*Stored, error) {
	l, err := rs.load(ctx, r)
	if err != nil {
		return nil, err
	}
	l.view.mu.RLock()
	now := at >= l.view.change
	var places []*place
	if now {
		for key, p := range l.view.state {
			if wanted(key) {
				places = append(places, p)
			}
		}
	}
	l.view.mu.RUnlock()
	if now {
		return rs.readAll(ctx, r, places)
	}
	state, err := rs.stateAt(ctx, r, at)
	return slices.DeleteFunc(state, func(s *Stored) bool { return !wanted(s.key()) }), err
}

// many is from how many places on they are read with one statement.
const many = 8

// readAll gives the events that hold places, and reads those that were not read.
func (rs *Rooms) readAll(ctx context.Context, r *Room, places []*place) ([]*Stored, error) {
	unread := map[string]*place{}
	for _, p := range places {
		if p.stored.Load() == nil {
			unread[p.id] = p
		}
	}
	if len(unread) > many {
		events, err := rs.stored(ctx, r, whereStateNow, r.nid)
		if err != nil {
			return nil, fmt.Errorf("reading a state: %w", err)
		}
		for _, s := range events {
			if p := unread[s.ID()]; p != nil {
				p.stored.Store(s)
			}
		}
	}
	if err := rs.read(ctx, r, places...); err != nil {
		return nil, err
	}
	events := make([]*Stored, len(places))
	for i, p := range places {
		events[i] = p.stored.Load()
	}
	return events, nil
}

// StateEvent is one event of what State gives. Errors: ErrNotInRoom, ErrUnknownEvent.
func (rs *Rooms) StateEvent(ctx context.Context, user matrix.UserID, roomID, typ, key string) (*Stored, error) {
	l, at, err := rs.visit(ctx, user, roomID)
	if err != nil {
		return nil, err
	}
	s, err := rs.stateEventAt(ctx, l.room, event.Key{Type: typ, StateKey: key}, at)
	if err != nil {
		return nil, err
	}
	return l.veil(ctx, s)
}

// stateEventAt is who holds a place in the state after a position. The error is
// ErrUnknownEvent.
func (rs *Rooms) stateEventAt(ctx context.Context, r *Room, key event.Key, at stream.Pos) (*Stored, error) {
	if r.last.Load() == 0 { // known from outside alone: there is nothing to load
		return rs.storedOne(ctx, r, whereOneThen, r.nid, int64(at), key.Type, key.StateKey)
	}
	l, err := rs.load(ctx, r)
	if err != nil {
		return nil, err
	}
	l.view.mu.RLock()
	now, p := at >= l.view.change, l.view.state[key]
	l.view.mu.RUnlock()
	switch {
	case !now:
		return rs.storedOne(ctx, r, whereOneThen, r.nid, int64(at), key.Type, key.StateKey)
	case p == nil:
		return nil, ErrUnknownEvent
	}
	if err := rs.read(ctx, r, p); err != nil {
		return nil, err
	}
	return p.stored.Load(), nil
}

// MemberQuery is which memberships somebody asks for.
type MemberQuery struct {
	At  string // a token; empty is now
	Is  string // a membership; empty is any
	Not string // a membership; empty is none. With Is, either of the two suffices
}

// Members are the m.room.member events of a room: those of a time when the user might not
// know them are those of when they first might. Errors: those of State, ErrToken.
func (rs *Rooms) Members(ctx context.Context, user matrix.UserID, roomID string, q MemberQuery) ([]*Stored, error) {
	l, at, err := rs.visit(ctx, user, roomID)
	if err != nil {
		return nil, err
	}
	if q.At != "" {
		asked, err := ParseToken(q.At)
		if err != nil {
			return nil, err
		}
		at = min(at, l.opens(max(min(asked, rs.Stream.Visible()), l.room.peopled())))
	}
	state, err := rs.StateAt(ctx, l.room, at)
	if err != nil {
		return nil, err
	}
	members := slices.DeleteFunc(state, func(s *Stored) bool { return !s.isMember() || !q.wants(membershipOf(s.Event)) })
	return veilAll(ctx, members, l.veil)
}

func (q MemberQuery) wants(membership string) bool {
	switch {
	case q.Is == "" && q.Not == "":
		return true
	case q.Is == "":
		return membership != q.Not
	case q.Not == "":
		return membership == q.Is
	}
	return membership == q.Is || membership != q.Not
}

// JoinedMembers are the m.room.member events of those who are in a room, for one of them.
// The error is ErrNotInRoom.
func (rs *Rooms) JoinedMembers(ctx context.Context, user matrix.UserID, roomID string) ([]*Stored, error) {
	r, err := rs.Room(roomID)
	if err != nil || rs.stay(user, r).Membership != Join {
		return nil, ErrNotInRoom
	}
	l, err := rs.load(ctx, r)
	if err != nil {
		return nil, err
	}
	l.view.mu.RLock()
	var places []*place
	for key, p := range l.view.state {
		if key.Type == memberType && p.membership == Join {
			places = append(places, p)
		}
	}
	l.view.mu.RUnlock()
	members, err := rs.readAll(ctx, r, places)
	if err != nil {
		return nil, err
	}
	return rs.Veil(ctx, r, user, members)
}
