package room

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/homeserver/event"
	"signet/internal/homeserver/stream"
	"signet/internal/matrix"
)

// Outside is the membership of a local user in a room that nobody here is in: an invitation,
// a knock, or the end of either.
type Outside struct {
	RoomID  string
	Version event.Version
	Event   *event.Event // the m.room.member
	// State is stripped state, as the user is shown it; each is a JSON object.
	State []jsontext.Value
}

// ErrResident is the error of an Outside of a room that somebody here is in: it is told of
// there.
var ErrResident = errors.New("this server is in the room")

// PutOutside stores a membership in a room that nobody here is in. What is known already
// is no error. Errors: ErrResident, ErrOtherRoom.
func (rs *Rooms) PutOutside(ctx context.Context, o Outside) error {
	landed, err := rs.joins.Take(ctx, o.RoomID)
	if err != nil {
		return err
	}
	defer landed()
	if rs.Resident(o.RoomID) {
		return ErrResident
	}
	r, err := rs.found(ctx, o.RoomID, o.Version)
	if err != nil {
		return err
	}
	if o.Event.RoomID() != r.id || o.Event.Version() != r.version {
		return ErrOtherRoom
	}
	if _, err := rs.storedByID(ctx, r, o.Event.ID()); err == nil || !errors.Is(err, ErrUnknownEvent) {
		return err
	}
	landing, err := rs.arrivals.Take(ctx, o.Event.ID())
	if err != nil {
		return err
	}
	defer landing()
	if err := rs.isFree(ctx, r, o.Event.ID()); err != nil {
		return err
	}
	return rs.again(ctx, func() (*stream.Ticket, error) { return rs.addOutside(ctx, r, o) })
}

func (rs *Rooms) addOutside(ctx context.Context, r *Room, o Outside) (*stream.Ticket, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	l, err := rs.loadedOrNew(ctx, r)
	if err != nil {
		return nil, err
	}
	s := &Stored{Event: o.Event, fate: outlier, resolved: true}
	s.in = newPlace(s)
	became := []placed{{s.key(), s.in}}
	s.became = became // until it is shown, which may be before the tip turns
	op := &operation{room: r, loaded: l, events: []*Stored{s}, then: func(t *tip) { t.turn(became) }}
	if len(o.State) > 0 {
		op.aside.invited = marshal(o.State)
	} else {
		op.aside.uninvited = s.key().StateKey
	}
	ticket, _, err := rs.add(op)
	return ticket, err
}

// Resident tells whether a user of this server is in a room.
func (rs *Rooms) Resident(roomID string) bool {
	rs.mu.RLock()
	defer rs.mu.RUnlock()
	r := rs.rooms[roomID]
	return r != nil && r.residents > 0
}

// Outside is a room that is known here, if only by who was invited to it; nil if none is.
func (rs *Rooms) Outside(roomID string) *Room {
	rs.mu.RLock()
	defer rs.mu.RUnlock()
	if r := rs.rooms[roomID]; r != nil && r.known.Load() {
		return r
	}
	return nil
}

// Standing is a local user's membership in a room, also in one that nobody here is in. Its
// Room is nil if there is none.
func (rs *Rooms) Standing(user matrix.UserID, roomID string) Stay {
	rs.mu.RLock()
	defer rs.mu.RUnlock()
	r := rs.rooms[roomID]
	if r == nil {
		return Stay{}
	}
	return rs.stays[user][r]
}

// Membership is the m.room.member event of a local user's Standing. The error is
// ErrUnknownRoom or ErrUnknownEvent.
func (rs *Rooms) Membership(ctx context.Context, user matrix.UserID, roomID string) (*Stored, error) {
	s := rs.Standing(user, roomID)
	if s.Room == nil {
		return nil, ErrUnknownRoom
	}
	return rs.storedOne(ctx, s.Room, whereOneThen, s.Room.nid, int64(maxPos), memberType, string(user))
}

// shownOutside is what a user is shown of a room that they are not in yet, as it was sent
// along; nil if nothing was.
func (rs *Rooms) shownOutside(ctx context.Context, r *Room, user matrix.UserID) ([]*Stored, error) {
	packed, err := selectInvited(ctx, rs.DB, r.nid, string(user))
	if err != nil || packed == nil {
		return nil, err
	}
	var state []jsontext.Value
	if err := json.Unmarshal(packed, &state); err != nil {
		return nil, fmt.Errorf("reading stripped state: %w", err)
	}
	own, err := rs.storedOne(ctx, r, whereOneThen, r.nid, int64(maxPos), memberType, string(user))
	if err != nil {
		return nil, err
	}
	var shown []*Stored
	for _, stripped := range state {
		e, err := r.unstripped(stripped)
		if err == nil && !e.Is(memberType, string(user)) {
			shown = append(shown, &Stored{Event: e})
		}
	}
	return append(shown, own), nil
}

// unstripped is stripped state as an event, of which nothing is true but what is stripped.
func (r *Room) unstripped(stripped jsontext.Value) (*event.Event, error) {
	canonical, err := event.Canonical(stripped, false)
	if err != nil {
		return nil, err
	}
	o := event.Value(canonical)
	typ, _ := o.Field("type").Text()
	key, isText := o.Field("state_key").Text()
	sender, _ := o.Field("sender").Text()
	if content := o.Field("content"); !isText || !content.IsObject() {
		return nil, event.ErrFormat
	}
	b := append([]byte(`{"auth_events":[],"content":`), o.Field("content")...)
	b = append(b, `,"depth":1,"event_id":"$stripped:0","hashes":{"sha256":""},"origin_server_ts":0,"prev_events":[]`...)
	id := "$stripped"
	if root, isRoot := r.version.CreateEventID(r.id); isRoot && typ == createType {
		id = root // which says the room
	} else {
		b = quote(append(b, `,"room_id":`...), r.id)
	}
	b = quote(append(b, `,"sender":`...), sender)
	b = quote(append(b, `,"signatures":{},"state_key":`...), key)
	b = append(quote(append(b, `,"type":`...), typ), '}')
	return r.version.Load(id, b, false)
}
