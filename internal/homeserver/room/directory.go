package room

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

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

// Listing is a look into the published directory of this server.
type Listing struct {
	Limit int       // of rooms; 0 is all that one page may have
	Since string    // a token; empty is the beginning
	Term  string    // to look for in names, topics and aliases, in any case; empty is any
	Types []*string // of rooms, nil among them for those without; nil is any
}

// Directory is a page of the published directory.
type Directory struct {
	Rooms []*Summary `json:"chunk"`
	Next  string     `json:"next_batch,omitempty"` // a token; empty where there is nothing more
	Prev  string     `json:"prev_batch,omitempty"`
	Total int        `json:"total_room_count_estimate"`
}

// maxListed is how many rooms a page of the directory has.
const maxListed = 500

// ErrListingToken says that a text is no place in the directory.
var ErrListingToken = errors.New("not a token of this server's directory")

// List looks into the published directory: the rooms with most members come first. The
// error is ErrListingToken.
func (rs *Rooms) List(ctx context.Context, l Listing) (d Directory, err error) {
	from, err := parseListingToken(l.Since)
	if err != nil {
		return d, err
	}
	found, err := rs.listed(ctx, l)
	if err != nil {
		return d, err
	}
	limit := maxListed
	if l.Limit > 0 {
		limit = min(l.Limit, maxListed)
	}
	from = min(from, len(found))
	to := min(from+limit, len(found))
	d = Directory{Rooms: found[from:to], Total: len(found)}
	if to < len(found) {
		d.Next = "p" + strconv.Itoa(to)
	}
	if from > 0 {
		d.Prev = "p" + strconv.Itoa(max(0, from-limit))
	}
	return d, nil
}

func parseListingToken(s string) (from int, err error) {
	if s == "" {
		return 0, nil
	}
	digits, found := strings.CutPrefix(s, "p")
	n, err := strconv.ParseUint(digits, 10, 31)
	if !found || err != nil {
		return 0, ErrListingToken
	}
	return int(n), nil
}

// listed are the published rooms that are looked for, in the order of the directory.
func (rs *Rooms) listed(ctx context.Context, l Listing) ([]*Summary, error) {
	rs.mu.RLock()
	var rooms []*Room
	for _, r := range rs.rooms {
		if r.listed.Load() && r.last.Load() > 0 {
			rooms = append(rooms, r)
		}
	}
	rs.mu.RUnlock()
	found := []*Summary{} // none is an empty list for clients
	for _, r := range rooms {
		s, err := rs.Summary(ctx, r)
		if err != nil {
			return nil, err
		}
		if l.wants(s) {
			found = append(found, s)
		}
	}
	slices.SortFunc(found, func(a, b *Summary) int { return cmp.Or(b.Joined-a.Joined, cmp.Compare(a.RoomID, b.RoomID)) })
	return found, nil
}

func (l Listing) wants(s *Summary) bool {
	if l.Types != nil && !slices.ContainsFunc(l.Types, func(t *string) bool { return t == nil && s.Type == "" || t != nil && *t == s.Type }) {
		return false
	}
	term := strings.ToLower(l.Term)
	return slices.ContainsFunc([]string{s.Name, s.Topic, s.CanonicalAlias}, func(text string) bool { return strings.Contains(strings.ToLower(text), term) })
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
