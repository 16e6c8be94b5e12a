package account

import (
	"crypto/rand"
	"strings"

	"signet/internal/matrix"
)

// newUserID is the id of the account that is registered under a wished name, nil
// for a name of the server's choice. Capital letters are lowered, which the
// specification allows and spares people an error.
func (a *Accounts) newUserID(wish *string) (matrix.UserID, error) {
	local := strings.ToLower(rand.Text()[:16])
	if wish != nil {
		local = lowered(*wish)
	}
	id, err := matrix.NewUserID(local, a.ServerName)
	if err != nil {
		return "", ErrUsername
	}
	return id, nil
}

// findUserID reads what a person types to log in, a whole user id or its
// localpart. It is the inverse of newUserID for every name registered there; false
// means that no account of this server can have the name.
func (a *Accounts) findUserID(name string) (matrix.UserID, bool) {
	if whole, err := matrix.ParseUserID(name); err == nil {
		if whole.Server() != a.ServerName {
			return "", false
		}
		name = whole.Localpart()
	}
	id, err := matrix.NewUserID(lowered(name), a.ServerName)
	return id, err == nil
}

// lowered lowers A to Z only: letters beyond ASCII are refused by the grammar, and
// must not be folded into it.
func lowered(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}
