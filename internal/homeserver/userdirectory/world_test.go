package userdirectory_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"signet/internal/homeserver/room"
	"signet/internal/homeserver/userdirectory"
	"signet/internal/matrix"
)

const (
	alice matrix.UserID = "@alice:hs.test"
	bob   matrix.UserID = "@bob:hs.test"
	carol matrix.UserID = "@carol:hs.test"
	dave  matrix.UserID = "@dave:elsewhere.test"
)

// world is a directory over rooms and profiles that the test makes up.
type world struct {
	testing.TB
	directory *userdirectory.Directory
	members   map[matrix.RoomID]map[matrix.UserID]room.Member
	public    map[matrix.RoomID]bool
	names     map[matrix.UserID]string
	gone      map[matrix.UserID]bool
	broken    error
	reads     int    // of members
	reading   func() // is called before they are read, if set
}

func newWorld(t testing.TB) *world {
	w := &world{
		TB: t, members: map[matrix.RoomID]map[matrix.UserID]room.Member{}, public: map[matrix.RoomID]bool{},
		names: map[matrix.UserID]string{}, gone: map[matrix.UserID]bool{},
	}
	w.reopen()
	return w
}

// reopen is the next process.
func (w *world) reopen() {
	w.directory = userdirectory.New(userdirectory.Options{ServerName: "hs.test", Rooms: w, Profiles: w, Accounts: w})
}

func (w *world) EachMember(ctx context.Context, users []matrix.UserID, do func(room.Member)) error {
	if w.reading != nil {
		w.reading()
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	for _, members := range w.members {
		for _, m := range members {
			if users == nil || slices.Contains(users, m.User) {
				w.reads++
				do(m)
			}
		}
	}
	return w.broken
}

func (w *world) EachJoinRule(_ context.Context, rooms []matrix.RoomID, do func(matrix.RoomID, bool)) error {
	for id, public := range w.public {
		if rooms == nil || slices.Contains(rooms, id) {
			do(id, public)
		}
	}
	return nil
}

func (w *world) EachProfile(_ context.Context, users []matrix.UserID, do func(user matrix.UserID, name, avatar string)) error {
	for user, name := range w.names {
		if users == nil || slices.Contains(users, user) {
			do(user, name, "mxc://hs.test/"+user.Localpart())
		}
	}
	return nil
}

func (w *world) ActiveAmong(_ context.Context, users []matrix.UserID) (map[matrix.UserID]bool, error) {
	active := map[matrix.UserID]bool{}
	for _, user := range users {
		active[user] = !w.gone[user]
	}
	return active, nil
}

// in puts people into a room, who are called there as others in it see them.
func (w *world) in(id matrix.RoomID, people ...room.Member) {
	for _, m := range people {
		if m.Room = id; w.members[id] == nil {
			w.members[id] = map[matrix.UserID]room.Member{}
		}
		w.members[id][m.User] = m
		w.directory.Moved(m.User)
	}
}

func (w *world) out(id matrix.RoomID, user matrix.UserID) {
	delete(w.members[id], user)
	w.directory.Moved(user)
}

func (w *world) open(id matrix.RoomID, public bool) {
	w.public[id] = public
	w.directory.Opened(id)
}

func (w *world) call(user matrix.UserID, name string) {
	if w.names[user] = name; name == "" {
		delete(w.names, user)
	}
	w.directory.Called(user)
}

func who(user matrix.UserID) room.Member { return room.Member{User: user} }

func called(user matrix.UserID, name string) room.Member {
	return room.Member{User: user, DisplayName: name}
}

func (w *world) search(by matrix.UserID, text string) ([]userdirectory.Found, bool) {
	w.Helper()
	found, limited, err := w.directory.Find(w.Context(), userdirectory.Search{By: by, Term: text, Limit: 10})
	if err != nil {
		w.Fatal(err)
	}
	return found, limited
}

// finds checks who is found, as "@user:server Name", in order.
func (w *world) finds(by matrix.UserID, text string, want ...string) {
	w.Helper()
	found, _ := w.search(by, text)
	got := []string{}
	for _, f := range found {
		got = append(got, strings.TrimSpace(string(f.User)+" "+f.DisplayName))
	}
	if !slices.Equal(got, want) {
		w.Errorf("%s searches %q and finds %q, want %q", by, text, got, want)
	}
}

var errBroken = errors.New("the database is away")
