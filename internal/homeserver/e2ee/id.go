package e2ee

import "signet/internal/matrix"

// validUsers tells whether all names are those of users, here or elsewhere.
func validUsers[T any](byUser map[matrix.UserID]T) bool {
	for user := range byUser {
		if _, err := matrix.ParseUserID(user.String()); err != nil || !matrix.ValidID(user.String()) {
			return false
		}
	}
	return true
}
