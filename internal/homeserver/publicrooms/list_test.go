package publicrooms

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"signet/internal/homeserver/room"
)

// shelf is rooms with what is told of them, in no order.
type shelf map[*room.Room]*room.Summary

func (s shelf) Published() (rooms []*room.Room) {
	for r := range s {
		rooms = append(rooms, r)
	}
	return rooms
}

func (s shelf) Summary(_ context.Context, r *room.Room) (*room.Summary, error) {
	if s[r] == nil {
		return nil, errNotRead
	}
	return s[r], nil
}

var errNotRead = errors.New("the room cannot be read")

// rooms are four of which the later have more people, and a space with as many as the second.
func rooms() shelf {
	s := shelf{}
	for i := range 4 {
		s[new(room.Room)] = &room.Summary{RoomID: fmt.Sprintf("!%d", i), Name: fmt.Sprintf("Room %d", i), Topic: "Boxes", Joined: i + 1}
	}
	s[new(room.Room)] = &room.Summary{RoomID: "!space", Name: "A space", CanonicalAlias: "#Above:hs.test", Type: "m.space", Joined: 2}
	return s
}

func names(p Page) string {
	var all []string
	for _, s := range p.Rooms {
		all = append(all, s.Name)
	}
	return strings.Join(all, ",")
}

func TestTheDirectory(t *testing.T) {
	space := "m.space"
	for _, tt := range []struct {
		name string
		look Listing
		want string
	}{
		{"all", Listing{}, "Room 3,Room 2,Room 1,A space,Room 0"},
		{"one", Listing{Limit: 1}, "Room 3"},
		{"the next", Listing{Limit: 1, Since: "p1"}, "Room 2"},
		{"more than there are", Listing{Limit: 1 << 30, Since: "p4"}, "Room 0"},
		{"beyond", Listing{Since: "p9"}, ""},
		{"a name", Listing{Term: "rOOm 2"}, "Room 2"},
		{"a topic", Listing{Term: "boxes"}, "Room 3,Room 2,Room 1,Room 0"},
		{"an alias", Listing{Term: "#above"}, "A space"},
		{"nothing", Listing{Term: "xyz"}, ""},
		{"spaces", Listing{Types: []*string{&space}}, "A space"},
		{"no spaces", Listing{Types: []*string{nil}}, "Room 3,Room 2,Room 1,Room 0"},
		{"spaces too", Listing{Types: []*string{nil, &space}}, "Room 3,Room 2,Room 1,A space,Room 0"},
		{"nothing of a type", Listing{Types: []*string{}}, ""},
	} {
		p, err := List(t.Context(), rooms(), tt.look)
		if err != nil || names(p) != tt.want || p.Rooms == nil {
			t.Errorf("%s: %q, %v, want %q", tt.name, names(p), err, tt.want)
		}
	}
}

// The directory is read from one end to the other, and back.
func TestPages(t *testing.T) {
	var read []string
	p, err := List(t.Context(), rooms(), Listing{Limit: 2})
	for ; err == nil && p.Next != ""; p, err = List(t.Context(), rooms(), Listing{Limit: 2, Since: p.Next}) {
		read = append(read, names(p))
	}
	if got := strings.Join(append(read, names(p)), ";"); got != "Room 3,Room 2;Room 1,A space;Room 0" || err != nil || p.Total != 5 {
		t.Errorf("forth: %s of %d, %v", got, p.Total, err)
	}
	read = nil
	for ; err == nil && p.Prev != ""; p, err = List(t.Context(), rooms(), Listing{Limit: 2, Since: p.Prev}) {
		read = append(read, names(p))
	}
	if got := strings.Join(append(read, names(p)), ";"); got != "Room 0;Room 1,A space;Room 3,Room 2" || err != nil {
		t.Errorf("back: %s, %v", got, err)
	}
}

func TestWhatIsNoPlaceInTheDirectory(t *testing.T) {
	for _, token := range []string{"x", "p", "p-1", "p+1", "1", "p99999999999", "p1 "} {
		if _, err := List(t.Context(), rooms(), Listing{Since: token}); !errors.Is(err, ErrToken) {
			t.Errorf("since %q: %v, want ErrToken", token, err)
		}
	}
}

// A directory is not told in part.
func TestARoomThatCannotBeRead(t *testing.T) {
	s := rooms()
	s[new(room.Room)] = nil
	if p, err := List(t.Context(), s, Listing{}); !errors.Is(err, errNotRead) || p.Rooms != nil {
		t.Errorf("the directory is %v, %v", p, err)
	}
}

func FuzzToken(f *testing.F) {
	for _, text := range []string{"", "p0", "p7", "p007", "p-1", "x", "p99999999999999999999"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		at, err := parseToken(text)
		if err != nil {
			return
		}
		if again, err := parseToken(token(at)); err != nil || again != at || at < 0 {
			t.Errorf("%q is %d, which is written %q and read as %d, %v", text, at, token(at), again, err)
		}
	})
}
