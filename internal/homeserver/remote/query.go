package remote

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/fedclient"
	"signet/internal/matrix"
)

// maxServers is how many servers are said to be in a room.
const maxServers = 100

// Directory asks for the room of an alias of that server, and by which servers it can be
// joined.
func (c *Client) Directory(ctx context.Context, server matrix.ServerName, alias string) (room matrix.RoomID, via []matrix.ServerName, err error) {
	var answer struct {
		Room    string   `json:"room_id"`
		Servers []string `json:"servers"`
	}
	path := at(v1, url.Values{"room_alias": {alias}}, "query", "directory")
	if err := c.ask(ctx, call{server: server, method: http.MethodGet, path: path, lookup: true}, into(&answer)); err != nil {
		return "", nil, err
	}
	if room, err = matrix.ParseRoomID(answer.Room); err != nil {
		return "", nil, errShape
	}
	for _, s := range answer.Servers {
		if name, err := matrix.ParseServerName(s); err == nil && len(via) < maxServers && !slices.Contains(via, name) {
			via = append(via, name)
		}
	}
	return room, via, nil
}

// maxProfile is how many octets a profile may have (client-server API, "Profiles").
const maxProfile = 64 << 10

// Profile asks for the profile of a user of that server: one field, or all for an empty one.
// What the user has not set is not there. The values of displayname and avatar_url are text.
func (c *Client) Profile(ctx context.Context, server matrix.ServerName, user matrix.UserID, field string) (map[string]jsontext.Value, error) {
	query := url.Values{"user_id": {user.String()}}
	if field != "" {
		query.Set("field", field)
	}
	var profile map[string]jsontext.Value
	err := c.ask(ctx, call{server: server, method: http.MethodGet, path: at(v1, query, "query", "profile"), max: maxProfile, lookup: true}, into(&profile))
	if err != nil {
		return nil, err
	}
	for name, value := range profile {
		text := name == "displayname" || name == "avatar_url"
		if value.Kind() == 'n' || text && value.Kind() != '"' || field != "" && name != field {
			delete(profile, name)
		}
	}
	return profile, nil
}

// Listing is a look into the published directory of another server.
type Listing struct {
	Limit int    // 0: as many as it gives
	Since string // a token of that server
	Term  string
	Types []*string // nil: any
}

// PublicRoom is a room of a directory, as clients are told of it too.
type PublicRoom struct {
	RoomID         matrix.RoomID `json:"room_id"`
	Name           string        `json:"name,omitempty"`
	Topic          string        `json:"topic,omitempty"`
	CanonicalAlias string        `json:"canonical_alias,omitempty"`
	AvatarURL      string        `json:"avatar_url,omitempty"`
	JoinRule       string        `json:"join_rule"`
	Type           string        `json:"room_type,omitempty"`
	Joined         int64         `json:"num_joined_members"`
	WorldReadable  bool          `json:"world_readable"`
	GuestsMayJoin  bool          `json:"guest_can_join"`
}

// Listed is a page of a directory.
type Listed struct {
	Rooms []PublicRoom `json:"chunk"`
	Next  string       `json:"next_batch,omitempty"` // a token of that server
	Prev  string       `json:"prev_batch,omitempty"`
	Total int64        `json:"total_room_count_estimate"`
}

// maxListed is how many rooms a page has.
const maxListed = 1000

// PublicRooms looks into the published directory of another server.
func (c *Client) PublicRooms(ctx context.Context, server matrix.ServerName, l Listing) (found Listed, err error) {
	q := call{server: server, method: http.MethodGet, max: 4 << 20, lookup: true}
	query := url.Values{}
	if l.Limit > 0 {
		query.Set("limit", strconv.Itoa(l.Limit))
	}
	if l.Since != "" {
		query.Set("since", l.Since)
	}
	if l.Term != "" || l.Types != nil {
		q.method, q.body, query = http.MethodPost, l.search(), nil
	}
	q.path = at(v1, query, "publicRooms")
	err = c.ask(ctx, q, func(r io.Reader) error {
		if err := into(&found)(r); err != nil {
			return err
		}
		if len(found.Rooms) > maxListed {
			return fedclient.ErrTooLarge
		}
		return nil
	})
	if err != nil {
		return Listed{}, err
	}
	unnamed := func(r PublicRoom) bool { _, err := matrix.ParseRoomID(r.RoomID.String()); return err != nil }
	found.Rooms = append([]PublicRoom{}, slices.DeleteFunc(found.Rooms, unnamed)...) // none is an empty list for clients
	return found, nil
}

func (l Listing) search() any {
	filter := map[string]any{}
	if l.Term != "" {
		filter["generic_search_term"] = l.Term
	}
	if l.Types != nil {
		filter["room_types"] = l.Types
	}
	body := map[string]any{"filter": filter}
	if l.Limit > 0 {
		body["limit"] = l.Limit
	}
	if l.Since != "" {
		body["since"] = l.Since
	}
	return body
}
