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
	Parts
	content     map[string]any
	body, lower string // content.body, and that in lower case
	mentions    bool   // it says itself who is meant
}

// Parts is an event taken apart, as its owner has it at hand.
type Parts struct {
	ID, Room, Sender, Type string
	StateKey               *string // nil for an event that is no state event
	OriginServerTS         int64   // milliseconds since 1970
	Content                []byte  // a JSON object, canonical
}

var errNoObject = errors.New("the content of an event is not a JSON object")

// Event is the event as clients see it.
func (p Parts) Event() (*Event, error) {
	content := event.Value(p.Content)
	if !content.IsObject() {
		return nil, errNoObject
	}
	e := &Event{Parts: p, content: object(content)}
	e.body, _ = e.text(path{"content", "body"})
	e.lower = strings.ToLower(e.body)
	_, e.mentions = e.at(path{"content", "m.mentions"})
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
	if p[0] != "content" {
		return e.beside(p)
	}
	var here any = e.content
	for _, name := range p[1:] {
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

// beside is what stands beside the content.
func (e *Event) beside(p path) (any, bool) {
	if len(p) == 1 && p[0] == "origin_server_ts" {
		return json.Number(strconv.FormatInt(e.OriginServerTS, 10)), true
	}
	return e.text(p)
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

// text is the string at a path.
func (e *Event) text(p path) (string, bool) {
	if p[0] == "content" {
		v, _ := e.at(p)
		s, isText := v.(string)
		return s, isText
	}
	if len(p) > 1 {
		return "", false
	}
	switch p[0] {
	case "type":
		return e.Type, true
	case "sender":
		return e.Sender, true
	case "room_id":
		return e.Room, true
	case "event_id":
		return e.ID, true
	case "state_key":
		if e.StateKey != nil {
			return *e.StateKey, true
		}
	}
	return "", false
}
