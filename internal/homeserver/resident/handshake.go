package resident

import (
	"context"
	"crypto/ed25519"
	"errors"
	"slices"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/homeserver/event"
	"signet/internal/homeserver/room"
	"signet/internal/matrix"
)

// Keys are the keys by which servers sign.
type Keys interface {
	// VerifyKey is the key of a server under an id that was valid at a time; the start of
	// 1970 asks for a key that was valid once.
	VerifyKey(ctx context.Context, server matrix.ServerName, id matrix.KeyID, at time.Time) (ed25519.PublicKey, error)
}

// Graph takes events that other servers have handed over into rooms.
type Graph interface {
	// Accept judges an event, whose signatures hold, by all rules of its room, stores it and
	// tells the other servers in the room of it. The error is why it is not accepted, also
	// where that is so by the current state alone; one that is stored already is none.
	Accept(ctx context.Context, roomID string, e *event.Event) error
	// Settle waits a little while an invitation of a user is under way: their server may know
	// of it before the room does.
	Settle(ctx context.Context, roomID string, user matrix.UserID)
}

// What is wrong with a membership that another server proposes or has signed.
var (
	ErrNotOwnUser = errors.New("the user is not one of your server")
	ErrOtherEvent = errors.New("the event is not the membership that this endpoint takes")
	ErrEventHash  = errors.New("the event's content hash is wrong")
	ErrEventID    = errors.New("the event has another id than the path says")
	ErrSignature  = errors.New("the event lacks a valid signature of your server")
	ErrRefused    = errors.New("the event was refused before")
	ErrCites      = errors.New("the event cites events that are not here")
)

// IncompatibleVersion is the error of a room whose version the other server does not know.
type IncompatibleVersion struct{ Version event.Version }

func (IncompatibleVersion) Error() string {
	return "your server does not know the version that the room has"
}

// Change is a membership that a user of another server wants to have by their own doing.
type Change string

// The changes that have a handshake.
const (
	Join  Change = room.Join
	Leave Change = room.Leave
	Knock Change = room.Knock
)

// Proposal asks how a user of another server changes their membership.
type Proposal struct {
	Server   matrix.ServerName // which asks
	Room     string
	User     string
	Change   Change
	Versions []string // of rooms that the server knows; not asked for Leave
}

// Propose makes the event for the other server to sign, as a template: without hashes and
// signatures (server-server API, /make_join). Errors: room.ErrUnknownRoom, ErrDenied,
// ErrNotOwnUser, IncompatibleVersion, and those of room.Rooms.Propose.
func (s *Resident) Propose(ctx context.Context, p Proposal) (template jsontext.Value, v event.Version, err error) {
	user, err := matrix.ParseUserID(p.User)
	if err != nil || user.Server() != p.Server {
		return nil, 0, ErrNotOwnUser
	}
	r, err := s.hosted(ctx, p.Server, p.Room)
	if err != nil {
		return nil, 0, err
	}
	if v = r.Version(); p.Change != Leave && !slices.Contains(p.Versions, v.String()) {
		return nil, 0, IncompatibleVersion{v}
	}
	s.Graph.Settle(ctx, r.ID(), user)
	e, err := s.Rooms.Propose(ctx, r, user, string(p.Change))
	if err != nil {
		return nil, 0, err
	}
	return s.template(e), v, nil
}

// hosted is door for a room that this server is in.
func (s *Resident) hosted(ctx context.Context, server matrix.ServerName, roomID string) (*room.Room, error) {
	g, err := s.door(ctx, server, roomID)
	if err != nil {
		return nil, err
	}
	hosts, err := s.Rooms.Hosts(ctx, g.room)
	if err == nil && !hosts {
		err = room.ErrUnknownRoom
	}
	return g.room, err
}

// Hosts is hosted for who does not need the room.
func (s *Resident) Hosts(ctx context.Context, server matrix.ServerName, roomID string) error {
	_, err := s.hosted(ctx, server, roomID)
	return err
}

// template is an event without what the other server makes itself, with the origin that
// templates have.
func (s *Resident) template(e *event.Event) jsontext.Value {
	bare := event.Value(e.JSON()).Without("event_id", "hashes", "origin", "signatures")
	origin, _ := jsontext.AppendQuote([]byte(`{"origin":`), s.ServerName.String())
	return append(append(origin, ','), bare[1:]...)
}

// Signed is a membership that another server has signed.
type Signed struct {
	Server  matrix.ServerName // which has
	Room    string
	EventID string
	Change  Change
	Event   jsontext.Value
}

// Entrance is what a server gets that comes into a room (server-server API, /send_join).
type Entrance struct {
	Event   *event.Event        // as it is in the room, signed by us where it had to be
	State   Named               // before it
	Chain   Named               // of the event and of the state
	Servers []matrix.ServerName // that were in the room before
}

// Join takes a signed join into its room. Errors: those of take, room.ErrCannotTell.
func (s *Resident) Join(ctx context.Context, signed Signed) (in Entrance, err error) {
	r, err := s.hosted(ctx, signed.Server, signed.Room)
	if err != nil {
		return in, err
	}
	if in.Servers, err = s.Rooms.JoinedServers(ctx, r); err != nil {
		return in, err
	}
	_, e, err := s.take(ctx, signed)
	if err != nil {
		return in, err
	}
	in.Event = e
	stored, err := s.held(ctx, r, e.ID())
	if err != nil {
		return in, err
	}
	before, err := s.Rooms.IDsBefore(ctx, r, stored)
	if err != nil {
		return in, err
	}
	g := guest{room: r, server: signed.Server}
	in.State = s.named(g, sorted(before))
	in.Chain, err = s.chain(ctx, g, append(slices.Clone(in.State.IDs), e.ID()))
	return in, err
}

// Leave takes a signed leave. Errors: those of take.
func (s *Resident) Leave(ctx context.Context, signed Signed) error {
	_, _, err := s.take(ctx, signed)
	return err
}

// Knock takes a signed knock, and returns what the one who knocks may know of the room.
// Errors: those of take.
func (s *Resident) Knock(ctx context.Context, signed Signed) ([]*event.Event, error) {
	r, knock, err := s.take(ctx, signed)
	if err != nil {
		return nil, err
	}
	shown, err := s.Rooms.Stripped(ctx, r, matrix.UserID(knock.Sender()))
	known := make([]*event.Event, len(shown))
	for i, e := range shown {
		known[i] = e.Event
	}
	return known, err
}
