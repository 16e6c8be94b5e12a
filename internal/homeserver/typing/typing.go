package typing

import (
	"context"
	"slices"
	"sync"
	"time"

	"signet/internal/homeserver/stream"
	"signet/internal/matrix"
)

const (
	// MaxTimeout is how long somebody may be said to be typing without saying so again.
	MaxTimeout = 2 * time.Minute
	// told is how long it is told of a room that nobody types there any more.
	told = 24 * time.Hour
)

// Notice is that somebody begins to type, or stops.
type Notice struct {
	Room  matrix.RoomID
	User  matrix.UserID
	Until time.Time // zero: stops
	ended time.Time // when the time was over that the notice ends; zero: the user has stopped
}

// Lane is where notices are put into the stream, a stream.Lane with the Typing as its
// Publisher.
type Lane interface {
	Do(ctx context.Context, n Notice) (stream.Pos, error)
}

// Rooms tells who is to be woken.
type Rooms interface {
	// LocalMembers are the users of this server who have joined a room.
	LocalMembers(room matrix.RoomID) []matrix.UserID
}

// Outgoing tells other servers who is typing.
type Outgoing interface {
	// Type says that a user is typing or goes on, or types no more. Those who are not of this
	// server it passes over. It does not wait for other servers.
	Type(ctx context.Context, room matrix.RoomID, user matrix.UserID, typing bool)
}

// Typing is who is typing. It is safe for concurrent use.
type Typing struct {
	// Outgoing tells other servers of it; nil: nobody is told. It is set before all else.
	Outgoing Outgoing

	rooms Rooms
	lane  Lane

	mu      sync.Mutex // guards what follows, and what is in it
	typists map[matrix.RoomID]*room
	sooner  chan struct{} // has a token when somebody's time ends before all others'
}

// room is who is typing in a room. It stays for a while when they stop, so that others are
// told.
type room struct {
	until   map[matrix.UserID]time.Time
	changed stream.Pos
	quiet   time.Time // since when nobody types
}

// New says that nobody is typing.
func New(rooms Rooms) *Typing {
	return &Typing{rooms: rooms, typists: map[matrix.RoomID]*room{}, sooner: make(chan struct{}, 1)}
}

// Join puts notices into the stream from now on. It comes before all else.
func (t *Typing) Join(lane Lane) { t.lane = lane }

// Start says that a user is typing for so long, MaxTimeout at most. Who is typing already
// goes on, and nobody is woken.
func (t *Typing) Start(ctx context.Context, in matrix.RoomID, user matrix.UserID, timeout time.Duration) error {
	until := time.Now().Add(min(timeout, MaxTimeout))
	if !t.prolong(in, user, until) {
		if _, err := t.lane.Do(ctx, Notice{Room: in, User: user, Until: until}); err != nil {
			return err
		}
	}
	t.tell(ctx, in, user, true)
	return nil
}

func (t *Typing) tell(ctx context.Context, in matrix.RoomID, user matrix.UserID, typing bool) {
	if t.Outgoing != nil {
		t.Outgoing.Type(ctx, in, user, typing)
	}
}

// prolong tells whether the user was typing.
func (t *Typing) prolong(in matrix.RoomID, user matrix.UserID, until time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.typists[in]
	if r == nil || r.until[user].IsZero() {
		return false
	}
	r.until[user] = until
	t.hurry()
	return true
}

// Stop says that a user is typing no more.
func (t *Typing) Stop(ctx context.Context, in matrix.RoomID, user matrix.UserID) error {
	t.mu.Lock()
	r := t.typists[in]
	typing := r != nil && !r.until[user].IsZero()
	t.mu.Unlock()
	if !typing {
		return nil
	}
	if _, err := t.lane.Do(ctx, Notice{Room: in, User: user}); err != nil {
		return err
	}
	t.tell(ctx, in, user, false)
	return nil
}

// Gone says that a user is in a room no more, where they type no more then. It waits for
// nothing: Run tells of it.
func (t *Typing) Gone(in matrix.RoomID, user matrix.UserID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if r := t.typists[in]; r != nil && !r.until[user].IsZero() {
		r.until[user] = time.Now()
		t.hurry()
	}
}

// Since tells who is typing in a room, and whether that has changed after a position, and up
// to another.
func (t *Typing) Since(in matrix.RoomID, since, to stream.Pos) (users []matrix.UserID, changed bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.typists[in]
	if r == nil || r.changed <= since || r.changed > to {
		return nil, false
	}
	for user := range r.until {
		users = append(users, user)
	}
	slices.Sort(users)
	return users, true
}

// Publish is the Publisher's.
func (t *Typing) Publish(notices []stream.Placed[Notice], wake func(matrix.UserID)) {
	for _, p := range notices {
		if !t.apply(p.Op, p.Pos) {
			continue
		}
		for _, user := range t.rooms.LocalMembers(p.Op.Room) {
			wake(user)
		}
	}
}

// apply tells whether a notice has changed anything.
func (t *Typing) apply(n Notice, pos stream.Pos) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.typists[n.Room]
	if r == nil {
		r = &room{until: map[matrix.UserID]time.Time{}}
		t.typists[n.Room] = r
	}
	until, typing := r.until[n.User]
	switch {
	case !n.Until.IsZero():
		r.until[n.User] = n.Until
		t.hurry()
	case !n.ended.IsZero() && until.After(n.ended): // has gone on in the meantime
		return false
	default:
		delete(r.until, n.User)
	}
	if typing == !n.Until.IsZero() {
		return false
	}
	r.changed, r.quiet = pos, time.Now()
	return true
}

// hurry has Run look again.
func (t *Typing) hurry() {
	select {
	case t.sooner <- struct{}{}:
	default:
	}
}

// Run ends what has lasted its time, until ctx ends.
func (t *Typing) Run(ctx context.Context) error {
	for {
		over, next := t.over(time.Now())
		for _, n := range over {
			if _, err := t.lane.Do(ctx, n); err != nil && ctx.Err() == nil {
				t.forget(n) // it is over all the same, and others learn of it with the next notice
			}
			t.tell(ctx, n.Room, n.User, false)
		}
		timer := time.NewTimer(time.Until(next))
		select {
		case <-timer.C:
		case <-t.sooner:
			timer.Stop()
		case <-ctx.Done():
			timer.Stop()
			return nil
		}
	}
}

// over are the notices of those whose time is over, and when to look again.
func (t *Typing) over(now time.Time) (over []Notice, next time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	next = now.Add(MaxTimeout)
	for in, r := range t.typists {
		if len(r.until) == 0 && now.Sub(r.quiet) > told {
			delete(t.typists, in)
		}
		for user, until := range r.until {
			if !until.After(now) {
				over = append(over, Notice{Room: in, User: user, ended: until})
			} else if until.Before(next) {
				next = until
			}
		}
	}
	return over, next
}

func (t *Typing) forget(n Notice) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if r := t.typists[n.Room]; r != nil && !r.until[n.User].After(n.ended) {
		delete(r.until, n.User)
	}
}
