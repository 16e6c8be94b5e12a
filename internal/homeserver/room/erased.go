package room

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"signet/internal/homeserver/event"
	"signet/internal/homeserver/stream"
	"signet/internal/matrix"
)

// Whose sender has had what they sent erased, an event is shown as redaction leaves it: to
// users and servers that could not read it before (client-server API, "Account
// deactivation"). That goes for state too, for what an event replaced, and for the event
// that redacted it.

// lasting are the types of state by which a room works and that redaction empties. They
// say nothing of who sent them, and stay: a room without them would be in the clear, closed
// to every server, or another one than it is.
var lasting = []string{encryptionType, aclType, guestType, tombstoneType, "m.room.third_party_invite", "m.space.child", "m.space.parent"}

func (s *Stored) lasts() bool { return s.isState() && slices.Contains(lasting, s.Type()) }

// erasedSince is from where on in the stream what a user sent is hidden from newcomers.
func (rs *Rooms) erasedSince(sender string) (since stream.Pos, erased bool) {
	return rs.Erased(matrix.UserID(sender))
}

// concerned tells whether something of an event may be hidden from somebody.
func (rs *Rooms) concerned(s *Stored) bool {
	if rs.Erased == nil {
		return false
	}
	_, erased := rs.erasedSince(s.Sender())
	if was := s.Replaced; was != nil && !erased {
		_, erased = rs.erasedSince(was.Sender)
	}
	return erased || s.Redaction != nil && rs.concerned(s.Redaction)
}

// knowing tells whether a reader could read an event, or what it replaced, by what they were
// in the room up to a position.
type knowing func(of *Stored, upTo stream.Pos) (bool, error)

// hides tells whether what somebody sent, with or before an event, is hidden.
func (rs *Rooms) hides(sender string, of *Stored, knew knowing) (bool, error) {
	since, erased := rs.erasedSince(sender)
	if !erased || of.lasts() {
		return false, nil
	}
	knows, err := knew(of, since)
	return !knows, err
}

// veil is an event with what is hidden of it redacted.
func (rs *Rooms) veil(s *Stored, knew knowing) (*Stored, error) {
	if !rs.concerned(s) {
		return s, nil
	}
	veiled := *s
	hidden, err := rs.hides(s.Sender(), s, knew)
	if err != nil {
		return nil, err
	}
	if hidden {
		veiled.Event = s.Event.Redact()
	}
	if was := s.Replaced; was != nil {
		hidden, err := rs.hides(was.Sender, s, knew)
		if err != nil {
			return nil, err
		}
		if hidden {
			bare := *was
			bare.Content = s.Version().RedactContent(s.Type(), was.Content)
			veiled.Replaced = &bare
		}
	}
	if by := s.Redaction; by != nil {
		veiled.Redaction, err = rs.veil(by, knew)
	}
	return &veiled, err
}

// show is an event that the user sees, as they may have it.
func (l *lens) show(ctx context.Context, s *Stored) (Seen, error) {
	veiled, err := l.veil(ctx, s)
	return Seen{veiled, l.membership(s)}, err
}

// veil is an event as the user may have it, who may read it: without what it took the place
// of where that is not theirs to know, and without what was erased before they could read it.
func (l *lens) veil(ctx context.Context, s *Stored) (*Stored, error) {
	s, err := l.curtailed(ctx, s)
	if err != nil {
		return nil, err
	}
	return l.rooms.veil(s, func(of *Stored, upTo stream.Pos) (bool, error) {
		if of.Pos > l.joined && l.joined <= upTo {
			return true, nil
		}
		err := l.learn(ctx)
		return err == nil && l.saw(of, upTo), err
	})
}

// saw tells whether the user could read an event by what they were in the room up to a
// position. State is read by whoever is in the room.
func (l *lens) saw(s *Stored, upTo stream.Pos) bool {
	stays := l.stays.upTo(upTo)
	stay := stays.before(s.Pos, Leave)
	if stay == Join || s.isState() && stays.has(Join, s.Pos) {
		return true
	}
	switch l.readers.before(s.Pos, shared) {
	case shared, worldReadable:
		return stays.has(Join, s.Pos)
	case invited:
		return stay == Invite
	}
	return false
}

// upTo is what was said up to a position.
func (h history) upTo(pos stream.Pos) history {
	for len(h) > 0 && h[len(h)-1].pos > pos {
		h = h[:len(h)-1]
	}
	return h
}

// Veil gives events of a room's state as a user of any server may have them, who may read
// them otherwise.
func (rs *Rooms) Veil(ctx context.Context, r *Room, user matrix.UserID, state []*Stored) ([]*Stored, error) {
	if !rs.local(string(user)) {
		if !slices.ContainsFunc(state, rs.concerned) {
			return state, nil
		}
		return veilAll(ctx, state, rs.Audience(r, user.Server()).veil)
	}
	if len(state) == 0 || r.Last() == 0 { // of one known from outside alone there is nothing to load
		return state, nil
	}
	l, err := rs.quickLens(ctx, r, user)
	if err != nil {
		return nil, err
	}
	return veilAll(ctx, state, l.veil)
}

func veilAll(ctx context.Context, state []*Stored, veil func(context.Context, *Stored) (*Stored, error)) (veiled []*Stored, err error) {
	veiled = make([]*Stored, len(state))
	for i, s := range state {
		if veiled[i], err = veil(ctx, s); err != nil {
			return nil, err
		}
	}
	return veiled, nil
}

// Audience is another server, as a reader of what was erased in a room. It is not safe for
// concurrent use.
type Audience struct {
	rooms  *Rooms
	room   *Room
	server matrix.ServerName
	was    []history // what users of the server were, once that is read
	known  bool
}

// Audience is a server that reads in a room.
func (rs *Rooms) Audience(r *Room, server matrix.ServerName) *Audience {
	return &Audience{rooms: rs, room: r, server: server}
}

// Shown is an event that the server may read, as it may have it: what it could not read
// before its sender had it erased, as redaction leaves it.
func (a *Audience) Shown(ctx context.Context, s *Stored) (*event.Event, error) {
	veiled, err := a.veil(ctx, s)
	if err != nil {
		return nil, fmt.Errorf("looking for what is erased: %w", err)
	}
	return veiled.Event, nil
}

func (a *Audience) veil(ctx context.Context, s *Stored) (*Stored, error) {
	return a.rooms.veil(s, func(of *Stored, upTo stream.Pos) (bool, error) {
		err := a.learn(ctx)
		return err == nil && slices.ContainsFunc(a.was, func(h history) bool {
			h = h.upTo(upTo)
			return h.before(of.Pos, Leave) == Join || h.has(Join, of.Pos)
		}), err
	})
}

// maxAudience is of how many users of a server it is read what they were.
const maxAudience = 200

// learn reads what users of the server were, those who came first and are there still
// before all others.
func (a *Audience) learn(ctx context.Context) error {
	if a.known {
		return nil
	}
	l, err := a.rooms.load(ctx, a.room)
	if err != nil {
		return err
	}
	for _, user := range l.view.of(a.server, maxAudience) {
		h, err := a.rooms.history(ctx, a.room, memberType, user)
		if err != nil {
			return err
		}
		a.was = append(a.was, h)
	}
	a.known = true
	return nil
}

// of are users of a server whom the state knows, those first who have been in the room for
// longest.
func (v *view) of(server matrix.ServerName, atMost int) []string {
	v.mu.RLock()
	defer v.mu.RUnlock()
	var users []string
	since := map[string]stream.Pos{}
	for key, p := range v.state {
		if key.Type != memberType || event.ServerOf(key.StateKey) != server {
			continue
		}
		users = append(users, key.StateKey)
		if since[key.StateKey] = p.pos; p.membership != Join {
			since[key.StateKey] = maxPos
		}
	}
	slices.SortFunc(users, func(a, b string) int { return cmp.Compare(since[a], since[b]) })
	return users[:min(len(users), atMost)]
}
