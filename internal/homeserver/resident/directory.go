package resident

import (
	"context"
	"slices"

	"signet/internal/matrix"
)

// maxServers is how many servers are named by which a room can be joined.
const maxServers = 100

// OfAlias is the room that an alias of this server leads to, and servers by which it can be
// joined, ours first if it is one (server-server API, /query/directory). Errors:
// room.ErrAliasFormat, room.ErrUnknownAlias.
func (s *Resident) OfAlias(ctx context.Context, alias string) (roomID string, servers []matrix.ServerName, err error) {
	if roomID, err = s.Rooms.RoomOfAlias(ctx, alias); err != nil {
		return "", nil, err
	}
	r, err := s.Rooms.Room(roomID)
	if err != nil {
		return "", nil, err
	}
	if servers, err = s.Rooms.JoinedServers(ctx, r); err != nil {
		return "", nil, err
	}
	if i := slices.Index(servers, s.ServerName); i > 0 {
		servers[0], servers[i] = servers[i], servers[0]
	}
	return roomID, servers[:min(len(servers), maxServers)], nil
}
