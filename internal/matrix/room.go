package matrix

import (
	"errors"
	"strings"
)

// RoomID is the id of a room, !opaque:server, or since room version 12 !opaque alone. A
// value made by ParseRoomID is valid.
type RoomID string

// ErrRoomID is the error of a room id that does not keep the grammar.
var ErrRoomID = errors.New("not a valid room id")

const maxRoomID = 255

// ParseRoomID reads the id of a room of any version (specification, appendices, "Room
// IDs"). What stands between ! and colon is opaque, as long as it is printable.
func ParseRoomID(s string) (RoomID, error) {
	rest, found := strings.CutPrefix(s, "!")
	opaque, server, hasServer := strings.Cut(rest, ":")
	if !found || opaque == "" || len(s) > maxRoomID || !printable(opaque) {
		return "", ErrRoomID
	}
	if name, err := ParseServerName(server); hasServer && (err != nil || string(name) != server) {
		return "", ErrRoomID
	}
	return RoomID(s), nil
}

// String is the id as it stands on the wire.
func (r RoomID) String() string { return string(r) }
