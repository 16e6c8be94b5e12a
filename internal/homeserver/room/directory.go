package room

import (
	"cmp"
	"context"
	"fmt"

	"signet/internal/homeserver/event"
	"signet/internal/matrix"
)

// Summary is what is told of a room to people who look for one, as both directories write
// it (PublicRoomsChunk). What is not known is empty.
type Summary struct {
	RoomID         string `json:"room_id"`
	Name           string `json:"name,omitempty"`
	Topic          string `json:"topic,omitempty"`
	CanonicalAlias string `json:"canonical_alias,omitempty"`
	AvatarURL      string `json:"avatar_url,omitempty"`
	JoinRule       string `json:"join_rule"`
	Type           string `json:"room_type,omitempty"` // of m.room.create
	Joined         int    `json:"num_joined_members"`
	Invited        int    `json:"-"`
	WorldReadable  bool   `json:"world_readable"`
	GuestsMayJoin  bool   `json:"guest_can_join"`
}

// Summary is what is told of a room.
func (rs *Rooms) Summary(ctx context.Context, r *Room) (*Summary, error) {
	if s := r.summary.Load(); s != nil {
		return s, nil
	}
	l, err := rs.load(ctx, r)
	if err != nil {
		return nil, err
	}
	l.view.mu.RLock()
	defer l.view.mu.RUnlock()
	s := l.view.summary()
	s.RoomID = r.id
	r.summary.Store(s) // under the view's lock, so that no older one comes after a newer
	if r.loaded.Load() != l {
		r.summary.Store(nil) // the view is one that nobody changes any more
	}
	return s, nil
}

// summary is made with the lock held.
func (v *view) summary() *Summary {
	says := func(typ, name string) string {
		if p := v.state[event.Key{Type: typ}]; p != nil && p.stored.Load() != nil {
			text, _ := p.stored.Load().Field(name).Text()
			return text
		}
		return ""
	}
	return &Summary{
		Name: says(nameType, "name"), Topic: says(topicType, "topic"), CanonicalAlias: says(aliasType, "alias"), AvatarURL: says(avatarType, "url"),
		JoinRule: cmp.Or(says(joinRulesType, "join_rule"), Invite), Type: says(createType, "type"),
		Joined: v.joined, Invited: v.invited,
		WorldReadable: v.readers.before(maxPos, shared) == worldReadable,
		GuestsMayJoin: says(guestType, "guest_access") == "can_join",
	}
}

// Published are the rooms in the published directory, in no order.
func (rs *Rooms) Published() (rooms []*Room) {
	rs.mu.RLock()
	defer rs.mu.RUnlock()
	for _, r := range rs.rooms {
		if r.listed.Load() && r.last.Load() > 0 {
			rooms = append(rooms, r)
		}
	}
	return rooms
}

// Listed tells whether a room is in the published directory. The error is ErrUnknownRoom.
func (rs *Rooms) Listed(roomID string) (bool, error) {
	r, err := rs.Room(roomID)
	if err != nil {
		return false, err
	}
	return r.listed.Load(), nil
}

// SetListed puts a room into the published directory, or takes it out. Who may set the
// room's canonical alias may do so. Errors: ErrUnknownRoom, ErrMayNot.
func (rs *Rooms) SetListed(ctx context.Context, user matrix.UserID, roomID string, listed bool) error {
	r, err := rs.Room(roomID)
	if err != nil {
		return err
	}
	may, err := rs.may(ctx, r, user, aliasType)
	if err != nil {
		return err
	}
	if !may {
		return ErrMayNot
	}
	if err := updateListed(ctx, rs.DB, r.nid, listed); err != nil {
		return fmt.Errorf("publishing a room: %w", err)
	}
	r.listed.Store(listed)
	return nil
}
