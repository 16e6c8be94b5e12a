package contact

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"signet/internal/fedclient"
	"signet/internal/idclient"
	"signet/internal/matrix"
	"signet/internal/store"
	"signet/internal/threepid"
)

// Proof says that somebody has shown an address to be theirs, for a purpose, by a session that
// Spend has yet to spend. Only Prove makes one.
type Proof struct {
	tag       []byte
	session   idclient.Session
	server    matrix.ServerName
	index     []byte
	address   threepid.Address
	purpose   idclient.Purpose
	user      matrix.UserID
	validated time.Time
	bind      bool // whoever showed it agreed to be found by it
}

// Address is the address that was shown.
func (p Proof) Address() threepid.Address { return p.address }

// Purpose is what it was shown for.
func (p Proof) Purpose() idclient.Purpose { return p.purpose }

// User is whose account it was shown for: of Reset and Login the one that has the address.
// It is empty for Register, and for Add by somebody who had shown no token.
func (p Proof) User() matrix.UserID { return p.user }

// ValidatedAt is when it was shown.
func (p Proof) ValidatedAt() time.Time { return p.validated }

// Prove asks the identity server what was shown in a session. User is who wants to use it, and
// may be empty but for Add. Errors are ErrSession, ErrNotValidated, ErrUnknown for Reset and
// Login of an address that no account had, fedclient.ErrBadAnswer for an identity server that
// says something else than it was asked for, and those of idclient.
func (c *Contacts) Prove(ctx context.Context, named idclient.Session, purpose idclient.Purpose, user matrix.UserID) (Proof, error) {
	s, at, err := c.find(ctx, named)
	switch {
	case err != nil:
		return Proof{}, err
	case s.spent || s.purpose != purpose || !s.usableBy(user):
		return Proof{}, ErrSession
	}
	v, err := c.Identity.Validated(ctx, at, idclient.Homeserver, named)
	if err != nil {
		return Proof{}, notProven(err)
	}
	if err := c.agrees(v, s); err != nil {
		return Proof{}, err
	}
	if forOwner(purpose) {
		if err := c.stillOwned(ctx, c.DB, s); err != nil {
			return Proof{}, err
		}
	}
	return Proof{
		tag: c.tag(named), session: named, server: s.server, index: s.index, address: v.Address, purpose: purpose, user: s.user,
		validated: c.moment(v.At), bind: s.bind && v.Bind, // the identity server knows what its message said
	}, nil
}

// usableBy tells whether a user may use a session. One that was asked for with no token is
// whosever has both halves of its name.
func (s session) usableBy(user matrix.UserID) bool {
	switch s.purpose {
	case idclient.Add:
		return user != "" && (s.user == "" || s.user == user)
	case idclient.Register:
		return user == ""
	}
	return user == "" || user == s.user
}

// notProven is what it means that an identity server shows nothing of a session.
func notProven(err error) error {
	refused, is := errors.AsType[fedclient.Refusal](err)
	switch {
	case is && refused.Errcode == matrix.SessionNotValidated:
		return ErrNotValidated
	case is && (refused.Errcode == matrix.NoValidSession || refused.Errcode == matrix.SessionExpired):
		return ErrSession
	}
	return err
}

// agrees tells whether what an identity server shows is what it was asked for. What it does not
// know of purposes, callers and users it does not say.
func (c *Contacts) agrees(v idclient.Validated, s session) error {
	switch {
	case v.Address.Medium() != s.medium || !bytes.Equal(c.index(v.Address), s.index):
		return fmt.Errorf("proving an address: %w: another one than was asked for", fedclient.ErrBadAnswer)
	case v.At.UnixMilli() <= 0:
		return fmt.Errorf("proving an address: %w: it was shown at no time", fedclient.ErrBadAnswer)
	case v.Purpose != "" && v.Purpose != s.purpose:
		return ErrSession
	case v.Caller != "" && v.Caller != c.ServerName.String():
		return ErrSession
	case v.User != "" && v.User != s.user:
		return ErrSession
	}
	return nil
}

// moment is when the identity server says that something was shown: not later than now.
func (c *Contacts) moment(at time.Time) time.Time {
	if now := c.Now(); at.After(now) {
		return now
	}
	return at
}

// stillOwned refuses a session for an account that does not have the address, or not any more:
// whoever has it since must not be reached by what was shown before.
func (c *Contacts) stillOwned(ctx context.Context, q store.Queryer, s session) error {
	if s.user == "" {
		return ErrUnknown
	}
	owner, err := selectOwner(ctx, q, s.index)
	if err != nil {
		return fmt.Errorf("reading who has an address: %w", err)
	}
	if owner != s.user {
		return ErrSession
	}
	return nil
}

// Spend uses up the session of a proof, in the transaction that does what it was for. The
// error is ErrSession when it was used, or has ended, or when the address has come to
// somebody else.
func (c *Contacts) Spend(ctx context.Context, tx *store.Tx, p Proof) error {
	spent, err := spendSession(ctx, tx, p.tag, c.Now())
	if err != nil {
		return fmt.Errorf("spending a session: %w", err)
	}
	if !spent {
		return ErrSession
	}
	if !forOwner(p.purpose) {
		return nil
	}
	return c.stillOwned(ctx, tx, session{index: p.index, user: p.user})
}
