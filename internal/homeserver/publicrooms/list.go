package publicrooms

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"signet/internal/homeserver/room"
)

// Rooms are those of this server. *room.Rooms are.
type Rooms interface {
	// Published are the rooms in the directory, in no order.
	Published() []*room.Room
	// Summary is what is told of a room.
	Summary(ctx context.Context, r *room.Room) (*room.Summary, error)
}

// Listing is a look into the directory.
type Listing struct {
	Limit int       // of rooms; 0 is all that one page may have
	Since string    // a token; empty is the beginning
	Term  string    // to look for in names, topics and aliases, in any case; empty is any
	Types []*string // of rooms, nil among them for those without; nil is any
}

// Page is a page of the directory, as both APIs write it.
type Page struct {
	Rooms []*room.Summary `json:"chunk"`
	Next  string          `json:"next_batch,omitempty"` // a token; empty where there is nothing more
	Prev  string          `json:"prev_batch,omitempty"`
	Total int             `json:"total_room_count_estimate"`
}

// maxListed is how many rooms a page has.
const maxListed = 500

// ErrToken says that a text is no place in the directory.
var ErrToken = errors.New("not a token of this server's directory")

// List looks into the directory: the rooms with most members come first. The error is ErrToken.
func List(ctx context.Context, rooms Rooms, l Listing) (p Page, err error) {
	from, err := parseToken(l.Since)
	if err != nil {
		return p, err
	}
	found, err := find(ctx, rooms, l)
	if err != nil {
		return p, err
	}
	limit := maxListed
	if l.Limit > 0 {
		limit = min(l.Limit, maxListed)
	}
	from = min(from, len(found))
	to := min(from+limit, len(found))
	p = Page{Rooms: found[from:to], Total: len(found)}
	if to < len(found) {
		p.Next = token(to)
	}
	if from > 0 {
		p.Prev = token(max(0, from-limit))
	}
	return p, nil
}

// token names a place in the directory; parseToken reads it.
func token(at int) string { return "p" + strconv.Itoa(at) }

func parseToken(s string) (at int, err error) {
	if s == "" {
		return 0, nil
	}
	digits, found := strings.CutPrefix(s, "p")
	n, err := strconv.ParseUint(digits, 10, 31)
	if !found || err != nil {
		return 0, ErrToken
	}
	return int(n), nil
}

// find are the rooms that are looked for, in the order of the directory.
func find(ctx context.Context, rooms Rooms, l Listing) ([]*room.Summary, error) {
	found := []*room.Summary{} // none is an empty list for clients
	for _, r := range rooms.Published() {
		s, err := rooms.Summary(ctx, r)
		if err != nil {
			return nil, err
		}
		if l.wants(s) {
			found = append(found, s)
		}
	}
	slices.SortFunc(found, func(a, b *room.Summary) int { return cmp.Or(b.Joined-a.Joined, cmp.Compare(a.RoomID, b.RoomID)) })
	return found, nil
}

func (l Listing) wants(s *room.Summary) bool {
	if l.Types != nil && !slices.ContainsFunc(l.Types, func(t *string) bool { return t == nil && s.Type == "" || t != nil && *t == s.Type }) {
		return false
	}
	term := strings.ToLower(l.Term)
	return slices.ContainsFunc([]string{s.Name, s.Topic, s.CanonicalAlias}, func(text string) bool { return strings.Contains(strings.ToLower(text), term) })
}
