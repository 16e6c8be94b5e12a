package room

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"signet/internal/homeserver/event"
	"signet/internal/homeserver/stream"
	"signet/internal/matrix"
)

// What other servers are answered from. Which of it they may have is resident's to say.

// ErrUnknownState says that the state at an event is not known here.
var ErrUnknownState = errors.New("the state at the event is not known here")

// Rejected tells whether authorisation has refused the event when it came.
func (s *Stored) Rejected() bool { return s.fate.isRejected() }

// SoftFailed tells whether the room's state refused the event when it came.
func (s *Stored) SoftFailed() bool { return s.fate&softFailed != 0 }

// Outlier tells whether an event has no place in the room's graph here, where no state has
// allowed it.
func (s *Stored) Outlier() bool { return s.fate&outlier != 0 }

// RoomOfEvent finds the room that an event is in. The error is ErrUnknownEvent.
func (rs *Rooms) RoomOfEvent(ctx context.Context, eventID string) (*Room, error) {
	id, err := selectRoomOfEvent(ctx, rs.DB, eventID)
	if err != nil {
		return nil, fmt.Errorf("looking for an event: %w", err)
	}
	r, err := rs.Room(id)
	if err != nil {
		return nil, ErrUnknownEvent
	}
	return r, nil
}

// Held are the events of a room that are stored, of those named, in no order: rejected
// ones too. What they replaced, and what redacted them, is not read.
func (rs *Rooms) Held(ctx context.Context, r *Room, ids []string) ([]*Stored, error) {
	held := make([]*Stored, 0, len(ids))
	err := rs.EachHeld(ctx, r, ids, func(s *Stored) bool {
		held = append(held, s)
		return true
	})
	return held, err
}

// EachHeld is Held for more events than are kept in memory: a few at a time, until use
// wants no more.
func (rs *Rooms) EachHeld(ctx context.Context, r *Room, ids []string, use func(*Stored) bool) error {
	for part := range slices.Chunk(ids, askedAtOnce) {
		found, err := selectHeld(ctx, rs.DB, r, part)
		if err != nil {
			return fmt.Errorf("reading events: %w", err)
		}
		for _, s := range found {
			if !use(s) {
				return nil
			}
		}
	}
	return nil
}

// Current is the event that holds a place in the state now. The error is ErrUnknownEvent.
func (rs *Rooms) Current(ctx context.Context, r *Room, key event.Key) (*Stored, error) {
	return rs.stateEventAt(ctx, r, key, maxPos)
}

// IDsBefore are the ids of the events that hold the state before an event. The error is
// ErrUnknownState.
func (rs *Rooms) IDsBefore(ctx context.Context, r *Room, s *Stored) (map[event.Key]string, error) {
	after, prev, err := s.groups(ctx, rs)
	if err != nil {
		return nil, err
	}
	if prev != 0 {
		after = prev
	}
	rows, err := rs.groupState(ctx, r, after)
	if err != nil {
		return nil, err
	}
	ids := make(map[event.Key]string, len(rows))
	for key, row := range rows {
		if row.id != s.ID() {
			ids[key] = row.id
		}
	}
	return ids, nil
}

// groups are the group of the state after an event, and that of the state before it
// where that is another.
func (s *Stored) groups(ctx context.Context, rs *Rooms) (after, before stream.Pos, err error) {
	if !s.hasState() {
		return 0, 0, ErrUnknownState
	}
	if s.isState() && !s.Rejected() {
		if before, _, err = selectGroup(ctx, rs.DB, s.group.id); errors.Is(err, sql.ErrNoRows) {
			err = ErrUnknownState
		}
	}
	return s.group.id, before, err
}

// StateGroup numbers the state after an event: two of one number have the same. It is 0
// where the state is not known.
func (s *Stored) StateGroup() stream.Pos {
	if !s.hasState() {
		return 0
	}
	return s.group.id
}

// InLine tells whether an event was sent in what stands before it in the stream. The state
// of another is that of its group alone.
func (s *Stored) InLine() bool { return !s.aside && s.Pos > 0 }

// GroupIDs are the ids of the events that hold a state. The error is ErrUnknownState.
func (rs *Rooms) GroupIDs(ctx context.Context, r *Room, group stream.Pos) (map[event.Key]string, error) {
	if group == 0 {
		return nil, ErrUnknownState
	}
	rows, err := rs.groupState(ctx, r, group)
	if err != nil {
		return nil, err
	}
	ids := make(map[event.Key]string, len(rows))
	for key, row := range rows {
		ids[key] = row.id
	}
	return ids, nil
}

// GroupHolder is the event that holds a place in a state, nil if none does.
func (rs *Rooms) GroupHolder(ctx context.Context, r *Room, group stream.Pos, key event.Key) (*Stored, error) {
	pos, err := selectGroupPlace(ctx, rs.DB, group, key.Type, key.StateKey)
	if err != nil {
		return nil, fmt.Errorf("reading a state: %w", err)
	}
	if pos == 0 {
		return nil, nil
	}
	return rs.storedAt(ctx, r, pos)
}

// Presence is what the members of a server are in a room.
type Presence struct {
	Joined bool
	// Since is from where on in the stream one of them is known to have been joined
	// without a break, for events that are in line.
	Since stream.Pos
}

// PresenceOf tells whether anybody of a server is in a room now.
func (rs *Rooms) PresenceOf(ctx context.Context, r *Room, server matrix.ServerName) (p Presence, err error) {
	l, err := rs.load(ctx, r)
	if err != nil {
		return p, err
	}
	l.view.mu.RLock()
	defer l.view.mu.RUnlock()
	for key, in := range l.view.state {
		if key.Type != memberType || in.membership != Join || event.ServerOf(key.StateKey) != server {
			continue
		}
		since := in.pos
		if since <= 0 { // one that came as what others rest on has no place of its own
			since = maxPos
		}
		if !p.Joined || since < p.Since {
			p.Since = since
		}
		p.Joined = true
	}
	return p, nil
}

// Hosts tells whether a user of this server is in a room now.
func (rs *Rooms) Hosts(ctx context.Context, r *Room) (bool, error) {
	l, err := rs.load(ctx, r)
	if err != nil {
		return false, err
	}
	l.view.mu.RLock()
	defer l.view.mu.RUnlock()
	return len(l.view.local) > 0, nil
}

// JoinedServers are the servers whose users are in a room now, in the order of their names.
func (rs *Rooms) JoinedServers(ctx context.Context, r *Room) ([]matrix.ServerName, error) {
	l, err := rs.load(ctx, r)
	if err != nil {
		return nil, err
	}
	l.view.mu.RLock()
	defer l.view.mu.RUnlock()
	var servers []matrix.ServerName
	seen := map[matrix.ServerName]bool{}
	for key, in := range l.view.state {
		if server := event.ServerOf(key.StateKey); key.Type == memberType && in.membership == Join && !seen[server] {
			seen[server] = true
			servers = append(servers, server)
		}
	}
	slices.Sort(servers)
	return servers, nil
}

// MembershipNow is what a user of any server is in a room now, empty if nothing yet.
func (rs *Rooms) MembershipNow(ctx context.Context, r *Room, user matrix.UserID) (string, error) {
	l, err := rs.load(ctx, r)
	if err != nil {
		return "", err
	}
	l.view.mu.RLock()
	defer l.view.mu.RUnlock()
	if in := l.view.state[event.Key{Type: memberType, StateKey: string(user)}]; in != nil {
		return in.membership, nil
	}
	return "", nil
}

// Near is the event whose time is next to ts, in milliseconds since 1970, before or after
// it, passing over so many. The error is ErrUnknownEvent.
func (rs *Rooms) Near(ctx context.Context, r *Room, ts int64, back bool, passed int) (*Stored, error) {
	return rs.near(ctx, r, ts, back, passed)
}
