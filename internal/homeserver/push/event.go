package push

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"

	"signet/internal/homeserver/event"
)

// Event is an event as rules see it. One is made for all who are asked about it.
type Event struct {
	members     map[string]any
	body, lower string // content.body, and that in lower case
	mentions    bool   // it says itself who is meant
}

var errNoObject = errors.New("the content of an event is not a JSON object")

// NewEvent reads an event in the format of clients or of servers.
func NewEvent(text []byte) (*Event, error) {
	canonical, err := event.Canonical(text, false)
	if err != nil {
		return nil, err
	}
	e := &Event{members: object(canonical)}
	e.prepare()
	return e, nil
}

// Parts is an event taken apart, as its owner has it at hand.
type Parts struct {
	ID, Room, Sender, Type string
	StateKey               *string // nil for an event that is no state event
	OriginServerTS         int64   // milliseconds since 1970
	Content                []byte  // a JSON object, canonical
}

// Event is the event as clients see it. It is much cheaper than NewEvent of one in the
// format of servers, most of which no rule asks for.
func (p Parts) Event() (*Event, error) {
	content := event.Value(p.Content)
	if !content.IsObject() {
		return nil, errNoObject
	}
	e := &Event{members: map[string]any{
		"event_id": p.ID, "room_id": p.Room, "sender": p.Sender, "type": p.Type, "content": object(content),
		"origin_server_ts": json.Number(strconv.FormatInt(p.OriginServerTS, 10)),
	}}
	if p.StateKey != nil {
		e.members["state_key"] = *p.StateKey
	}
	e.prepare()
	return e, nil
}

// decoded is a canonical value with its numbers as they are written.
func decoded(v event.Value) any {
	switch v[0] {
	case '{':
		return object(v)
	case '[':
		return list(v)
	case '"':
		text, _ := v.Text()
		return text
	case 't', 'f':
		return v[0] == 't'
	case 'n':
		return nil
	}
	return json.Number(v)
}

func object(v event.Value) map[string]any {
	members := map[string]any{}
	for name, value := range v.Members() {
		members[name] = decoded(value)
	}
	return members
}

func list(v event.Value) []any {
	elements, _ := v.Elements()
	values := make([]any, len(elements))
	for i, element := range elements {
		values[i] = decoded(element)
	}
	return values
}

// prepare looks up what many rules ask for.
func (e *Event) prepare() {
	e.body, _ = e.text(path{"content", "body"})
	e.lower = strings.ToLower(e.body)
	_, e.mentions = e.at(path{"content", "m.mentions"})
}

// path is a dot-separated property path, taken apart (appendices, "Dot-separated property
// paths").
type path []string

// parsePath reads a path, in which a backslash stands before a dot or a backslash that is
// part of a name.
func parsePath(s string) path {
	var p path
	var name strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s) && (s[i+1] == '.' || s[i+1] == '\\'):
			i++
			name.WriteByte(s[i])
		case s[i] == '.':
			p = append(p, name.String())
			name.Reset()
		default:
			name.WriteByte(s[i])
		}
	}
	return append(p, name.String())
}

// at is whatever stands at a path.
func (e *Event) at(p path) (any, bool) {
	var here any = e.members
	for _, name := range p {
		object, isObject := here.(map[string]any)
		if !isObject {
			return nil, false
		}
		if here, isObject = object[name]; !isObject {
			return nil, false
		}
	}
	return here, true
}

// property is the string, integer, boolean or null at a path.
func (e *Event) property(p path) (any, bool) {
	v, found := e.at(p)
	if !found {
		return nil, false
	}
	return scalarOf(v)
}

// says tells whether words in lower case are in the body.
func (e *Event) says(words string) bool { return hasWords(e.lower, words) }

func (e *Event) text(p path) (string, bool) {
	v, _ := e.at(p)
	s, isText := v.(string)
	return s, isText
}
