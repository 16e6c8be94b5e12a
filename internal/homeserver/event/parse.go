package event

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"unicode/utf8"
)

// What an event may measure (client-server API, "Size limits"; event formats of the room
// versions).
const (
	maxSize       = 65536 // octets of an event's canonical JSON
	maxField      = 255   // octets of type and state_key
	maxPrevEvents = 20
	maxAuthEvents = 10

	// maxRemote bounds what is read at all. Whitespace, escapes and unsigned do not
	// count towards an event's size, but somebody has to read them.
	maxRemote = 6 * maxSize
)

// Errors of events that do not have the format of their room version.
var (
	ErrFormat      = errors.New("event does not have the format of its room version")
	ErrEventID     = errors.New("event id does not keep the grammar of the room version")
	ErrRoomID      = errors.New("room id does not keep the grammar of the room version")
	ErrSender      = errors.New("sender is not a user id")
	ErrFieldLength = errors.New("type or state_key is longer than 255")
	ErrFieldNUL    = errors.New("type or state_key holds a NUL")
	ErrDepth       = errors.New("depth is out of range")
	ErrPrevEvents  = errors.New("event has more than 20 prev_events")
	ErrAuthEvents  = errors.New("event has more than 10 auth_events")
)

// notCovered are members that are not the event's own: servers add them for themselves,
// and none of them counts in a hash.
var notCovered = []string{"age_ts", "destinations", "outlier", "unsigned"}

// Parse reads an event from another server. Its size, format and ids are checked, and
// its content hash: if that is wrong, the event is redacted, as the specification asks
// (server-server API, "Checks performed on receipt of a PDU"). Signatures are Verify's.
//
// What is not of the event's own, unsigned above all, is left out. So is an event_id in
// versions where it is computed.
func (v Version) Parse(remote []byte) (*Event, error) {
	if !v.known() {
		return nil, ErrVersion
	}
	if len(remote) > maxRemote {
		return nil, ErrTooLarge
	}
	drop := notCovered
	if !v.EventIDInEvent() {
		drop = append([]string{"event_id"}, notCovered...)
	}
	canonical, err := canonicalWithout(drop, remote, v.StrictJSON())
	if err != nil {
		return nil, err
	}
	// Before redaction, which would replace a content that is none by an empty one.
	whole := Event{json: canonical, version: v}
	if err := whole.read(&words{}); err != nil {
		return nil, err
	}
	return v.parse(whole.object())
}

func (v Version) parse(members object) (*Event, error) {
	id, err := v.idOf(members)
	if err != nil {
		return nil, err
	}
	redacted := !hashMatches(members)
	if redacted {
		members = v.redact(members)
	}
	e, err := v.load(id, members.bytes(), redacted)
	if err != nil {
		return nil, err
	}
	if err := e.check(); err != nil {
		return nil, err
	}
	return e, nil
}

// idOf is the event's id: its own word for it, or its reference hash.
func (v Version) idOf(members object) (string, error) {
	if !v.EventIDInEvent() {
		return v.eventID(v.signed(members)), nil
	}
	id := string(unquoted(members.find("event_id")))
	if !v.validEventID(id) {
		return "", ErrEventID
	}
	return id, nil
}

// check refuses what has the format of an event and breaks its limits.
func (e *Event) check() error {
	maxDepth := int64(math.MaxInt64)
	if e.version.StrictJSON() {
		maxDepth = maxSafe
	}
	switch {
	case !ValidUserID(e.sender):
		return ErrSender
	case !e.version.validRoomID(e.roomID):
		return ErrRoomID
	case e.length(e.typ) > maxField || e.length(e.stateKey) > maxField:
		return ErrFieldLength
	case strings.IndexByte(e.typ, 0) >= 0 || strings.IndexByte(e.stateKey, 0) >= 0:
		return ErrFieldNUL // which texts of databases do not hold
	case e.depth < 0 || e.depth > maxDepth:
		return ErrDepth
	}
	if err := e.checkRefs(e.auth, maxAuthEvents, ErrAuthEvents); err != nil {
		return err
	}
	return e.checkRefs(e.prev, maxPrevEvents, ErrPrevEvents)
}

// length is what a field of a received event measures.
func (e *Event) length(field string) int {
	if e.version.lengthsInBytes() {
		return len(field)
	}
	return utf8.RuneCountInString(field)
}

// checkRefs checks the ids of cited events, and that they are not too many.
func (e *Event) checkRefs(list part, limit int, tooMany error) error {
	ids, ok := e.version.readRefs(e.at(list))
	if !ok {
		return fmt.Errorf("%w: a reference to an event", ErrFormat)
	}
	if len(ids) > limit {
		return tooMany
	}
	for _, id := range ids {
		if !e.version.validEventID(id) {
			return ErrEventID
		}
	}
	return nil
}
