package event

import (
	"net/netip"
	"strings"

	"signet/internal/matrix"
)

// maxID is the longest identifier, in octets (appendices, "Common Identifier Format").
const maxID = 255

// hashLength is the length of a SHA-256 hash in unpadded base64.
const hashLength = 43

// ValidUserID tells whether s may stand as the sender of an event, or as a user in the
// content of one. Historical localparts are allowed, the empty one included (appendices,
// "Historical User IDs"): rooms that hold them must go on.
func ValidUserID(s string) bool {
	local, server, found := strings.Cut(s, ":")
	return found && strings.HasPrefix(local, "@") && len(s) <= maxID && strings.IndexByte(local, 0) < 0 && validServerName(server)
}

// ServerOf is the server of a user id, or of an event or room id that has one; empty if
// it has none.
func ServerOf(id string) matrix.ServerName {
	_, server, _ := strings.Cut(id, ":")
	return matrix.ServerName(server)
}

// validRoomID checks the form that the version's room ids have.
func (v Version) validRoomID(s string) bool {
	if v.RoomIDFromCreate() {
		return strings.HasPrefix(s, "!") && v.validHash(s[1:])
	}
	return validWithServer(s, "!")
}

// validEventID checks the form that the version's event ids have.
func (v Version) validEventID(s string) bool {
	if v.EventIDInEvent() {
		return validWithServer(s, "$")
	}
	return strings.HasPrefix(s, "$") && v.validHash(s[1:])
}

func validWithServer(s, sigil string) bool {
	local, server, found := strings.Cut(s, ":")
	return found && len(local) > 1 && strings.HasPrefix(local, sigil) && len(s) <= maxID && strings.IndexByte(local, 0) < 0 && validServerName(server)
}

// validHash checks that s is a hash in the alphabet of the version's event ids.
func (v Version) validHash(s string) bool {
	extra := "+/"
	if v.URLSafeEventIDs() {
		extra = "-_"
	}
	if len(s) != hashLength {
		return false
	}
	return strings.IndexFunc(s, func(r rune) bool { return !isAlphanumeric(r) && !strings.ContainsRune(extra, r) }) < 0
}

// validServerName keeps to the grammar of the appendices, "Server Name". That is wider
// than matrix.ParseServerName, which reads names that we would talk to: an event is
// judged the same by everybody.
func validServerName(s string) bool {
	host, port := s, ""
	if at := strings.LastIndexByte(s, ':'); at >= 0 && !strings.HasSuffix(s, "]") {
		host, port = s[:at], s[at+1:]
		if len(port) < 1 || len(port) > 5 || strings.Trim(port, "0123456789") != "" {
			return false
		}
	}
	if strings.HasPrefix(host, "[") {
		addr, err := netip.ParseAddr(strings.TrimSuffix(host[1:], "]"))
		return err == nil && strings.HasSuffix(host, "]") && addr.Is6() && addr.Zone() == ""
	}
	return host != "" && strings.IndexFunc(host, func(r rune) bool { return !isAlphanumeric(r) && r != '-' && r != '.' }) < 0
}

func isAlphanumeric(r rune) bool {
	return '0' <= r && r <= '9' || 'A' <= r && r <= 'Z' || 'a' <= r && r <= 'z'
}
