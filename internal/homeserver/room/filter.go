package room

import (
	"slices"

	"signet/internal/homeserver/filter"
)

// Filter says which events of a room somebody wants (client-server API, RoomEventFilter).
// The zero value wants all.
type Filter struct {
	Limit       int      `json:"limit"` // 0 leaves it to the server
	Types       []string `json:"types"` // nil is any; * stands for any text
	NotTypes    []string `json:"not_types"`
	Senders     []string `json:"senders"` // nil is any
	NotSenders  []string `json:"not_senders"`
	Rooms       []string `json:"rooms"` // nil is any
	NotRooms    []string `json:"not_rooms"`
	ContainsURL *bool    `json:"contains_url"`

	// LazyLoadMembers wants of all memberships those of the senders alone; of them,
	// IncludeRedundantMembers those too that it was told before.
	LazyLoadMembers         bool `json:"lazy_load_members"`
	IncludeRedundantMembers bool `json:"include_redundant_members"`
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
