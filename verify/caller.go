package verify

import (
	"strings"

	"signet/internal/matrix"
)

// Caller is who opened a session. Only the same caller may use it.
type Caller string

// Page is the caller of a session that a person opened on this server's own page.
const Page Caller = "page"

// Account is the caller of a session opened with the token of a Matrix account.
func Account(user matrix.UserID) Caller { return Caller("account " + user.String()) }

// Homeserver is the caller of a session that a homeserver opened as itself, for
// somebody who may have no account yet.
func Homeserver(name matrix.ServerName) Caller { return Caller("homeserver " + name.String()) }

// Account returns the user whose token opened the session, if one did.
func (c Caller) Account() (matrix.UserID, bool) {
	user, ok := strings.CutPrefix(string(c), "account ")
	return matrix.UserID(user), ok
}

// isHomeserver returns the homeserver that opened the session as itself, if one did.
func (c Caller) isHomeserver() (matrix.ServerName, bool) {
	name, ok := strings.CutPrefix(string(c), "homeserver ")
	return matrix.ServerName(name), ok
}

// Homeserver returns the homeserver that answers for the caller: itself, or the one of
// the account; nobody answers for the page.
func (c Caller) Homeserver() matrix.ServerName {
	if user, ok := c.Account(); ok {
		return user.Server()
	}
	if server, ok := c.isHomeserver(); ok {
		return server
	}
	return ""
}

// Asker is who messages and pages say is asking, empty for the page.
func (c Caller) Asker() string {
	if user, ok := c.Account(); ok {
		return user.Readable()
	}
	return c.Homeserver().String()
}
