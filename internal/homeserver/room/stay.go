package room

import (
	"maps"
	"slices"

	"signet/internal/homeserver/stream"
	"signet/internal/matrix"
)

// Stay is a user's membership in a room, as of now.
type Stay struct {
	Room       *Room
	Membership string     // Join, Invite, Leave, Ban or Knock
	Pos        stream.Pos // of the m.room.member
	Forgotten  bool       // by the user, who has left
}

// setStay remembers a stay. It is called with mu held, or before anybody else is there.
func (rs *Rooms) setStay(user matrix.UserID, s Stay) {
	rooms := rs.stays[user]
	if rooms == nil {
		rooms = map[*Room]Stay{}
		rs.stays[user] = rooms
	}
	if rooms[s.Room].Membership == Join {
		s.Room.residents--
	}
	if s.Membership == Join {
		s.Room.residents++
	}
	rooms[s.Room] = s
}

// Stays are a local user's memberships in all rooms, forgotten ones included, in no order.
func (rs *Rooms) Stays(user matrix.UserID) []Stay {
	rs.mu.RLock()
	defer rs.mu.RUnlock()
	stays := make([]Stay, 0, len(rs.stays[user]))
	for _, s := range rs.stays[user] {
		stays = append(stays, s)
	}
	return stays
}

// stay is a local user's membership in a room, the zero Stay for one who never had any.
func (rs *Rooms) stay(user matrix.UserID, r *Room) Stay {
	rs.mu.RLock()
	defer rs.mu.RUnlock()
	return rs.stays[user][r]
}

// JoinedRooms are the ids of the rooms that a local user has joined.
func (rs *Rooms) JoinedRooms(user matrix.UserID) []string {
	ids := []string{}
	for _, s := range rs.Stays(user) {
		if s.Membership == Join {
			ids = append(ids, s.Room.id)
		}
	}
	return ids
}

// Joined is a room that a local user has joined. Errors: ErrUnknownRoom, ErrNotInRoom.
func (rs *Rooms) Joined(user matrix.UserID, roomID string) (*Room, error) {
	r, err := rs.Room(roomID)
	if err != nil {
		return nil, err
	}
	if rs.stay(user, r).Membership != Join {
		return nil, ErrNotInRoom
	}
	return r, nil
}

// LocalMembers are the users of this server who have joined a room, in no order. It waits
// for no database: those of a room that is not in memory are looked for among all users.
func (rs *Rooms) LocalMembers(id matrix.RoomID) []matrix.UserID {
	r, err := rs.Room(string(id))
	if err != nil {
		return nil
	}
	if l := r.loaded.Load(); l != nil {
		l.view.mu.RLock()
		defer l.view.mu.RUnlock()
		return slices.Collect(maps.Keys(l.view.local))
	}
	rs.mu.RLock()
	defer rs.mu.RUnlock()
	var users []matrix.UserID
	for user, rooms := range rs.stays {
		if rooms[r].Membership == Join {
			users = append(users, user)
		}
	}
	return users
}
