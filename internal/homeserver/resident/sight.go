package resident

import (
	"context"
	"errors"
	"fmt"

	"signet/internal/homeserver/event"
	"signet/internal/homeserver/room"
	"signet/internal/homeserver/stream"
	"signet/internal/matrix"
)

// sight is what a server may read of a room, for as many events as one likes. Where
// history is for members alone, one of the server's users must have been a member, or
// invited where that suffices (client-server API, "Room History Visibility").
type sight struct {
	*Resident
	guest
	groups   map[stream.Pos]bool // states in which the server may read, once that was looked up
	audience *room.Audience
}

func (s *Resident) sight(g guest) *sight {
	return &sight{Resident: s, guest: g, groups: map[stream.Pos]bool{}, audience: s.Rooms.Audience(g.room, g.server)}
}

// shown is an event as the server may read it: itself, or what redaction leaves of it.
func (v *sight) shown(ctx context.Context, e *room.Stored) (*event.Event, error) {
	sees, err := v.sees(ctx, e)
	switch {
	case err != nil:
		return nil, err
	case sees:
		return v.audience.Shown(ctx, e)
	}
	return e.Redact(), nil
}

func (v *sight) sees(ctx context.Context, e *room.Stored) (bool, error) {
	if v.Joined && e.InLine() && e.Pos > v.Since {
		return true, nil
	}
	group := e.StateGroup()
	sees, known := v.groups[group]
	if known || group == 0 {
		return sees, nil
	}
	sees, err := v.seesIn(ctx, group)
	if err != nil {
		return false, fmt.Errorf("looking for who may read: %w", err)
	}
	v.groups[group] = sees
	return sees, nil
}

// seesIn tells whether the server may read what is sent in a state.
func (v *sight) seesIn(ctx context.Context, group stream.Pos) (bool, error) {
	readers, err := v.Rooms.GroupHolder(ctx, v.room, group, event.Key{Type: "m.room.history_visibility"})
	if err != nil || readers == nil {
		return err == nil, err // none is shared
	}
	switch said, _ := readers.Field("history_visibility").Text(); said {
	case "invited":
		return v.was(ctx, group, room.Join, room.Invite)
	case "joined":
		return v.was(ctx, group, room.Join)
	}
	return true, nil
}

// was tells whether a user of the server had one of the memberships in a state.
func (v *sight) was(ctx context.Context, group stream.Pos, memberships ...string) (bool, error) {
	ids, err := v.Rooms.GroupIDs(ctx, v.room, group)
	if errors.Is(err, room.ErrUnknownState) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	found := false
	err = v.Rooms.EachHeld(ctx, v.room, membersOf(v.server, ids), func(e *room.Stored) bool {
		said, _ := e.Field("membership").Text()
		for _, m := range memberships {
			found = found || said == m
		}
		return !found
	})
	return found, err
}

// membersOf are the ids of the memberships that a state has of a server's users.
func membersOf(server matrix.ServerName, state map[event.Key]string) []string {
	var ids []string
	for key, id := range state {
		if key.Type == "m.room.member" && event.ServerOf(key.StateKey) == server {
			ids = append(ids, id)
		}
	}
	return ids
}
