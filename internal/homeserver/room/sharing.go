package room

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"signet/internal/homeserver/event"
	"signet/internal/homeserver/stream"
	"signet/internal/matrix"
)

// Who shares rooms with whom, which decides about whose devices one is told.

// OtherServers are the other servers in a room now, in no order. The error is ErrUnknownRoom.
func (rs *Rooms) OtherServers(ctx context.Context, roomID string) ([]matrix.ServerName, error) {
	r, err := rs.Room(roomID)
	if err != nil {
		return nil, err
	}
	others := map[matrix.ServerName]bool{}
	err = rs.addServers(ctx, r, others)
	return slices.Collect(maps.Keys(others)), err
}

func (rs *Rooms) addServers(ctx context.Context, r *Room, to map[matrix.ServerName]bool) error {
	return rs.eachJoined(ctx, r, func(user string) {
		if server := event.ServerOf(user); server != rs.ServerName {
			to[server] = true
		}
	})
}

// eachJoined does something for everybody who is in a room now.
func (rs *Rooms) eachJoined(ctx context.Context, r *Room, do func(user string)) error {
	l, err := rs.load(ctx, r)
	if err != nil {
		return err
	}
	l.view.mu.RLock()
	defer l.view.mu.RUnlock()
	for key, p := range l.view.state {
		if key.Type == memberType && p.membership == Join {
			do(key.StateKey)
		}
	}
	return nil
}

// Servers are the other servers in the rooms of a user, in no order.
func (rs *Rooms) Servers(ctx context.Context, user matrix.UserID) ([]matrix.ServerName, error) {
	rooms, err := rs.roomsOf(ctx, user)
	if err != nil {
		return nil, err
	}
	others := map[matrix.ServerName]bool{}
	for _, r := range rooms {
		if err := rs.addServers(ctx, r, others); err != nil {
			return nil, err
		}
	}
	return slices.Collect(maps.Keys(others)), nil
}

// Sharing are the others with whom a user, of whatever server, shares a room now, in no order.
func (rs *Rooms) Sharing(ctx context.Context, user matrix.UserID) ([]matrix.UserID, error) {
	rooms, err := rs.roomsOf(ctx, user)
	if err != nil {
		return nil, err
	}
	others := map[matrix.UserID]bool{}
	for _, r := range rooms {
		if err := rs.eachJoined(ctx, r, func(u string) { others[matrix.UserID(u)] = true }); err != nil {
			return nil, err
		}
	}
	delete(others, user)
	return slices.Collect(maps.Keys(others)), nil
}

// Mutual are the ids of the rooms that a user of this server and another one, of whatever server,
// are in now, in their order.
func (rs *Rooms) Mutual(ctx context.Context, user, other matrix.UserID) ([]string, error) {
	rooms, err := rs.roomsOf(ctx, other)
	if err != nil {
		return nil, err
	}
	ids := []string{}
	for _, r := range rooms {
		if rs.stay(user, r).Membership == Join {
			ids = append(ids, r.id)
		}
	}
	slices.Sort(ids)
	return ids, nil
}

// roomsOf are the rooms that a user, of whatever server, is in now.
func (rs *Rooms) roomsOf(ctx context.Context, user matrix.UserID) ([]*Room, error) {
	ids := rs.JoinedRooms(user)
	if !rs.local(string(user)) {
		var err error
		if ids, err = selectRoomsOf(ctx, rs.DB, user); err != nil {
			return nil, fmt.Errorf("reading a user's rooms: %w", err)
		}
	}
	rooms := make([]*Room, 0, len(ids))
	for _, id := range ids {
		if r, err := rs.Room(id); err == nil {
			rooms = append(rooms, r)
		}
	}
	return rooms, nil
}

// Moved are those with whom a local user came to share a room, or shared one no longer,
// after since and up to to. Those may be among them who share another room, and the user is
// where they came to a room: their other devices have not met it either.
func (rs *Rooms) Moved(ctx context.Context, user matrix.UserID, since, to stream.Pos) (met, parted []matrix.UserID, err error) {
	m := moves{user: user, met: map[matrix.UserID]bool{}, parted: map[matrix.UserID]bool{}}
	for _, s := range rs.Stays(user) {
		if s.Pos <= since && (s.Membership != Join || s.Room.Last() <= since) {
			continue
		}
		if err := rs.move(ctx, &m, s.Room, since, to); err != nil {
			return nil, nil, err
		}
	}
	return slices.Collect(maps.Keys(m.met)), slices.Collect(maps.Keys(m.parted)), nil
}

// moves is who came and went, as a user sees it.
type moves struct {
	user        matrix.UserID
	met, parted map[matrix.UserID]bool
}

// move adds what became of one room.
func (rs *Rooms) move(ctx context.Context, m *moves, r *Room, since, to stream.Pos) error {
	was, err := rs.MembershipAt(ctx, m.user, r, since)
	if err != nil {
		return err
	}
	is, err := rs.MembershipAt(ctx, m.user, r, to)
	switch {
	case err != nil || was != Join && is != Join:
		return err
	case was == Join && is == Join:
		return rs.moveOthers(ctx, m, r, since, to)
	}
	all := m.met
	if was == Join {
		all = m.parted
	} else {
		m.met[m.user] = true
	}
	return rs.eachJoined(ctx, r, func(u string) { m.add(all, u) })
}

// moveOthers adds those who came to the user's room, or left it.
func (rs *Rooms) moveOthers(ctx context.Context, m *moves, r *Room, since, to stream.Pos) error {
	delta, err := rs.StateDelta(ctx, r, since, to)
	if err != nil {
		return err
	}
	for _, s := range delta {
		if !s.isMember() {
			continue
		}
		was := ""
		if s.Replaced != nil {
			was, _ = event.Value(s.Replaced.Content).Field("membership").Text()
		}
		switch is := membershipOf(s.Event); {
		case is == Join && was != Join:
			m.add(m.met, s.key().StateKey)
		case is != Join: // what it replaced may have followed a join
			m.add(m.parted, s.key().StateKey)
		}
	}
	return nil
}

func (m *moves) add(to map[matrix.UserID]bool, user string) {
	if u := matrix.UserID(user); u != m.user {
		to[u] = true
	}
}

// PosOf is where an event of a room stands. Errors: ErrUnknownRoom, ErrUnknownEvent.
func (rs *Rooms) PosOf(ctx context.Context, roomID, eventID string) (stream.Pos, error) {
	r, err := rs.Room(roomID)
	if err != nil {
		return 0, err
	}
	s, err := rs.storedByID(ctx, r, eventID)
	if err != nil {
		return 0, err
	}
	return s.Pos, nil
}

// SharedSince tells whether a user, of whatever server, has been in a room with a user of this
// one since a position without a break. A new name in a room counts as a break.
func (rs *Rooms) SharedSince(ctx context.Context, user matrix.UserID, since stream.Pos) (bool, error) {
	shared, err := selectShared(ctx, rs.DB, user, since)
	if err != nil {
		return false, fmt.Errorf("reading who shares a room: %w", err)
	}
	return shared, nil
}
