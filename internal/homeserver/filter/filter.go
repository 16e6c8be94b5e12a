package filter

import (
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Filter is which events a client wants of a /sync. The zero value is all of them.
type Filter struct {
	EventFields []string   `json:"event_fields"`
	EventFormat Format     `json:"event_format"`
	Presence    Events     `json:"presence"`
	AccountData Events     `json:"account_data"`
	Room        RoomFilter `json:"room"`
}

// Format is how events are shown.
type Format string

// The formats of events. A filter that names none means Client.
const (
	Client     Format = "client"
	Federation Format = "federation"
)

// Events is which events are wanted, whatever their room. A list that is nil excludes
// nothing; an empty one of Types or Senders lets nothing through.
type Events struct {
	Limit      *int64   `json:"limit"` // nil: the server's choice
	Types      []string `json:"types"` // * stands for any characters
	NotTypes   []string `json:"not_types"`
	Senders    []string `json:"senders"`
	NotSenders []string `json:"not_senders"`
}

// RoomEvents is which events of rooms are wanted.
type RoomEvents struct {
	Events
	Rooms                     []string `json:"rooms"`
	NotRooms                  []string `json:"not_rooms"`
	ContainsURL               *bool    `json:"contains_url"`
	LazyLoadMembers           bool     `json:"lazy_load_members"`
	IncludeRedundantMembers   bool     `json:"include_redundant_members"`
	UnreadThreadNotifications bool     `json:"unread_thread_notifications"`
}

// RoomFilter is which rooms are wanted, and what of each.
type RoomFilter struct {
	Rooms        []string   `json:"rooms"`
	NotRooms     []string   `json:"not_rooms"`
	IncludeLeave bool       `json:"include_leave"`
	State        RoomEvents `json:"state"`
	Timeline     RoomEvents `json:"timeline"`
	Ephemeral    RoomEvents `json:"ephemeral"`
	AccountData  RoomEvents `json:"account_data"`
}

// ErrFilter is the error of a filter that does not keep the specification's shape, or
// its bounds here.
var ErrFilter = errors.New("not a filter")

// The bounds of a filter.
const (
	MaxSize  = 64 << 10 // octets of its JSON
	maxItems = 1000     // of one list
	maxText  = 255      // octets of one item
	maxDepth = 100      // of objects and lists
)

// Parse reads a filter. Members that are not known are passed over, as later versions of
// the specification have more. The error is ErrFilter, and says what is wrong.
func Parse(text []byte) (Filter, error) {
	var f Filter
	if err := read(text, &f); err != nil {
		return Filter{}, err
	}
	return f, f.check()
}

// ParseRoomEvents is Parse for a filter of the events that one request asks for
// (client-server API, RoomEventFilter).
func ParseRoomEvents(text []byte) (RoomEvents, error) {
	var e RoomEvents
	if err := read(text, &e); err != nil {
		return RoomEvents{}, err
	}
	return e, e.check("filter")
}

// read reads JSON of a bearable size, an object.
func read(text []byte, into any) error {
	if len(text) > MaxSize {
		return fmt.Errorf("%w: it has more than %d octets", ErrFilter, MaxSize)
	}
	if err := checkDepth(text); err != nil {
		return err
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("%w: a member is not of the right type", ErrFilter)
	}
	if jsontext.Value(text).Kind() != '{' {
		return fmt.Errorf("%w: it must be an object", ErrFilter)
	}
	return nil
}
