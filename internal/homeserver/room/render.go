package room

import (
	"strconv"

	"signet/internal/matrix"
)

// Reader is for whom events are written out, and when.
type Reader struct {
	User   matrix.UserID
	Device string
	Now    int64 // milliseconds since 1970
	// InRoom leaves out the room's id: the reader knows where the event is from.
	InRoom bool
}

// Append writes an event in the format for clients (client-server API, "Room event
// format"), which is not that of federation: nothing of hashes, signatures and graph, and
// with what is true for this reader alone.
func (r Reader) Append(to []byte, e Seen) []byte {
	s := e.Stored
	to = append(append(to, `{"content":`...), s.contentForClients()...)
	to = quote(append(to, `,"event_id":`...), s.ID())
	to = strconv.AppendInt(append(to, `,"origin_server_ts":`...), s.OriginServerTS(), 10)
	if redacts := s.Redacts(); redacts != "" {
		to = quote(append(to, `,"redacts":`...), redacts)
	}
	if !r.InRoom {
		to = quote(append(to, `,"room_id":`...), s.RoomID())
	}
	to = quote(append(to, `,"sender":`...), s.Sender())
	if key, isState := s.StateKey(); isState {
		to = quote(append(to, `,"state_key":`...), key)
	}
	to = quote(append(to, `,"type":`...), s.Type())
	return append(r.appendUnsigned(append(to, `,"unsigned":`...), e), '}')
}

// contentForClients is the content, which of a redaction says what it redacts in every
// version of rooms (client-server API, m.room.redaction).
func (s *Stored) contentForClients() []byte {
	redacts := s.Redacts()
	if redacts == "" || s.Version().RedactsInContent() || s.Field("redacts").Exists() {
		return s.Content()
	}
	return with(s.Content(), "redacts", redacts)
}

func (r Reader) appendUnsigned(to []byte, e Seen) []byte {
	s := e.Stored
	to = strconv.AppendInt(append(to, `{"age":`...), max(0, r.Now-s.OriginServerTS()), 10)
	if e.Membership != "" {
		to = quote(append(to, `,"membership":`...), e.Membership)
	}
	if p := s.Replaced; p != nil {
		to = append(append(to, `,"prev_content":`...), p.Content...)
		to = quote(append(to, `,"prev_sender":`...), p.Sender)
		to = quote(append(to, `,"replaces_state":`...), p.ID)
	}
	if s.Redaction != nil {
		to = r.Append(append(to, `,"redacted_because":`...), Seen{Stored: s.Redaction})
	}
	if s.Sent.TransactionID != "" && s.Sent.Device == r.Device && s.Sender() == string(r.User) {
		to = quote(append(to, `,"transaction_id":`...), s.Sent.TransactionID)
	}
	return append(to, '}')
}

// AppendStripped writes a state event as those see it who are not in the room
// (client-server API, "Stripped state").
func AppendStripped(to []byte, s *Stored) []byte {
	to = append(append(to, `{"content":`...), s.Content()...)
	to = quote(append(to, `,"sender":`...), s.Sender())
	to = quote(append(to, `,"state_key":`...), s.key().StateKey)
	return append(quote(append(to, `,"type":`...), s.Type()), '}')
}
