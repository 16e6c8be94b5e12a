package push

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
)

// Condition is a condition in the shape of the API (PushCondition). One of a kind that
// is not known here is kept, and never holds.
type Condition struct {
	Kind    string          `json:"kind"`
	Key     *string         `json:"key,omitempty"`
	Pattern *string         `json:"pattern,omitempty"`
	Is      string          `json:"is,omitempty"`
	Value   json.RawMessage `json:"value,omitempty"`
}

// The kinds of conditions.
const (
	eventMatch            = "event_match"
	propertyIs            = "event_property_is"
	propertyContains      = "event_property_contains"
	containsDisplayName   = "contains_display_name"
	roomMemberCount       = "room_member_count"
	senderMayNotifyOthers = "sender_notification_permission"
)

// check refuses a condition without what its kind needs.
func (c Condition) check() error {
	ok := c.Kind != "" && len(c.Kind) <= maxText && len(c.Is) <= maxText && len(c.Value) <= 4*maxText
	switch c.Kind {
	case eventMatch:
		ok = ok && short(c.Key) && short(c.Pattern)
	case propertyIs, propertyContains:
		_, simple := scalar(c.Value)
		ok = ok && short(c.Key) && simple
	case senderMayNotifyOthers:
		ok = ok && short(c.Key)
	case roomMemberCount:
		_, _, readable := parseCount(c.Is)
		ok = ok && readable
	}
	if !ok {
		return ErrCondition
	}
	return nil
}

func short(s *string) bool { return s != nil && len(*s) <= maxText }

// holds compiles a condition.
func (c Condition) holds() func(e *Event, in Place) bool {
	if c.check() != nil {
		return never
	}
	switch c.Kind {
	case eventMatch:
		return matches(*c.Key, *c.Pattern)
	case propertyIs:
		path, want := parsePath(*c.Key), value(c.Value)
		return func(e *Event, _ Place) bool {
			got, found := e.property(path)
			return found && got == want
		}
	case propertyContains:
		return contains(*c.Key, value(c.Value))
	case containsDisplayName:
		return func(e *Event, in Place) bool { return in.DisplayName != "" && e.says(strings.ToLower(in.DisplayName)) }
	case senderMayNotifyOthers:
		return func(e *Event, in Place) bool { return in.SenderMayNotify(*c.Key) }
	case roomMemberCount:
		compare, n, _ := parseCount(c.Is)
		return func(_ *Event, in Place) bool { return compare(in.Members, n) }
	}
	return never
}

func never(*Event, Place) bool { return false }

// matches is event_match: the whole value, or in content.body words.
func matches(key, pattern string) func(*Event, Place) bool {
	if key == "content.body" {
		return says(pattern)
	}
	path, match := parsePath(key), wholly(pattern)
	return func(e *Event, _ Place) bool {
		s, isText := e.text(path)
		return isText && match(s)
	}
}

// says matches words of the body.
func says(pattern string) func(*Event, Place) bool {
	if !strings.ContainsAny(pattern, "*?") {
		literal := strings.ToLower(pattern)
		return func(e *Event, _ Place) bool { return e.says(literal) }
	}
	match := inWords(pattern)
	return func(e *Event, _ Place) bool { return match(e.body) }
}

func contains(key string, want any) func(*Event, Place) bool {
	path := parsePath(key)
	return func(e *Event, _ Place) bool {
		found, _ := e.at(path)
		list, _ := found.([]any)
		for _, element := range list {
			if got, simple := scalarOf(element); simple && got == want {
				return true
			}
		}
		return false
	}
}

// parseCount reads the is of a room_member_count.
func parseCount(is string) (compare func(have, want int) bool, n int, ok bool) {
	number := strings.TrimLeft(is, "=<>")
	n, err := strconv.Atoi(number)
	if err != nil || number[0] < '0' || number[0] > '9' {
		return nil, 0, false
	}
	compare, ok = map[string]func(have, want int) bool{
		"":   func(have, want int) bool { return have == want },
		"==": func(have, want int) bool { return have == want },
		"<":  func(have, want int) bool { return have < want },
		">":  func(have, want int) bool { return have > want },
		"<=": func(have, want int) bool { return have <= want },
		">=": func(have, want int) bool { return have >= want },
	}[strings.TrimSuffix(is, number)]
	return compare, n, ok
}

// scalar reads a value that is no object and no array.
func scalar(raw json.RawMessage) (any, bool) {
	if len(raw) == 0 {
		return nil, false
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, false
	}
	return scalarOf(v)
}

func value(raw json.RawMessage) any {
	v, _ := scalar(raw)
	return v
}

// scalarOf is a decoded value if it is a string, an integer, a boolean or null.
func scalarOf(v any) (any, bool) {
	switch v := v.(type) {
	case nil, string, bool:
		return v, true
	case json.Number:
		n, err := v.Int64()
		return n, err == nil
	}
	return nil, false
}
