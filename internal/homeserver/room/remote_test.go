package room_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"

	"signet/internal/homeserver/authz"
	"signet/internal/homeserver/event"
	"signet/internal/homeserver/room"
	"signet/internal/matrix"
)

// far is another server that has a user, Dave, in a room. It knows all that is here.
type far struct {
	*world
	signer event.Signer
	room   string
	v      event.Version
	clock  int64
	state  event.StateMap // what it thinks is the state
	hashes map[string][sha256.Size]byte
}

// stranger is the user of another server.
func stranger(server string) string { return "@dave:" + server }

// visitor lets a user of another server join a room.
func (w *world) visitor(id, server string) *far {
	w.Helper()
	f := w.server(id, server)
	f.sees()
	w.accept(id, f.event(draft{typ: "m.room.member", key: stranger(server), content: `{"membership":"join"}`, prev: []string{w.last(id)}}), room.Accepted)
	f.sees()
	return f
}

// server is another server that is not in the room.
func (w *world) server(id, server string) *far {
	w.Helper()
	r, err := w.rooms.Room(id)
	w.ok(err)
	key := matrix.SigningKey{ID: "ed25519:1", Private: ed25519.NewKeyFromSeed(bytes.Repeat([]byte{2}, 32))}
	return &far{world: w, room: id, v: r.Version(), signer: event.Signer{Server: matrix.ServerName(server), Key: key},
		clock: 1_800_000_000_000, state: event.StateMap{}, hashes: map[string][sha256.Size]byte{}}
}

// sees makes the room's state that which the server knows.
func (f *far) sees() {
	f.Helper()
	state, err := f.rooms.State(f.Context(), alice, f.room)
	f.ok(err)
	f.state = event.StateMap{}
	for _, s := range state {
		f.state.Add(s.Event)
	}
}

// learns reads what is in the room, to cite it.
func (f *far) learns() {
	f.Helper()
	for _, r := range f.events(f.room) {
		e, err := f.v.Load(r.id, r.json, false)
		f.ok(err)
		f.hashes[r.id] = e.ReferenceHash()
	}
}

// draft is an event that another server makes. key is a state key, or "-" for none.
type draft struct {
	typ, key, sender, content string
	prev, auth                []string // auth nil is what the server thinks is right
	redacts                   string
	depth                     int64
}

const noKey = "-"

func (f *far) event(d draft) *event.Event {
	f.Helper()
	f.clock++
	p := event.Proto{RoomID: f.room, Type: d.typ, Sender: d.sender, Content: []byte(d.content), OriginServerTS: f.clock,
		Depth: max(d.depth, 50), PrevEvents: d.prev, AuthEvents: d.auth, Redacts: d.redacts, Hashes: f.hashes}
	if p.Sender == "" {
		p.Sender = stranger(f.signer.Server.String())
	}
	if d.key != noKey {
		p.StateKey = &d.key
	}
	if f.v.EventIDInEvent() {
		f.learns()
		p.EventID = fmt.Sprintf("$%d:%s", f.clock, f.signer.Server)
	}
	if d.auth == nil {
		for _, key := range authz.NeededFor(f.v, p) {
			if e := f.state.Event(key.Type, key.StateKey); e != nil {
				p.AuthEvents = append(p.AuthEvents, e.ID())
			}
		}
	}
	e, err := f.v.Build(p, f.signer)
	f.ok(err)
	f.hashes[e.ID()] = e.ReferenceHash()
	return e
}

func (f *far) message(text string, prev ...string) *event.Event {
	f.Helper()
	return f.event(draft{typ: "m.room.message", key: noKey, content: fmt.Sprintf(`{"body":%q,"msgtype":"m.text"}`, text), prev: prev})
}

// redaction redacts an event, where its version says that it does.
func (f *far) redaction(of string, prev ...string) *event.Event {
	f.Helper()
	d := draft{typ: "m.room.redaction", key: noKey, content: `{}`, prev: prev, redacts: of}
	if f.v.RedactsInContent() {
		text, err := json.Marshal(map[string]string{"redacts": of})
		f.ok(err)
		d.content, d.redacts = string(text), ""
	}
	return f.event(d)
}

// last is the newest extremity of a room.
func (w *world) last(id string) string {
	w.Helper()
	ends := w.ends(id)
	return ends[len(ends)-1]
}

// ends are the events that nothing follows.
func (w *world) ends(id string) []string {
	w.Helper()
	var ends string
	w.ok(w.db.QueryRow(w.Context(), `SELECT extremities FROM room_rooms WHERE room_id = $1`, id).Scan(&ends))
	var ids []string
	for end := range bytes.FieldsSeq([]byte(ends)) {
		ids = append(ids, string(end))
	}
	return ids
}

// accept gives an event to the room and wants an outcome. It returns the event's id.
func (w *world) accept(id string, e *event.Event, want room.Outcome) string {
	w.Helper()
	v, err := w.rooms.Accept(w.Context(), id, room.Arrival{Event: e})
	w.ok(err)
	if v.Outcome != want {
		w.Errorf("%s of %s comes out as %d (%v), want %d", e.Type(), e.Sender(), v.Outcome, v.Why, want)
	}
	return e.ID()
}

// untold wants Alice to be told of no event that she names.
func (w *world) untold(id string, events ...string) {
	w.Helper()
	for _, named := range events {
		_, err := w.rooms.Event(w.Context(), alice, id, named)
		wantError(w, "an event that was refused", err, room.ErrUnknownEvent)
		_, err = w.rooms.Context(w.Context(), alice, id, named, 10, room.Filter{})
		wantError(w, "what is around an event that was refused", err, room.ErrUnknownEvent)
	}
}

// says is what a piece of state has as its value.
func (w *world) says(id, typ, field string) string {
	w.Helper()
	s, err := w.rooms.StateEvent(w.Context(), alice, id, typ, "")
	if err != nil {
		return ""
	}
	text, _ := s.Field(field).Text()
	return text
}

func (w *world) reads(id string, user matrix.UserID, want ...string) {
	w.Helper()
	if got := w.read(id, user, 100); !slices.Equal(got, want) {
		w.Errorf("%s reads %q, want %q", user, got, want)
	}
}
