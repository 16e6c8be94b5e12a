package room

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"signet/internal/homeserver/authz"
	"signet/internal/homeserver/event"
	"signet/internal/homeserver/stream"
	"signet/internal/inturn"
	"signet/internal/matrix"
	"signet/internal/store"
)

// Options is what the rooms of a server stand on.
type Options struct {
	DB         *store.DB
	Stream     *stream.Committer // which must not run yet
	ServerName matrix.ServerName
	Now        func() time.Time
	// Signer is the key that signs events now. It is asked for every event.
	Signer   func(context.Context) (event.Signer, error)
	Profiles Profiles
	Outgoing Outgoing // nil: nothing is sent to other servers
	// Invitable is the error of an invitation of a user, of whatever server, that is not to be
	// made in the name of another; nil has all be.
	Invitable func(ctx context.Context, by, user matrix.UserID) error
	// Refuse is the error of a server whose users do not come in, whoever lets them; nil refuses
	// nobody's.
	Refuse func(server matrix.ServerName) error
	// Bidden is why an invitation of a user of this server, by one of another, that comes as an event
	// of a room is not to reach them: it is asked once of each, and nothing in the room waits for it.
	// nil has all reach them. It may be set before anything is stored.
	Bidden func(ctx context.Context, invitation *event.Event) (refusal, err error)
	// Historian fetches history that is not here; nil fetches none. It may be set before anybody
	// reads.
	Historian Historian
	// Gone, if set, is told of everybody, of whatever server, who is given a membership with
	// which they are not in the room. It may be set before anything is stored, and must not
	// wait.
	Gone func(room matrix.RoomID, user matrix.UserID)
	// Came, if set, is told in the transaction of their join, at pos, of each user of this server
	// who comes into a room in which other servers are. It may be set before anything is stored,
	// must not wait for the stream, and may run again.
	Came func(ctx context.Context, tx *store.Tx, pos stream.Pos, user matrix.UserID, room matrix.RoomID) error
	// Crowd follows who is in which room; nil: nobody does. It may be set before anything is
	// stored.
	Crowd Crowd
	// DefaultVersion is the version of a room whose creator asks for none; zero is
	// event.Default.
	DefaultVersion event.Version
	// Erased tells whether the events of a user of this server are hidden from those who
	// have joined a room after a position; nil hides nobody's.
	Erased func(user matrix.UserID) (since stream.Pos, erased bool)
	// CacheBytes is about how much memory rooms may take that are kept for the next who
	// asks; 0 is 48 MiB.
	CacheBytes int64
}

// Profiles says how users call themselves.
type Profiles interface {
	// Profile is the display name and the avatar's URL of a user of this server, empty
	// where there is none.
	Profile(ctx context.Context, user matrix.UserID) (displayName, avatarURL string, err error)
}

// defaultCacheBytes is CacheBytes where nobody says otherwise.
const defaultCacheBytes = 48 << 20

// Rooms is the rooms of a server. It is safe for concurrent use. Of its locks a room's is
// taken first, then mu, then a view's.
type Rooms struct {
	Options
	lane         *stream.Lane[*operation]
	transactions transactions
	recall       recall
	joins        inturn.Turns
	names        inturn.Turns // aliases that are being given
	arrivals     inturn.Turns // events of other servers that are being judged
	asked        asked        // what is missing of other servers' events

	mu    sync.RWMutex // guards rooms and stays
	rooms map[string]*Room
	stays map[matrix.UserID]map[*Room]Stay

	begun  atomic.Int64 // when the last new room said that it began, milliseconds since 1970
	clock  atomic.Int64 // counts uses of rooms
	cached atomic.Int64 // octets of rooms that are loaded, about
}

// Room is what is always known of a room.
type Room struct {
	id      string
	version event.Version
	nid     int64 // settled when the room is stored

	mu        sync.Mutex // the room's lock: guards the tip of what loaded is
	loaded    atomic.Pointer[loaded]
	queued    atomic.Int64 // operations that are not settled; above 0 it stays loaded
	last      atomic.Int64 // Last, 0 before the first
	used      atomic.Int64 // when it was used last, by Rooms.clock
	listed    atomic.Bool  // in the published directory
	since     atomic.Int64 // the depth at which this server came into the room, 0 at its beginning
	residents int          // users of this server who are in it; guarded by Rooms.mu
	known     atomic.Bool  // the room is stored; before last is settled, as one that others have

	summary atomic.Pointer[Summary] // nil until somebody asks, and when it has changed
}

// ID is the room's id.
func (r *Room) ID() string { return r.id }

// peopled is the first position at which somebody is in the room, who created it. A timeline
// that holds all of a room leads to what was before that, which was no room yet.
func (r *Room) peopled() stream.Pos { return stream.Pos(r.nid) + 1 }

// Version is the room's version.
func (r *Room) Version() event.Version { return r.version }

// Last is the position of the last event that is part of the room: shown, or one that
// nobody reads and that may have changed the state all the same.
func (r *Room) Last() stream.Pos { return stream.Pos(r.last.Load()) }

// What the verbs of this package refuse, beside what authz.Check and event.Build do.
var (
	ErrUnknownRoom  = errors.New("the room is not known here")
	ErrUnknownEvent = errors.New("the event is not there, or not for you to see")
	ErrNotInRoom    = errors.New("you are not in the room, or may not see it")
)

// New opens the rooms in a database that has been migrated, and its lane in the stream.
func New(ctx context.Context, o Options) (*Rooms, error) {
	if o.CacheBytes == 0 {
		o.CacheBytes = defaultCacheBytes
	}
	if o.DefaultVersion == 0 {
		o.DefaultVersion = event.Default
	}
	rs := &Rooms{Options: o, rooms: map[string]*Room{}, stays: map[matrix.UserID]map[*Room]Stay{}}
	rs.lane = stream.NewLane(o.Stream, writer{rs})
	if err := rs.open(ctx); err != nil {
		return nil, fmt.Errorf("opening the rooms: %w", err)
	}
	return rs, nil
}

// open reads what is always known.
func (rs *Rooms) open(ctx context.Context) error {
	rooms, err := selectRooms(ctx, rs.DB)
	if err != nil {
		return err
	}
	byNumber := make(map[int64]*Room, len(rooms))
	for _, r := range rooms {
		r.known.Store(true)
		rs.rooms[r.id] = r
		byNumber[r.nid] = r
	}
	stays, err := selectLocalStays(ctx, rs.DB)
	if err != nil {
		return err
	}
	for _, row := range stays {
		if r := byNumber[row.room]; r != nil {
			rs.setStay(row.user, Stay{Room: r, Membership: row.membership, Pos: row.pos, Forgotten: row.forgotten})
		}
	}
	return nil
}

// Room finds a room by its id. The error is ErrUnknownRoom.
func (rs *Rooms) Room(id string) (*Room, error) {
	rs.mu.RLock()
	r := rs.rooms[id]
	rs.mu.RUnlock()
	if r == nil || r.last.Load() == 0 {
		return nil, ErrUnknownRoom
	}
	return r, nil
}

// local tells whether a user is one of this server.
func (rs *Rooms) local(user string) bool { return event.ServerOf(user) == rs.ServerName }

// Sweep forgets the transaction ids of a day ago.
func (rs *Rooms) Sweep(ctx context.Context) error {
	if err := deleteTransactionsBefore(ctx, rs.DB, rs.Now().Add(-transactionLife)); err != nil {
		return fmt.Errorf("sweeping transaction ids: %w", err)
	}
	return nil
}

// isRefusal tells whether it is the rules of a room that do not allow something.
func isRefusal(err error) bool {
	_, refused := errors.AsType[authz.Refusal](err)
	return refused
}
