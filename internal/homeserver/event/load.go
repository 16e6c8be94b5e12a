package event

import (
	"fmt"
	"strconv"
	"strings"
)

// required are the members that an event of every version has. room_id is another, but
// for the m.room.create of later versions.
var required = []string{"auth_events", "content", "depth", "hashes", "origin_server_ts", "prev_events", "sender", "signatures", "type"}

// Load reads an event that was stored: id, JSON and redacted are what ID, JSON and
// Redacted of another Event said. Nothing is computed or checked again but the format,
// and stored belongs to the event from now on.
func (v Version) Load(id string, stored []byte, redacted bool) (*Event, error) {
	if !v.known() {
		return nil, ErrVersion
	}
	members, err := split(stored)
	if err != nil {
		return nil, err
	}
	e := &Event{json: stored, version: v, redacted: redacted}
	w := words{id: id}
	if err := e.takeAll(&w, members); err != nil {
		return nil, err
	}
	if v.RoomIDFromCreate() && len(id) > 0 && w.room == nil {
		w.room = []byte("!" + id[1:])
	}
	e.keep(w)
	return e, nil
}

// takeAll takes over the members of an event that has all it must have, each of the kind
// it must be.
func (e *Event) takeAll(w *words, members object) error {
	if err := e.version.complete(members); err != nil {
		return err
	}
	for _, m := range members {
		if !e.take(w, m) {
			return fmt.Errorf("%w: %s", ErrFormat, unquoted(m.key))
		}
	}
	return nil
}

// complete checks that an event has all that one must have.
func (v Version) complete(members object) error {
	for _, name := range required {
		if members.find(name) == nil {
			return fmt.Errorf("%w: %s is missing", ErrFormat, name)
		}
	}
	isRoot := v.RoomIDFromCreate() && string(members.find("type")) == `"m.room.create"`
	if hasRoomID := members.find("room_id") != nil; hasRoomID == isRoot {
		return ErrRoomID
	}
	return nil
}

// words are the parts of an event that are kept as text.
type words struct {
	id                          string
	room, typ, stateKey, sender []byte
}

// take takes over one member, if it is of the kind that it must be.
func (e *Event) take(w *words, m member) (ok bool) {
	here := part{uint32(m.at), uint32(m.at + len(m.value))}
	switch string(unquoted(m.key)) {
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
	cited, err := elements(list)
	ids := make([]string, 0, len(cited))
	for _, ref := range cited {
		if v.EventIDInEvent() {
			pair, err := elements(ref)
			if err != nil || len(pair) != 2 || !isObject(pair[1]) {
				return ids, false
			}
			ref = pair[0]
		}
		if !isText(ref) {
			return ids, false
		}
		ids = append(ids, string(unquoted(ref)))
	}
	return ids, err == nil
}
