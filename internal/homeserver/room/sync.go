package room

import (
	"context"
	"fmt"
	"slices"

	"signet/internal/homeserver/event"
	"signet/internal/homeserver/stream"
	"signet/internal/matrix"
)

// What /sync is made of. Its caller takes to = Committer.Visible once and asks for
// everything up to there:
//
//	Changed        the rooms in which something may be new since
//	Timeline       what was said there, at most so much of it
//	StateDelta     what became of the state from since to where the timeline begins
//	StateAt        the whole state there, for who has just joined, or begins
//	Members        how many are in the room, and who gives it a name
//	Stripped       what the invited and those who knock see
//
// Nothing that is stored later than to is in any of it, the numbers of members excepted.

// Changed are a local user's memberships, as they were at to, in rooms where something
// happened for them after since: in rooms that they are in, anything; in others, the
// membership itself. With since 0 it is all rooms that they have not forgotten.
func (rs *Rooms) Changed(ctx context.Context, user matrix.UserID, since, to stream.Pos) ([]Stay, error) {
	stays, err := rs.StaysAt(ctx, user, to)
	return slices.DeleteFunc(stays, func(s Stay) bool {
		news := s.Pos > since || s.Membership == Join && s.Room.Last() > since
		return s.Forgotten || !news
	}), err
}

// StaysAt are a local user's memberships, as they were at a position, in no order.
func (rs *Rooms) StaysAt(ctx context.Context, user matrix.UserID, at stream.Pos) ([]Stay, error) {
	stays := rs.Stays(user)
	for i, s := range stays {
		if s.Pos <= at {
			continue
		}
		then, err := rs.stayThen(ctx, user, s.Room, at)
		if err != nil {
			return nil, err
		}
		stays[i] = then
	}
	return slices.DeleteFunc(stays, func(s Stay) bool { return s.Membership == "" }), nil
}

// stayThen is a user's membership after a position.
func (rs *Rooms) stayThen(ctx context.Context, user matrix.UserID, r *Room, at stream.Pos) (Stay, error) {
	h, err := rs.history(ctx, r, memberType, string(user))
	if err != nil {
		return Stay{}, err
	}
	then := Stay{Room: r}
	for _, v := range h {
		if v.pos <= at {
			then.Membership, then.Pos = v.says, v.pos
		}
	}
	return then, nil
}

// MembershipAt is what a user was in a room after a position, empty if nothing.
func (rs *Rooms) MembershipAt(ctx context.Context, user matrix.UserID, r *Room, at stream.Pos) (string, error) {
	if s := rs.stay(user, r); s.Pos <= at && rs.local(string(user)) {
		return s.Membership, nil
	}
	then, err := rs.stayThen(ctx, user, r, at)
	return then.Membership, err
}

// Stretch is what /sync asks of a room's timeline: the newest events that the user may
// read and wants, after Since and up to To.
type Stretch struct {
	User   matrix.UserID
	Since  stream.Pos // 0 is the beginning
	To     stream.Pos
	Limit  int // 0 is none
	Octets int // about how many the events may have together, but for one; 0 is any number
	Filter Filter
}

// Timeline is what a room has of a Stretch.
type Timeline struct {
	Events []Seen // the oldest first
	// Limited says that there is more since Since than is told: here, or with other servers.
	Limited bool
	// Begin is where the events begin: Token of it leads /messages to what is before them,
	// and StateDelta up to it is what they build on.
	Begin stream.Pos
}

// Timeline reads a stretch of a room's timeline.
func (rs *Rooms) Timeline(ctx context.Context, r *Room, s Stretch) (t Timeline, err error) {
	l, err := rs.quickLens(ctx, r, s.User)
	if err != nil {
		return t, err
	}
	loaded, err := rs.load(ctx, r)
	if err != nil {
		return t, err
	}
	tear := loaded.view.tear(s.Since, s.To)
	if tear > 0 {
		s.Since = tear - 1
	}
	w := walk{at: s.To, to: s.Since, back: true, limit: min(s.Limit, maxLimit), octets: s.Octets}
	if t.Events, err = l.walk(ctx, &w, &s.Filter); err != nil {
		return t, err
	}
	slices.Reverse(t.Events)
	t.Begin, t.Limited = w.at, !w.ended
	if w.ended {
		t.Begin = s.Since
	}
	if tear > 0 {
		t.Limited = true
		return t, nil
	}
	if t.Limited {
		more, err := rs.page(ctx, r, window{after: s.Since, before: w.at + 1, limit: 1, back: true})
		if err != nil {
			return t, err
		}
		t.Limited = len(more) > 0
	}
	return t, nil
}

// StateDelta is what became of a room's state after since and up to to: who holds a place
// at to that another held at since, or nobody. It is in the order of the stream.
func (rs *Rooms) StateDelta(ctx context.Context, r *Room, since, to stream.Pos) ([]*Stored, error) {
	l, err := rs.load(ctx, r)
	if err != nil {
		return nil, err
	}
	if delta, known := l.view.delta(since, to); known {
		return delta, nil
	}
	delta, err := rs.stored(ctx, r, whereDelta, r.nid, int64(to), int64(since))
	if err != nil {
		return nil, fmt.Errorf("reading what became of a state: %w", err)
	}
	return delta, nil
}

// delta is StateDelta if the view knows it.
func (v *view) delta(since, to stream.Pos) (delta []*Stored, known bool) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	if v.change <= since || since >= to {
		return nil, true
	}
	if since < max(v.from, v.bent) {
		return nil, false
	}
	taken := map[event.Key]bool{}
	for _, s := range slices.Backward(v.ring) {
		if s.changes && s.Pos > since && s.Pos <= to && !taken[s.key()] {
			taken[s.key()] = true
			delta = append(delta, s)
		}
	}
	slices.Reverse(delta)
	return delta, true
}

// MemberCounts is how many are in a room, and who gives it a name where it has none
// (client-server API, "Calculating the display name for a room").
type MemberCounts struct {
	Joined, Invited int
	Heroes          []string // user ids, at most 5, without the one who asks
}

const maxHeroes = 5

// MemberCounts is who is in a room, as it is now. Heroes are those who came first; where
// nobody else is in the room, those who were.
func (rs *Rooms) MemberCounts(ctx context.Context, r *Room, user matrix.UserID) (MemberCounts, error) {
	l, err := rs.load(ctx, r)
	if err != nil {
		return MemberCounts{}, err
	}
	v := &l.view
	v.mu.RLock()
	defer v.mu.RUnlock()
	c := MemberCounts{Joined: v.joined, Invited: v.invited}
	if c.Heroes = v.first(user, Join, Invite); c.Heroes == nil {
		c.Heroes = v.first(user, Leave, Ban)
	}
	return c, nil
}

// first are the members who came first, among those with one of two memberships.
func (v *view) first(but matrix.UserID, one, other string) []string {
	type member struct {
		id  string
		pos stream.Pos
	}
	var found []member
	for key, p := range v.state {
		if key.Type != memberType || key.StateKey == string(but) || p.membership != one && p.membership != other {
			continue
		}
		at, _ := slices.BinarySearchFunc(found, p.pos, func(m member, pos stream.Pos) int { return int(m.pos - pos) })
		if at < maxHeroes {
			found = slices.Insert(found, at, member{key.StateKey, p.pos})
			found = found[:min(len(found), maxHeroes)]
		}
	}
	var ids []string
	for _, m := range found {
		ids = append(ids, m.id)
	}
	return ids
}

// stripped are the types of state that people see who are invited or knock
// (client-server API, "Stripped state").
var stripped = []string{createType, nameType, avatarType, topicType, joinRulesType, aliasType, encryptionType}

// Stripped is the state that an invited user, or one who knocks, sees of a room: with it,
// their own membership and that of who gave it to them. It is written by AppendStripped.
func (rs *Rooms) Stripped(ctx context.Context, r *Room, user matrix.UserID) ([]*Stored, error) {
	if !rs.Resident(r.id) {
		if shown, err := rs.shownOutside(ctx, r, user); shown != nil || err != nil {
			return shown, err
		}
	}
	l, err := rs.load(ctx, r)
	if err != nil {
		return nil, err
	}
	keys := make([]event.Key, 0, len(stripped)+2)
	for _, typ := range stripped {
		keys = append(keys, event.Key{Type: typ})
	}
	own, err := rs.places(ctx, r, l, event.Key{Type: memberType, StateKey: string(user)})
	if err != nil || len(own) == 0 {
		return nil, err
	}
	if sender := own[0].Sender(); sender != string(user) {
		keys = append(keys, event.Key{Type: memberType, StateKey: sender})
	}
	state, err := rs.places(ctx, r, l, keys...)
	if err != nil {
		return nil, err
	}
	return rs.Veil(ctx, r, user, append(state, own...))
}

// places are those who hold places in the state now.
func (rs *Rooms) places(ctx context.Context, r *Room, l *loaded, keys ...event.Key) ([]*Stored, error) {
	var found []*place
	l.view.mu.RLock()
	for _, key := range keys {
		if p := l.view.state[key]; p != nil {
			found = append(found, p)
		}
	}
	l.view.mu.RUnlock()
	return rs.readAll(ctx, r, found)
}

// MemberAt is the m.room.member of a user after a position, for lazy loading. The error is
// ErrUnknownEvent.
func (rs *Rooms) MemberAt(ctx context.Context, r *Room, user string, at stream.Pos) (*Stored, error) {
	return rs.PlaceAt(ctx, r, memberType, user, at)
}

// JoinedUsers are those who are in a room now, in no order.
func (rs *Rooms) JoinedUsers(ctx context.Context, r *Room) ([]string, error) {
	l, err := rs.load(ctx, r)
	if err != nil {
		return nil, err
	}
	l.view.mu.RLock()
	defer l.view.mu.RUnlock()
	users := make([]string, 0, l.view.joined)
	for key, p := range l.view.state {
		if key.Type == memberType && p.membership == Join {
			users = append(users, key.StateKey)
		}
	}
	return users, nil
}
