package filter

import (
	"fmt"
	"strings"
)

// list is a list of a filter and what each of its items begins with.
type list struct {
	name   string
	items  []string
	prefix string
}

// check tells whether the filter keeps its bounds.
func (f Filter) check() error {
	switch f.EventFormat {
	case "", Client, Federation:
	default:
		return fmt.Errorf("%w: event_format is client or federation", ErrFilter)
	}
	lists := []list{
		{"event_fields", f.EventFields, ""},
		{"room.rooms", f.Room.Rooms, "!"},
		{"room.not_rooms", f.Room.NotRooms, "!"},
	}
	for name, e := range map[string]Events{"presence": f.Presence, "account_data": f.AccountData} {
		if err := e.check(name); err != nil {
			return err
		}
	}
	for name, e := range map[string]RoomEvents{
		"room.state": f.Room.State, "room.timeline": f.Room.Timeline,
		"room.ephemeral": f.Room.Ephemeral, "room.account_data": f.Room.AccountData,
	} {
		if err := e.check(name); err != nil {
			return err
		}
	}
	return checkLists(lists)
}

func (e RoomEvents) check(name string) error {
	if err := e.Events.check(name); err != nil {
		return err
	}
	return checkLists([]list{{name + ".rooms", e.Rooms, "!"}, {name + ".not_rooms", e.NotRooms, "!"}})
}

func (e Events) check(name string) error {
	if e.Limit != nil && *e.Limit < 0 {
		return fmt.Errorf("%w: %s.limit is negative", ErrFilter, name)
	}
	return checkLists([]list{
		{name + ".types", e.Types, ""},
		{name + ".not_types", e.NotTypes, ""},
		{name + ".senders", e.Senders, "@"},
		{name + ".not_senders", e.NotSenders, "@"},
	})
}

func checkLists(lists []list) error {
	for _, l := range lists {
		if len(l.items) > maxItems {
			return fmt.Errorf("%w: %s has more than %d items", ErrFilter, l.name, maxItems)
		}
		for _, item := range l.items {
			if len(item) > maxText || !strings.HasPrefix(item, l.prefix) {
				return fmt.Errorf("%w: an item of %s must begin with %q and have at most %d octets", ErrFilter, l.name, l.prefix, maxText)
			}
		}
	}
	return nil
}

// checkDepth refuses what is nested so deeply that reading it costs more than it is
// worth.
func checkDepth(text []byte) error {
	depth, inString := 0, false
	for i := 0; i < len(text); i++ {
		switch ch := text[i]; {
		case ch == '\\':
			i++ // stands only in strings, where it hides what follows
		case ch == '"':
			inString = !inString
		case inString:
		case ch == '[' || ch == '{':
			depth++
		case ch == ']' || ch == '}':
			depth--
		}
		if depth > maxDepth {
			return fmt.Errorf("%w: it is nested too deeply", ErrFilter)
		}
	}
	return nil
}
