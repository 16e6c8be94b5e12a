package event

import (
	"crypto/sha256"
	"errors"
	"strconv"
	"unicode/utf8"

	"signet/internal/matrix"
)

// ErrReference is the error of building an event of version 1 or 2 without the hash of an
// event it cites.
var ErrReference = errors.New("hash of a cited event is missing")

// Proto is what an event of ours will say. Content is a JSON object of at most 64 KiB in
// any form.
type Proto struct {
	RoomID         string // empty for the m.room.create that gives the room its id
	Type           string
	StateKey       *string // nil for an event that is no state event
	Sender         string
	Content        []byte
	Redacts        string // of an m.room.redaction, where it does not stand in content
	OriginServerTS int64  // milliseconds since 1970
	Depth          int64  // cut to the version's limit
	AuthEvents     []string
	PrevEvents     []string

	// For versions 1 and 2: the id, "$" opaque ":" server, and the reference hashes of
	// the events cited.
	EventID string
	Hashes  map[string][sha256.Size]byte
}

// Build makes, hashes and signs an event. All limits that Parse knows are kept, and
// canonical JSON is enforced in every version: what we make, all others can read.
func (v Version) Build(p Proto, s Signer) (*Event, error) {
	if !v.known() {
		return nil, ErrVersion
	}
	if len(p.Type) > maxField || p.StateKey != nil && len(*p.StateKey) > maxField {
		return nil, ErrFieldLength
	}
	members, err := v.members(p)
	if err != nil {
		return nil, err
	}
	members = members.withHash()
	signed := v.signed(members)
	members = members.with("signatures", addSignature(nil, s, signed))
	id := p.EventID
	if !v.EventIDInEvent() {
		id = v.eventID(signed)
	}
	return v.built(id, members.bytes())
}

// built is the event that Build made, if it keeps the limits.
func (v Version) built(id string, json []byte) (*Event, error) {
	if len(json) > maxSize {
		return nil, ErrTooLarge
	}
	e, err := v.load(id, json, false)
	if err != nil {
		return nil, err
	}
	if v.EventIDInEvent() && !v.validEventID(id) {
		return nil, ErrEventID
	}
	if err := e.check(); err != nil {
		return nil, err
	}
	return e, nil
}

// members are the event without hashes and signatures, in canonical order.
func (v Version) members(p Proto) (object, error) {
	content, err := Canonical(p.Content, true)
	if err != nil {
		return nil, err
	}
	w := writer{members: make(object, 0, 13), buffer: make([]byte, 0, 1024)}
	w.references("auth_events", p.AuthEvents, v, p.Hashes)
	w.add("content", func(to []byte) []byte { return append(to, content...) })
	w.number("depth", min(p.Depth, maxSafe))
	if v.EventIDInEvent() {
		w.text("event_id", p.EventID)
	}
	w.number("origin_server_ts", p.OriginServerTS)
	w.references("prev_events", p.PrevEvents, v, p.Hashes)
	if p.Redacts != "" && !v.RedactsInContent() {
		w.text("redacts", p.Redacts)
	}
	if p.RoomID != "" {
		w.text("room_id", p.RoomID)
	}
	w.text("sender", p.Sender)
	if p.StateKey != nil {
		w.text("state_key", *p.StateKey)
	}
	w.text("type", p.Type)
	return w.members, w.err
}

// withHash is the event with its content hash.
func (o object) withHash() object {
	hash := contentHash(o)
	return o.with("hashes", []byte(`{"sha256":"`+matrix.EncodeBase64(hash[:])+`"}`))
}

// writer collects the members of an object of ours in one buffer. Its err is that of the
// first value that cannot be written.
type writer struct {
	members object
	buffer  []byte
	err     error
}

// add adds a member with the value that write appends.
func (w *writer) add(name string, write func(to []byte) []byte) {
	from := len(w.buffer)
	w.buffer = append(append(append(w.buffer, '"'), name...), '"')
	at := len(w.buffer)
	w.buffer = write(w.buffer)
	w.members = append(w.members, member{key: w.buffer[from:at:at], value: w.buffer[at:len(w.buffer):len(w.buffer)]})
}

func (w *writer) fail(err error) {
	if w.err == nil {
		w.err = err
	}
}

func (w *writer) text(name, value string) {
	if !utf8.ValidString(value) {
		w.fail(ErrJSON)
	}
	w.add(name, func(to []byte) []byte { return appendText(to, value) })
}

func (w *writer) number(name string, value int64) {
	if value < -maxSafe || value > maxSafe {
		w.fail(ErrCanonical)
	}
	w.add(name, func(to []byte) []byte { return strconv.AppendInt(to, value, 10) })
}

// references cites events as the version does: by id, or by id and hash.
func (w *writer) references(name string, ids []string, v Version, hashes map[string][sha256.Size]byte) {
	w.add(name, func(to []byte) []byte {
		to = append(to, '[')
		for i, id := range ids {
			if i > 0 {
				to = append(to, ',')
			}
			if !v.EventIDInEvent() {
				to = appendText(to, id)
				continue
			}
			hash, known := hashes[id]
			if !known {
				w.fail(ErrReference)
			}
			to = append(appendText(append(to, '['), id), `,{"sha256":"`...)
			to = append(append(to, matrix.EncodeBase64(hash[:])...), `"}]`...)
		}
		return append(to, ']')
	})
}

// appendText writes a string of canonical JSON.
func appendText(to []byte, s string) []byte {
	to = append(to, '"')
	for _, r := range s {
		to = appendRune(to, r)
	}
	return append(to, '"')
}
