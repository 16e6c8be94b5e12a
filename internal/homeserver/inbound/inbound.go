package inbound

import (
	"context"
	"crypto/ed25519"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/homeserver/acl"
	"signet/internal/homeserver/event"
	"signet/internal/homeserver/remote"
	"signet/internal/homeserver/room"
	"signet/internal/inturn"
	"signet/internal/matrix"
	"signet/internal/store"
)

// Keys are the keys by which servers sign.
type Keys interface {
	// VerifyKey is the key of a server under an id that was valid at a time, at the start of
	// 1970 one that was valid once.
	VerifyKey(ctx context.Context, server matrix.ServerName, id matrix.KeyID, at time.Time) (ed25519.PublicKey, error)
}

// Remote asks other servers about rooms, as remote.Client does.
type Remote interface {
	MakeJoin(ctx context.Context, server matrix.ServerName, room matrix.RoomID, user matrix.UserID, versions []string) (remote.Template, error)
	SendJoin(ctx context.Context, server matrix.ServerName, room matrix.RoomID, eventID string, pdu jsontext.Value) (remote.Joined, error)
	MakeLeave(ctx context.Context, server matrix.ServerName, room matrix.RoomID, user matrix.UserID) (remote.Template, error)
	SendLeave(ctx context.Context, server matrix.ServerName, room matrix.RoomID, eventID string, pdu jsontext.Value) error
	MakeKnock(ctx context.Context, server matrix.ServerName, room matrix.RoomID, user matrix.UserID, versions []string) (remote.Template, error)
	SendKnock(ctx context.Context, server matrix.ServerName, room matrix.RoomID, eventID string, pdu jsontext.Value) ([]jsontext.Value, error)
	Invite(ctx context.Context, server matrix.ServerName, i remote.Invitation) (jsontext.Value, error)

	StateIDs(ctx context.Context, server matrix.ServerName, room matrix.RoomID, eventID string) (remote.StateIDs, error)
	State(ctx context.Context, server matrix.ServerName, room matrix.RoomID, eventID string) (remote.State, error)
	Event(ctx context.Context, server matrix.ServerName, eventID string) (jsontext.Value, error)
	EventAuth(ctx context.Context, server matrix.ServerName, room matrix.RoomID, eventID string) ([]jsontext.Value, error)
	Backfill(ctx context.Context, server matrix.ServerName, room matrix.RoomID, from []string, limit int) ([]jsontext.Value, error)
	MissingEvents(ctx context.Context, server matrix.ServerName, room matrix.RoomID, m remote.Missing) ([]jsontext.Value, error)
	TimestampToEvent(ctx context.Context, server matrix.ServerName, room matrix.RoomID, near time.Time, backward bool) (remote.Closest, error)
}

// Options is what an Inbound stands on.
type Options struct {
	DB         *store.DB
	Rooms      *room.Rooms
	Remote     Remote
	Keys       Keys
	ServerName matrix.ServerName
	Signer     func(context.Context) (event.Signer, error) // our key of now
	Now        func() time.Time
	Log        *slog.Logger // nil: nothing is logged
	// Patience is how long a transaction waits for one of its rooms before the rest goes on
	// in the background; 0 is 30 s.
	Patience time.Duration
	// Invited counts one more invitation of a user of this server, by one of another, that comes as
	// an event of a room; the error is matrix.LimitExceeded where that is too many. nil: there is no
	// limit. It may be set before anything is taken in.
	Invited func(ctx context.Context, by, user matrix.UserID) error
}

// Inbound takes in what other servers send. It is safe for concurrent use.
type Inbound struct {
	Options
	turns   inturn.Turns  // of rooms
	lines   inturn.Turns  // of servers that wait for the turn of a room
	loads   inturn.Turns  // of servers that are asked for much
	invites inturn.Turns  // of users elsewhere who are being invited, each into a room
	lists   acl.Lists     // server ACLs
	seq     atomic.Int64  // of the backlog
	wake    chan struct{} // the backlog has grown
}

// Why an event, or a room, is not taken in, beside what event, authz and room say.
var (
	ErrSignature = errors.New("the event lacks a valid signature")
	ErrDenied    = errors.New("the room's server ACLs do not allow the server")
	ErrNotHere   = errors.New("this server is not in the room")
	ErrGivenUp   = errors.New("the event could not be dealt with before")
	ErrLater     = errors.New("the event is dealt with later")
	ErrBacklog   = errors.New("too much waits to be dealt with")
	ErrForeign   = errors.New("another event was sent than was asked for")
	ErrNoServer  = errors.New("no server of the room could be asked")
	ErrStranger  = errors.New("a server that is not in the room says too much of it")
	ErrPanic     = errors.New("dealing with the event has failed")
)

// New makes an Inbound on a database that has been migrated. Run keeps its backlog small.
func New(o Options) *Inbound {
	if o.Patience == 0 {
		o.Patience = 30 * time.Second
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	in := &Inbound{Options: o, wake: make(chan struct{}, 1)}
	in.seq.Store(o.Now().UnixMicro())
	return in
}
