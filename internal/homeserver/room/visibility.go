package room

import (
	"context"
	"errors"
	"fmt"

	"signet/internal/homeserver/event"
	"signet/internal/homeserver/stream"
	"signet/internal/matrix"
)

// The values of m.room.history_visibility; another counts as shared (client-server API,
// "Room History Visibility").
const (
	worldReadable = "world_readable"
	shared        = "shared"
	invited       = "invited"
	joinedOnly    = "joined"
)

// value is what a place in the state said from a position on.
type value struct {
	pos  stream.Pos
	says string
}

// history is what a place in the state said over time, the oldest first.
type history []value

// before is what was said just before a position, or otherwise.
func (h history) before(pos stream.Pos, otherwise string) string {
	for i := len(h) - 1; i >= 0; i-- {
		if h[i].pos < pos {
			return h[i].says
		}
	}
	return otherwise
}

// has tells whether it was ever said after a position.
func (h history) has(says string, after stream.Pos) bool {
	for i := len(h) - 1; i >= 0 && h[i].pos > after; i-- {
		if h[i].says == says {
			return true
		}
	}
	return false
}

// visibility is who may read what is sent now.
func (v *view) visibility() string {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.readers.before(maxPos, shared)
}

func visibilityOf(content interface{ Text() (string, bool) }) string {
	switch said, _ := content.Text(); said {
	case worldReadable, invited, joinedOnly:
		return said
	}
	return shared
}

// lens is what a user may read of a room.
type lens struct {
	rooms   *Rooms
	room    *Room
	user    matrix.UserID
	stays   history // what the user was, once that is read
	known   bool    // whether it is
	readers history // who might read

	joined    stream.Pos // since when the user is in the room, at the latest; maxPos if they are not
	forgotten bool       // the room, by the user, who knows nothing of it any more
}

// lens reads what decides about a user's view of a room, for as many events as one likes.
func (rs *Rooms) lens(ctx context.Context, r *Room, user matrix.UserID) (*lens, error) {
	l, err := rs.quickLens(ctx, r, user)
	if err != nil {
		return nil, err
	}
	return l, l.learn(ctx)
}

// lensOn is lens for a room by its id. The error is ErrUnknownRoom.
func (rs *Rooms) lensOn(ctx context.Context, user matrix.UserID, roomID string) (*lens, error) {
	r, err := rs.Room(roomID)
	if err != nil {
		return nil, err
	}
	return rs.lens(ctx, r, user)
}

// visit is lensOn for what only those may read who are or were in the room, and up to where
// they may. The error is ErrNotInRoom, also where there is no such room: nobody learns
// which there are.
func (rs *Rooms) visit(ctx context.Context, user matrix.UserID, roomID string) (*lens, stream.Pos, error) {
	l, err := rs.lensOn(ctx, user, roomID)
	if errors.Is(err, ErrUnknownRoom) {
		return nil, 0, ErrNotInRoom
	}
	if err != nil {
		return nil, 0, err
	}
	at, err := l.horizon()
	return l, at, err
}

// quickLens is lens for who will most likely look at what was sent since the user joined:
// what they were before is read when it is needed.
func (rs *Rooms) quickLens(ctx context.Context, r *Room, user matrix.UserID) (*lens, error) {
	loaded, err := rs.load(ctx, r)
	if err != nil {
		return nil, err
	}
	stay := rs.stay(user, r)
	l := &lens{rooms: rs, room: r, user: user, joined: maxPos, forgotten: stay.Forgotten}
	if stay.Membership == Join {
		l.joined = stay.Pos
	}
	loaded.view.mu.RLock()
	defer loaded.view.mu.RUnlock()
	l.readers = loaded.view.readers
	return l, nil
}

// learn reads what the user was.
func (l *lens) learn(ctx context.Context) (err error) {
	if !l.known {
		l.stays, err = l.rooms.history(ctx, l.room, memberType, string(l.user))
		l.known = err == nil
	}
	return err
}

// history reads what a place in the state has said.
func (rs *Rooms) history(ctx context.Context, r *Room, typ, key string) (history, error) {
	h, err := selectHistory(ctx, rs.DB, r, event.Key{Type: typ, StateKey: key}, rs.Stream.Visible())
	if err != nil {
		return nil, fmt.Errorf("reading what became of a state: %w", err)
	}
	return h, nil
}

// says is what counts of a state event for who may read.
func (s *Stored) says() string { return says(s.Event) }

// says is what counts of who holds a place, which has been read.
func (p *place) says() string {
	if p == nil {
		return saysNothing(visibilityType)
	}
	return p.stored.Load().says()
}

func says(e *event.Event) string {
	if e.Type() == visibilityType {
		return visibilityOf(e.Field("history_visibility"))
	}
	return membershipOf(e)
}

// saysNothing is what counts of a place that nobody holds.
func saysNothing(typ string) string {
	if typ == visibilityType {
		return shared
	}
	return Leave
}

// membership is what the user was when an event was sent, what it changes included, empty
// if that is not known (client-server API, unsigned.membership of an event).
func (l *lens) membership(s *Stored) string {
	if s.isMember() && s.key().StateKey == string(l.user) {
		return s.says()
	}
	return l.before(s)
}

// before is what the user was just before an event, empty if that is not known.
func (l *lens) before(s *Stored) string {
	switch {
	case s.Pos > l.joined && !s.aside:
		return Join
	case !l.known:
		return ""
	}
	return l.stays.before(s.Pos, Leave)
}

// sees tells whether the user may read an event. On events that say who may read, and on
// the user's own memberships, what they change counts too.
func (l *lens) sees(ctx context.Context, s *Stored) (bool, error) {
	if s.Pos > l.joined && !s.aside {
		return true, nil
	}
	stay, readers, err := l.when(ctx, s)
	if err != nil {
		return false, err
	}
	switch {
	case l.allows(s.Pos, stay, readers):
		return true, nil
	case l.isOwn(s):
		return l.allows(s.Pos, s.says(), readers), nil
	case s.key() == visibilityKey && s.isState():
		return l.allows(s.Pos, stay, s.says()), nil
	}
	return false, nil
}

// isOwn tells whether an event is the user's membership.
func (l *lens) isOwn(s *Stored) bool { return s.isMember() && s.key().StateKey == string(l.user) }

// when is what the user was just before an event, and who might read.
func (l *lens) when(ctx context.Context, s *Stored) (stay, readers string, err error) {
	if err := l.learn(ctx); err != nil {
		return "", "", err
	}
	if s.aside {
		return l.stateBefore(ctx, s)
	}
	return l.before(s), l.readers.before(s.Pos, shared), nil
}

// allows tells whether the user may read what has a position, given what they were then and
// who might read.
func (l *lens) allows(pos stream.Pos, stay, readers string) bool {
	switch {
	case readers == worldReadable, stay == Join && !l.forgotten:
		return true
	case l.forgotten:
		return false
	case readers == shared: // with who was in the room when it came here, or later
		return l.stays.before(pos, Leave) == Join || l.stays.has(Join, pos)
	case readers == invited:
		return stay == Invite
	}
	return false
}

// curtailed is a state event without what it took the place of, where the user may not know
// that (client-server API, prev_content). One's own memberships one knows.
func (l *lens) curtailed(ctx context.Context, s *Stored) (*Stored, error) {
	open := l.joined < maxPos && !l.readers.has(joinedOnly, -maxPos) && !l.readers.has(invited, -maxPos)
	if s.Replaced == nil || l.isOwn(s) || !s.aside && (open || s.Pos > l.joined) {
		return s, nil
	}
	stay, readers, err := l.when(ctx, s)
	if err != nil || l.allows(s.Pos, stay, readers) {
		return s, err
	}
	cut := *s
	cut.Replaced = nil
	return &cut, nil
}

// stateBefore is what decides about an event that is not in the room's history as this
// server lived it: the state that it was sent in, or that after it where none was before.
func (l *lens) stateBefore(ctx context.Context, s *Stored) (stay, readers string, err error) {
	stay, readers = Leave, shared
	group := s.group.id
	if group == 0 {
		return stay, joinedOnly, nil
	}
	if s.isState() {
		before, _, err := selectGroup(ctx, l.rooms.DB, group)
		if err != nil {
			return "", "", fmt.Errorf("reading a state: %w", err)
		}
		if before != 0 {
			group = before
		}
	}
	for key, into := range map[string]*string{string(l.user): &stay, "": &readers} {
		typ := memberType
		if key == "" {
			typ = visibilityType
		}
		pos, err := selectGroupPlace(ctx, l.rooms.DB, group, typ, key)
		if err != nil {
			return "", "", fmt.Errorf("reading a state: %w", err)
		}
		if pos == 0 {
			continue
		}
		in, err := l.rooms.storedAt(ctx, l.room, pos)
		if err != nil {
			return "", "", err
		}
		*into = in.says()
	}
	return stay, readers, nil
}

// opens is the first position, from one on, after which the user may know the room's state:
// where they are or might have been, or everybody may read. It is maxPos if there is none.
func (l *lens) opens(at stream.Pos) stream.Pos {
	if l.allows(at+1, l.stays.before(at+1, Leave), l.readers.before(at+1, shared)) {
		return at
	}
	first := maxPos
	for _, v := range l.stays {
		if v.pos > at && v.says == Join {
			first = min(first, v.pos)
		}
	}
	for _, v := range l.readers {
		if v.pos > at && v.says == worldReadable {
			first = min(first, v.pos)
		}
	}
	return first
}

// horizon is up to where the user knows the room's state: to the end for those who are in
// it, and where everybody may read; to where they left for those who were. The error is
// ErrNotInRoom.
func (l *lens) horizon() (stream.Pos, error) {
	if l.stays.before(maxPos, Leave) == Join || l.readers.before(maxPos, shared) == worldReadable {
		return maxPos, nil
	}
	for i := len(l.stays) - 2; i >= 0 && !l.forgotten; i-- {
		if l.stays[i].says == Join {
			return l.stays[i+1].pos, nil
		}
	}
	return 0, ErrNotInRoom
}
