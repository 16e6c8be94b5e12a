package event

import (
	"errors"
	"strconv"
)

// Version is the version of a room: the rules its events keep. The zero value is no
// version.
type Version uint8

// The versions of the specification ("Room Versions").
const (
	V1 Version = iota + 1
	V2
	V3
	V4
	V5
	V6
	V7
	V8
	V9
	V10
	V11
	V12
)

// Default is the version of a new room whose creator asked for none, as the
// specification names it.
const Default = V12

// ErrVersion is the error of a room version that this server does not know.
var ErrVersion = errors.New("room version is not known")

// ParseVersion reads "1" to "12". Other spellings of these numbers are other versions,
// which nobody knows.
func ParseVersion(s string) (Version, error) {
	n, err := strconv.ParseUint(s, 10, 8)
	v := Version(n)
	if err != nil || !v.known() || v.String() != s {
		return 0, ErrVersion
	}
	return v, nil
}

// Versions lists what ParseVersion knows, oldest first. All of them are stable.
func Versions() []Version {
	return []Version{V1, V2, V3, V4, V5, V6, V7, V8, V9, V10, V11, V12}
}

// String is the version as m.room.create spells it.
func (v Version) String() string { return strconv.Itoa(int(v)) }

func (v Version) known() bool { return v >= V1 && v <= V12 }

// StateResolution names an algorithm that resolves forks of a room's state.
type StateResolution uint8

// The algorithms, each as the page of its first room version writes it: 1, 2 and 12.
const (
	StateV1 StateResolution = iota + 1
	StateV2
	StateV21
)

// StateResolution is the algorithm of the version's rooms.
func (v Version) StateResolution() StateResolution {
	switch {
	case v >= V12:
		return StateV21
	case v >= V2:
		return StateV2
	}
	return StateV1
}

// EventIDInEvent tells whether an event carries its id, chosen by the server that makes
// it, and cites others by id and hash. Later the id is the event's reference hash.
func (v Version) EventIDInEvent() bool { return v <= V2 }

// URLSafeEventIDs tells whether event ids are hashes in URL-safe base64.
func (v Version) URLSafeEventIDs() bool { return v >= V4 }

// RedactionAuthorised tells whether the authorisation rules decide on redactions. Later
// they let all pass, and who receives one decides whether it applies.
func (v Version) RedactionAuthorised() bool { return v <= V2 }

// KeyValidity tells whether a signature counts only if its key's valid_until_ts is not
// before the event's origin_server_ts.
func (v Version) KeyValidity() bool { return v >= V5 }

// StrictJSON tells whether canonical JSON is enforced: no floats, no number beyond 2^53.
func (v Version) StrictJSON() bool { return v >= V6 }

// AliasesRule tells whether m.room.aliases has an authorisation rule of its own, and
// keeps its aliases through redaction.
func (v Version) AliasesRule() bool { return v <= V5 }

// NotificationLevels tells whether the rules for power levels guard notifications.
func (v Version) NotificationLevels() bool { return v >= V6 }

// Knocking tells whether there is the membership and the join rule knock.
func (v Version) Knocking() bool { return v >= V7 }

// RestrictedJoins tells whether there is the join rule restricted.
func (v Version) RestrictedJoins() bool { return v >= V8 }

// KnockRestricted tells whether there is the join rule knock_restricted.
func (v Version) KnockRestricted() bool { return v >= V10 }

// IntegerPowerLevels tells whether power levels are integers and nothing else. Before,
// text that spells an integer is one too.
func (v Version) IntegerPowerLevels() bool { return v >= V10 }

// CreatorInContent tells whether m.room.create names the creator in its content. Later
// it is the sender.
func (v Version) CreatorInContent() bool { return v <= V10 }

// RedactsInContent tells whether a redaction says in its content what it redacts.
// Before, a member beside content does.
func (v Version) RedactsInContent() bool { return v >= V11 }

// PrivilegedCreators tells whether a room's creators are above all power levels.
func (v Version) PrivilegedCreators() bool { return v >= V12 }

// RoomIDFromCreate tells whether a room's id is that of its m.room.create event, with
// another sigil. No event cites that one among its auth_events, and it has no room_id.
func (v Version) RoomIDFromCreate() bool { return v >= V12 }

// CreateEventID is the id of the room's m.room.create event, if the room's id says it.
func (v Version) CreateEventID(roomID string) (string, bool) {
	if !v.RoomIDFromCreate() || len(roomID) < 2 {
		return "", false
	}
	return "$" + roomID[1:], true
}

// lengthsInBytes tells whether the fields of received events are measured in octets, as
// the specification says. Rooms of older versions hold events that were measured in code
// points, and would break without them.
func (v Version) lengthsInBytes() bool { return v >= V11 }
