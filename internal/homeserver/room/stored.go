package room

import (
	"encoding/json"
	"strings"

	"signet/internal/homeserver/event"
	"signet/internal/homeserver/stream"
)

// Stored is an event at its place in the stream. It does not change once it is shown.
type Stored struct {
	*event.Event
	// Pos is where the event stands in the stream. One that was fetched from another server
	// later than what follows it has one that was left free there, or a negative one.
	Pos stream.Pos
	// Replaced is the state event whose place this one took, if there was one.
	Replaced *Replaced
	// Redaction is the m.room.redaction that took from the event what it lacks.
	Redaction *Stored
	// Sent is the request that the event stems from, if it is one of a client of ours.
	Sent Sent

	fate  fate
	moved stream.Pos // the number of its row, where that is not Pos
	torn  bool       // it came when something was missing that it follows
	aside bool       // not in one line with what is around it: its group alone says what it was sent in

	addresses addresses // until it is stored

	group    *group   // the state after the event; of a stored one its id alone
	changes  bool     // whether it made that group
	in       *place   // what it took in the state, until it is stored
	resolved bool     // became says what the room's state has become, until it is stored
	became   []placed // nil is for a place that is empty now
}

// row is the number of the event's row.
func (s *Stored) row() stream.Pos {
	if s.moved != 0 {
		return s.moved
	}
	return s.Pos
}

// turns is what becomes of the room's state with the event.
func (s *Stored) turns() []placed {
	switch {
	case s.resolved:
		return s.became
	case s.changes && s.fate.counts():
		return []placed{{s.key(), s.in}}
	}
	return nil
}

// fate is what became of an event beyond that it is stored: the flags of its row above
// flagRedacted.
type fate int

const (
	shown      fate = 0
	rejected   fate = flagRejected
	softFailed fate = flagSoftFailed
	outlier    fate = flagOutlier
	hidden     fate = flagHidden
)

// counts tells whether an event is part of its room: what follows it may change the state.
func (f fate) counts() bool { return f == shown || f == hidden }

// isTold tells whether users may be told of an event at all: not of one that was refused,
// whatever its place in the graph (server-server API, "Rejection", "Soft failure").
func (f fate) isTold() bool { return f == shown || f == outlier }

// isRejected tells whether authorisation has refused an event.
func (f fate) isRejected() bool { return f&rejected != 0 }

// hasState tells whether the state after an event that was read is known.
func (s *Stored) hasState() bool { return s.fate&outlier == 0 && s.group.id != 0 }

// Sent is a request of a client, as its sender recognises it.
type Sent struct {
	Device        string
	TransactionID string
}

// String is the request as it is stored; parseSent reads it. A device id has no spaces.
func (s Sent) String() string {
	if s.TransactionID == "" {
		return ""
	}
	return s.Device + " " + s.TransactionID
}

func parseSent(s string) Sent {
	device, id, _ := strings.Cut(s, " ")
	return Sent{Device: device, TransactionID: id}
}

// Replaced is what is told of a state event that another took the place of.
type Replaced struct {
	ID      string
	Sender  string
	Content json.RawMessage

	pos stream.Pos
	of  *place // of one that may still wait to be stored
}

// key is the event's place in the state.
func (s *Stored) key() event.Key {
	key, _ := s.StateKey()
	return event.Key{Type: s.Type(), StateKey: key}
}

func (s *Stored) isState() bool {
	_, isState := s.StateKey()
	return isState
}

// isMember tells whether the event is somebody's membership.
func (s *Stored) isMember() bool { return s.Type() == memberType && s.isState() }

// The types of events that the server itself deals with.
const (
	createType     = "m.room.create"
	memberType     = "m.room.member"
	levelsType     = "m.room.power_levels"
	joinRulesType  = "m.room.join_rules"
	visibilityType = "m.room.history_visibility"
	guestType      = "m.room.guest_access"
	aliasType      = "m.room.canonical_alias"
	nameType       = "m.room.name"
	topicType      = "m.room.topic"
	avatarType     = "m.room.avatar"
	encryptionType = "m.room.encryption"
	tombstoneType  = "m.room.tombstone"
	redactionType  = "m.room.redaction"
	dummyType      = "org.matrix.dummy_event"
	aclType        = "m.room.server_acl"
)

// ThirdPartyInvite is the type of an invitation to a third-party identifier.
const ThirdPartyInvite = "m.room.third_party_invite"

// Memberships of m.room.member.
const (
	Join   = "join"
	Invite = "invite"
	Leave  = "leave"
	Ban    = "ban"
	Knock  = "knock"
)

// membershipOf is what an m.room.member says.
func membershipOf(e *event.Event) string {
	membership, _ := e.Field("membership").Text()
	return membership
}

var visibilityKey = event.Key{Type: visibilityType}
