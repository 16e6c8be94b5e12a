package event

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// required are the members that an event of every version has. room_id is another, but
// for the m.room.create of later versions.
var required = []string{"auth_events", "content", "depth", "hashes", "origin_server_ts", "prev_events", "sender", "signatures", "type"}

// ErrDamaged is the error of what was stored and is no event any more. It is no other of this
// package's, which are about what somebody proposes.
var ErrDamaged = errors.New("stored event is damaged")

// Load reads an event that was stored: id, JSON and redacted are what ID, JSON and
// Redacted of another Event said. Nothing is computed or checked again but the format,
// and stored belongs to the event from now on. Errors: ErrDamaged, ErrVersion.
func (v Version) Load(id string, stored []byte, redacted bool) (*Event, error) {
	e, err := v.load(id, stored, redacted)
	if err != nil && !errors.Is(err, ErrVersion) {
		return nil, fmt.Errorf("%w: %v", ErrDamaged, err)
	}
	return e, err
}

// load is Load of what was made or taken just now, with the errors of Parse.
func (v Version) load(id string, object []byte, redacted bool) (*Event, error) {
	if !v.known() {
		return nil, ErrVersion
	}
	e := &Event{json: object, version: v, redacted: redacted}
	w := words{id: id}
	if err := e.read(&w); err != nil {
		return nil, err
	}
	if v.RoomIDFromCreate() && len(id) > 0 && w.room == nil {
		w.room = []byte("!" + id[1:])
	}
	e.keep(w)
	return e, nil
}

// read takes over the members of the event's JSON, which must be all that an event has,
// each of the kind it must be.
func (e *Event) read(w *words) error {
	err := eachMember(e.json, func(m member, at int) error {
		if !e.take(w, m, part{uint32(at), uint32(at + len(m.value))}) {
			return fmt.Errorf("%w: %s", ErrFormat, unquoted(m.key))
		}
		return nil
	})
	if err != nil {
		return err
	}
	for n, name := range required {
		if w.seen&(1<<n) == 0 {
			return fmt.Errorf("%w: %s is missing", ErrFormat, name)
		}
	}
	isRoot := e.version.RoomIDFromCreate() && string(w.typ) == "m.room.create"
	if hasRoomID := w.room != nil; hasRoomID == isRoot {
		return ErrRoomID
	}
	return nil
}

// words are the parts of an event that are kept as text.
type words struct {
	id                          string
	room, typ, stateKey, sender []byte
	seen                        int // which of required, a bit for each
}

// take takes over one member, if it is of the kind that it must be.
func (e *Event) take(w *words, m member, here part) (ok bool) {
	name := string(unquoted(m.key))
	if n := slices.Index(required, name); n >= 0 {
		w.seen |= 1 << n
	}
	switch name {
	case "type":
		w.typ, ok = unquoted(m.value), isText(m.value)
	case "state_key":
		w.stateKey, ok = unquoted(m.value), isText(m.value)
		e.isState = true
	case "sender":
		w.sender, ok = unquoted(m.value), isText(m.value)
	case "room_id":
		w.room, ok = unquoted(m.value), isText(m.value)
	case "origin_server_ts":
		e.ts, ok = integer(m.value)
	case "depth":
		e.depth, ok = integer(m.value)
	case "content":
		e.content, ok = here, isObject(m.value)
	case "auth_events":
		e.auth, ok = here, isArray(m.value)
	case "prev_events":
		e.prev, ok = here, isArray(m.value)
	case "hashes":
		ok = isObject(m.value)
	case "signatures":
		ok = validSignatures(m.value)
	case "redacts":
		ok = e.version.RedactsInContent() || isText(m.value)
	default:
		ok = true
	}
	return ok
}

func integer(value []byte) (int64, bool) {
	n, err := strconv.ParseInt(string(value), 10, 64)
	return n, err == nil
}

// keep copies the words into one string: an event is small, and there are many.
func (e *Event) keep(w words) {
	var b strings.Builder
	b.Grow(len(w.id) + len(w.room) + len(w.typ) + len(w.stateKey) + len(w.sender))
	b.WriteString(w.id)
	for _, word := range [][]byte{w.room, w.typ, w.stateKey, w.sender} {
		b.Write(word)
	}
	rest := b.String()
	cut := func(n int) (word string) {
		word, rest = rest[:n], rest[n:]
		return word
	}
	e.id, e.roomID, e.typ = cut(len(w.id)), cut(len(w.room)), cut(len(w.typ))
	e.stateKey, e.sender = cut(len(w.stateKey)), cut(len(w.sender))
}

// readRefs reads the ids of auth_events or prev_events; false if one is not cited as
// the version does it.
func (v Version) readRefs(list []byte) ([]string, bool) {
	ids := make([]string, 0, 4)
	err := eachElement(list, func(ref []byte) error {
		if v.EventIDInEvent() {
			ref = readPair(ref)
		}
		if !isText(ref) {
			return ErrFormat
		}
		ids = append(ids, string(unquoted(ref)))
		return nil
	})
	return ids, err == nil
}

// readPair is the id in a pair of an id and an object of hashes, nothing if it is none.
func readPair(ref []byte) []byte {
	pair, _ := Value(ref).Elements()
	if len(pair) != 2 || !pair[1].IsObject() {
		return nil
	}
	return pair[0]
}
