package people

import (
	"errors"
	"net/netip"

	"signet/internal/matrix"
	"signet/keys/entry"
	"signet/keys/value"
	"signet/verify"
)

// ErrRight is the error of keys of another label or user than was proven.
var ErrRight = errors.New("the keys are not those of the address or the user that was proven")

// Right is why somebody may change the keys of a label. It comes from ByProof, ByToken or
// ByHomeserver.
type Right struct {
	label  entry.Label
	users  []matrix.UserID // whom the keys may name
	proof  *verify.Proof   // nil by token, and of a homeserver
	wished bool            // by the user, as the homeserver says
	by     Asker
}

// ByProof is the right of who has shown control of an address. It is good for one change.
// Errors: verify.ErrOtherPurpose, entry.ErrLabel for an address that is too long.
func ByProof(p verify.Proof) (Right, error) {
	if err := p.For(verify.Verify, verify.Add, verify.Manage); err != nil {
		return Right{}, err
	}
	l, err := entry.AddressLabel(p.Address())
	if err != nil {
		return Right{}, err
	}
	users := []matrix.UserID{"", p.User()}
	own, ok := p.Caller().Account()
	if ok {
		users = append(users, own)
	}
	return Right{label: l, users: users, proof: &p, by: Asker{Account: own, Homeserver: p.Caller().Homeserver()}}, nil
}

// ByToken is the right of a user who was proven by the account's own token. The error is
// entry.ErrLabel for a user id that has none.
func ByToken(user matrix.UserID) (Right, error) {
	l, err := entry.UserLabel(user)
	return Right{label: l, users: []matrix.UserID{"", user}, by: Asker{Account: user, Homeserver: user.Server()}}, err
}

// ByHomeserver is the right of a user who wishes it, as their homeserver says. It could have a
// token for any of its users, and so do what ByToken lets it. Errors: ErrRight for another's
// user, and as of ByToken.
func ByHomeserver(server matrix.ServerName, user matrix.UserID) (Right, error) {
	r, err := ByToken(user)
	if err == nil && user.Server() != server {
		err = ErrRight
	}
	if err != nil {
		return Right{}, err
	}
	r.wished, r.by = true, Asker{Homeserver: server}
	return r, nil
}

// From is the right as it is used from a network, which is answerable for it, too.
func (r Right) From(network netip.Prefix) Right {
	r.by.Network = network
	return r
}

// session is the id of the session that is spent; empty without one.
func (r Right) session() string {
	if r.proof == nil {
		return ""
	}
	return r.proof.SID()
}

// how is in which way the keys come into the log. Whoever has an address may begin and
// revoke; what follows on anything, a revocation or an erasure too, is the old key's to sign,
// or waits as a recovery: a thief of a mailbox has the sessions, too.
func (r Right) how(u *value.User) value.How {
	switch {
	case u.SignedByPrevious():
		return value.ByPreviousKey
	case u.Version > 0 && u.Revoked == "":
		return value.ByRecovery
	case r.wished:
		return value.ByHomeserver
	case r.proof == nil:
		return value.ByToken
	}
	return value.BySession
}
