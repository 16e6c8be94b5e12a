package event

import "encoding/json"

// Event is an event of a room. It does not change, and may be read by many at once.
type Event struct {
	json []byte

	id, roomID, typ, stateKey, sender string // slices of one string

	ts, depth           int64
	content, auth, prev part
	version             Version
	isState, redacted   bool
}

// part is where the JSON of an event holds a value.
type part struct{ from, to uint32 }

// ID is the event's id.
func (e *Event) ID() string { return e.id }

// RoomID is the id of the event's room.
func (e *Event) RoomID() string { return e.roomID }

// Type is the event's type, such as m.room.member.
func (e *Event) Type() string { return e.typ }

// StateKey is the event's state key. Of an event that is no state event it is empty and
// isState false.
func (e *Event) StateKey() (key string, isState bool) { return e.stateKey, e.isState }

// Is tells whether the event is the state event of that type and key.
func (e *Event) Is(typ, stateKey string) bool {
	return e.isState && e.typ == typ && e.stateKey == stateKey
}

// Sender is the user id of the sender.
func (e *Event) Sender() string { return e.sender }

// OriginServerTS is when the event was made, in milliseconds since 1970, as its server
// says. It may say anything.
func (e *Event) OriginServerTS() int64 { return e.ts }

// Depth is the event's distance from the start of the room, as its server says. It may
// say anything from 0 to the version's limit.
func (e *Event) Depth() int64 { return e.depth }

// AuthEvents are the ids of the events that allow this one, as it cites them; in room
// version 12 that leaves m.room.create out (Version.CreateEventID). Read from the JSON
// at each call.
func (e *Event) AuthEvents() []string { return e.refs(e.auth) }

// PrevEvents are the ids of the events that this one follows. Read from the JSON at each
// call.
func (e *Event) PrevEvents() []string { return e.refs(e.prev) }

// Content is the event's content, a JSON object. It must not be changed.
func (e *Event) Content() json.RawMessage { return json.RawMessage(e.at(e.content)) }

// Redacts is the id of the event that an m.room.redaction redacts, empty if it says none.
// Read from the JSON at each call.
func (e *Event) Redacts() string {
	if e.typ != "m.room.redaction" {
		return ""
	}
	members, _ := split(e.json)
	if e.version.RedactsInContent() {
		members, _ = split(e.at(e.content))
	}
	return string(unquoted(members.find("redacts")))
}

// Redacted tells whether the event lost what redaction takes, on its way here or here.
func (e *Event) Redacted() bool { return e.redacted }

// JSON is the event in its federation format, as canonical JSON and without unsigned. It
// must not be changed.
func (e *Event) JSON() []byte { return e.json }

// Version is the version of the event's room.
func (e *Event) Version() Version { return e.version }

// Redact is the event without what redaction takes.
func (e *Event) Redact() *Event {
	if e.redacted {
		return e
	}
	redacted, err := e.version.load(e.id, e.version.redact(e.object()).bytes(), true)
	if err != nil {
		// Redaction leaves every member that an event must have.
		panic("event: redacted event is none: " + err.Error())
	}
	return redacted
}

// object is the event's JSON, cut into its members.
func (e *Event) object() object {
	members, _ := split(e.json)
	return members
}

func (e *Event) at(p part) []byte { return e.json[p.from:p.to:p.to] }

func (e *Event) refs(p part) []string {
	ids, _ := e.version.readRefs(e.at(p))
	return ids
}
