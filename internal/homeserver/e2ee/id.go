package e2ee

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"signet/internal/matrix"
)

// maxID is how many octets the specification allows an id.
const maxID = 255

// clean tells whether s can be an id: not empty, not longer than any, and of text that
// both databases take.
func clean(s string) bool {
	return s != "" && len(s) <= maxID && utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}

// validUsers tells whether all names are those of users, here or elsewhere.
func validUsers[T any](byUser map[matrix.UserID]T) bool {
	for user := range byUser {
		if _, err := matrix.ParseUserID(user.String()); err != nil || !clean(user.String()) {
			return false
		}
	}
	return true
}
