package room

import (
	"slices"

	"signet/internal/homeserver/filter"
)

// Filter says which events of a room somebody wants (client-server API, RoomEventFilter).
// The zero value wants all.
type Filter struct {
	Limit       int      // 0 leaves it to the server
	Types       []string // nil is any; * stands for any text
	NotTypes    []string
	Senders     []string // nil is any
	NotSenders  []string
	Rooms       []string // nil is any
	NotRooms    []string
	ContainsURL *bool

	// LazyLoadMembers wants of all memberships those of the senders alone; of them,
	// IncludeRedundantMembers those too that it was told before.
	LazyLoadMembers         bool
	IncludeRedundantMembers bool
}

// FilterOf is a filter that a client has sent.
func FilterOf(f filter.RoomEvents) Filter {
	of := Filter{Types: f.Types, NotTypes: f.NotTypes, Senders: f.Senders, NotSenders: f.NotSenders,
		Rooms: f.Rooms, NotRooms: f.NotRooms, ContainsURL: f.ContainsURL,
		LazyLoadMembers: f.LazyLoadMembers, IncludeRedundantMembers: f.IncludeRedundantMembers}
	if f.Limit != nil {
		of.Limit = int(min(*f.Limit, maxLimit))
	}
	return of
}

// WantsRoom tells whether events of a room are wanted.
func (f *Filter) WantsRoom(id string) bool {
	return (f.Rooms == nil || slices.Contains(f.Rooms, id)) && !slices.Contains(f.NotRooms, id)
}

// Wants tells whether an event is wanted, its room aside.
func (f *Filter) Wants(s *Stored) bool {
	of := filter.Events{Types: f.Types, NotTypes: f.NotTypes, Senders: f.Senders, NotSenders: f.NotSenders}
	if !of.Wants(s.Type(), s.Sender()) {
		return false
	}
	if f.ContainsURL == nil {
		return true
	}
	_, isText := s.Field("url").Text()
	return isText == *f.ContainsURL
}
