package room

import (
	"context"
	"errors"
	"slices"

	"signet/internal/homeserver/event"
	"signet/internal/homeserver/stream"
	"signet/internal/matrix"
)

// Query is a stretch of a room's timeline that somebody asks for.
type Query struct {
	Room   string
	From   string // a token; empty is the newest event that the user may read, or the first
	To     string // a token to stop at; empty is none
	Back   bool   // towards the past
	Limit  int    // of events; 0 is 10
	Filter Filter
}

// Page is a stretch of a timeline.
type Page struct {
	Events []Seen
	State  []*Stored // the memberships of the senders, where they are loaded lazily
	Start  string
	End    string // where it goes on; empty where it does not
}

const (
	defaultLimit = 10
	maxLimit     = 500
	// maxScanned is how many events are looked at for a page: there may be few that the
	// user may read, or wants.
	maxScanned = 2000
	// maxPage is about how many octets the events of a page have: those of 500 of the largest
	// would be 32 MiB.
	maxPage = 1 << 20
)

// Messages are the events of a room that a user may read and wants. Errors: ErrNotInRoom,
// ErrToken.
func (rs *Rooms) Messages(ctx context.Context, user matrix.UserID, q Query) (Page, error) {
	l, horizon, err := rs.visit(ctx, user, q.Room)
	if err != nil {
		return Page{}, err
	}
	walk, err := q.walk(min(horizon, rs.Stream.Visible()))
	if err != nil {
		return Page{}, err
	}
	page, begin := Page{Start: Token(walk.at)}, walk
	if page.Events, err = l.walk(ctx, &walk, &q.Filter); err != nil {
		return Page{}, err
	}
	if err := rs.fromWithin(ctx, l, begin, &walk, &q, &page); err != nil {
		return Page{}, err
	}
	if err := rs.fromBefore(ctx, l, &walk, &q, &page); err != nil {
		return Page{}, err
	}
	if !walk.ended {
		page.End = Token(walk.at)
	}
	if q.Filter.LazyLoadMembers {
		page.State, err = l.sendersOf(ctx, page.Events, horizon)
	}
	return page, err
}

// walk is a way through a timeline. at is the place where it is: what has been seen lies
// behind it.
type walk struct {
	at, to, end stream.Pos // to is where it stops, end where there is nothing more
	back        bool
	limit       int
	octets      int // about how many the events may have together, but for one; 0 is any number
	ended       bool
}

func (q Query) walk(end stream.Pos) (w walk, err error) {
	w = walk{back: q.Back, limit: q.Limit, octets: maxPage, at: -maxPos, to: end, end: end}
	if w.limit <= 0 {
		w.limit = defaultLimit
	}
	w.limit = min(w.limit, maxLimit)
	if q.Back {
		w.at, w.to = end, -maxPos
	}
	if q.From != "" {
		if w.at, err = ParseToken(q.From); err != nil {
			return w, err
		}
		w.at = min(w.at, end)
	}
	if q.To != "" {
		to, err := ParseToken(q.To)
		if err != nil {
			return w, err
		}
		w.to = min(to, end)
	}
	return w, nil
}

// walk collects what the user may read and wants, on the way.
func (l *lens) walk(ctx context.Context, w *walk, f *Filter) (found []Seen, err error) {
	octets := 0
	for scanned := 0; len(found) < w.limit && scanned < maxScanned && !w.ended; {
		size := max(w.limit, 50)
		events, ended, err := l.rooms.some(ctx, l.room, w.window(size))
		if err != nil {
			return nil, err
		}
		w.ended = ended
		scanned += len(events)
		for i, s := range events {
			sees, err := l.sees(ctx, s)
			if err != nil {
				return nil, err
			}
			w.pass(s)
			if !sees || !f.Wants(s) {
				continue
			}
			shown, err := l.show(ctx, s)
			if err != nil {
				return nil, err
			}
			octets += len(s.JSON())
			if found = append(found, shown); len(found) == w.limit || w.octets > 0 && octets >= w.octets {
				w.ended = w.ended && i == len(events)-1
				return found, nil
			}
		}
	}
	return found, nil
}

func (w *walk) window(size int) window {
	if w.back {
		return window{after: w.to, before: w.at + 1, limit: size, back: true}
	}
	return window{after: w.at, before: w.to + 1, limit: size}
}

// pass moves beyond an event.
func (w *walk) pass(s *Stored) {
	w.at = s.Pos
	if w.back {
		w.at--
	}
}

// sendersOf are the memberships of those who sent events, as of a position.
func (l *lens) sendersOf(ctx context.Context, events []Seen, at stream.Pos) ([]*Stored, error) {
	var senders []string
	var state []*Stored
	for _, s := range events {
		if slices.Contains(senders, s.Sender()) {
			continue
		}
		senders = append(senders, s.Sender())
		member, err := l.rooms.stateEventAt(ctx, l.room, event.Key{Type: memberType, StateKey: s.Sender()}, at)
		if errors.Is(err, ErrUnknownEvent) {
			continue
		}
		if err != nil {
			return nil, err
		}
		state = append(state, member)
	}
	return veilAll(ctx, state, l.veil)
}

// Surroundings is what stands around an event.
type Surroundings struct {
	Event         Seen
	Before, After []Seen    // Before the newest first
	State         []*Stored // at the last event
	Start, End    string    // tokens before the first and after the last
}

// Context is an event with what stands around it: limit events, half of them before it.
// Errors: ErrUnknownRoom, ErrUnknownEvent.
func (rs *Rooms) Context(ctx context.Context, user matrix.UserID, roomID, eventID string, limit int, f Filter) (c Surroundings, err error) {
	l, err := rs.lensOn(ctx, user, roomID)
	if err != nil {
		return c, err
	}
	if c.Event, err = l.event(ctx, eventID); err != nil {
		return c, err
	}
	limit = min(max(limit, 0), maxLimit)
	back := walk{at: c.Event.Pos - 1, to: -maxPos, back: true, limit: limit / 2, octets: maxPage / 2}
	forth := walk{at: c.Event.Pos, to: rs.Stream.Visible(), limit: limit - limit/2, octets: maxPage / 2}
	if horizon, err := l.horizon(); err == nil { // who has left learns nothing of later by where it ends
		forth.to = max(forth.at, min(forth.to, horizon))
	}
	if c.Before, err = l.walk(ctx, &back, &f); err != nil {
		return c, err
	}
	if c.After, err = l.walk(ctx, &forth, &f); err != nil {
		return c, err
	}
	c.Start, c.End = Token(back.at), Token(forth.at)
	c.State, err = rs.stateAround(ctx, l, c, f)
	return c, err
}

// stateAround is the state at the last event of a context.
func (rs *Rooms) stateAround(ctx context.Context, l *lens, c Surroundings, f Filter) ([]*Stored, error) {
	last := c.Event.Stored
	if len(c.After) > 0 {
		last = c.After[len(c.After)-1].Stored
	}
	state, err := rs.stateAfter(ctx, l.room, last)
	if err != nil {
		return nil, err
	}
	senders := map[string]bool{c.Event.Sender(): true}
	for _, s := range slices.Concat(c.Before, c.After) {
		senders[s.Sender()] = true
	}
	shown := slices.DeleteFunc(state, func(s *Stored) bool {
		return !f.Wants(s) || f.LazyLoadMembers && s.isMember() && !senders[s.key().StateKey]
	})
	if _, err := l.horizon(); err != nil { // who is invited may read, and does not know the room's state
		if shown, err = l.only(ctx, shown); err != nil {
			return nil, err
		}
	}
	return veilAll(ctx, shown, l.veil)
}

// only are those of events that the user may read.
func (l *lens) only(ctx context.Context, events []*Stored) (seen []*Stored, err error) {
	for _, s := range events {
		sees, err := l.sees(ctx, s)
		if err != nil {
			return nil, err
		}
		if sees {
			seen = append(seen, s)
		}
	}
	return seen, nil
}

// maxPassed is how many events that a user may not read are passed over in search of one
// of a time.
const maxPassed = 100

// EventAt is the event sent next to a time (milliseconds since 1970), before it if back.
// Errors: ErrNotInRoom, ErrUnknownEvent.
func (rs *Rooms) EventAt(ctx context.Context, user matrix.UserID, roomID string, ts int64, back bool) (*Stored, error) {
	l, _, err := rs.visit(ctx, user, roomID)
	if err != nil {
		return nil, err
	}
	here, err := l.near(ctx, ts, back)
	if err == nil {
		here, err = rs.nearer(ctx, l, here, ts, back)
	}
	if err == nil && here == nil {
		err = ErrUnknownEvent
	}
	return here, err
}

// near is the event here that is next to a time, of those that the user may read; nil if
// none is.
func (l *lens) near(ctx context.Context, ts int64, back bool) (*Stored, error) {
	for passed := range maxPassed {
		s, err := l.rooms.near(ctx, l.room, ts, back, passed)
		if errors.Is(err, ErrUnknownEvent) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		if sees, err := l.sees(ctx, s); sees || err != nil {
			return s, err
		}
	}
	return nil, nil
}
