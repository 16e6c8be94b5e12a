package caller

import "signet/internal/matrix"

// Caller is who makes a call: an account, by its token, or a homeserver, by its
// signature.
type Caller struct {
	// User is the account, empty where a homeserver calls for itself.
	User matrix.UserID
	// Homeserver answers for the call: the account's, or the one that signed.
	Homeserver matrix.ServerName
}

// Account is the caller with a token of that user.
func Account(user matrix.UserID) Caller { return Caller{User: user, Homeserver: user.Server()} }

// Homeserver is the caller that signed in that name.
func Homeserver(name matrix.ServerName) Caller { return Caller{Homeserver: name} }

// Account returns the account that calls, if one does.
func (c Caller) Account() (matrix.UserID, bool) { return c.User, c.User != "" }
