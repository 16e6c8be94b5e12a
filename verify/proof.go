package verify

import (
	"context"
	"fmt"
	"slices"
	"time"

	"signet/internal/matrix"
	"signet/internal/store"
	"signet/internal/threepid"
)

// Proof says that whoever holds a session's credentials has shown control of its
// address. Only this package makes one.
type Proof struct {
	sid       string
	address   threepid.Address
	caller    Caller
	purpose   Purpose
	user      matrix.UserID
	validated time.Time
}

// Address is the proven address.
func (p Proof) Address() threepid.Address { return p.address }

// Caller is who opened the session.
func (p Proof) Caller() Caller { return p.caller }

// Purpose is what control was shown for.
func (p Proof) Purpose() Purpose { return p.purpose }

// For is ErrOtherPurpose unless control was shown for one of these purposes.
func (p Proof) For(purposes ...Purpose) error {
	if !slices.Contains(purposes, p.purpose) {
		return ErrOtherPurpose
	}
	return nil
}

// Binds is ErrOtherPurpose unless control was shown so that others find a user by the address:
// by the user, or for their own homeserver, which has signed them up so.
func (p Proof) Binds(user matrix.UserID) error {
	server, is := p.caller.isHomeserver()
	switch {
	case !is:
		return p.For(Verify, Add)
	case server != user.Server() || p.user != "" && p.user != user:
		return ErrOtherPurpose
	}
	return p.For(RegisterAndBind)
}

// User is whom the address was shown for, empty if that was not known.
func (p Proof) User() matrix.UserID { return p.user }

// ValidatedAt is when control was shown.
func (p Proof) ValidatedAt() time.Time { return p.validated }

// SID is the id of the session behind the proof.
func (p Proof) SID() string { return p.sid }

// Prove returns the proof of a validated session to the caller who opened it.
// Errors: ErrNoSession, ErrExpired, ErrNotValidated.
func (v *Verifier) Prove(ctx context.Context, c Credentials, caller Caller) (Proof, error) {
	return v.prove(ctx, c, func(s *session) bool { return s.caller == caller })
}

// ProveToBind is Prove for an account that is to be found by the address: in a session that it
// opened itself, or its homeserver for RegisterAndBind.
func (v *Verifier) ProveToBind(ctx context.Context, c Credentials, user matrix.UserID) (Proof, error) {
	return v.prove(ctx, c, func(s *session) bool {
		return s.caller == Account(user) || s.caller == Homeserver(user.Server()) && s.purpose == RegisterAndBind
	})
}

// ProveAnyone is Prove for a call that needs no account: the id and the secret
// alone show that one is the session's owner (identity service API, unbind).
func (v *Verifier) ProveAnyone(ctx context.Context, c Credentials) (Proof, error) {
	return v.prove(ctx, c, func(*session) bool { return true })
}

func (v *Verifier) prove(ctx context.Context, c Credentials, may func(*session) bool) (Proof, error) {
	s, err := v.selectSession(ctx, v.DB, c)
	switch {
	case err != nil:
		return Proof{}, err
	case !may(s):
		return Proof{}, ErrNoSession
	case s.expired(v.Now()):
		return Proof{}, ErrExpired
	case s.validated.IsZero(), !s.stopped.IsZero():
		return Proof{}, ErrNotValidated
	}
	return Proof{sid: s.sid, address: s.address, caller: s.caller, purpose: s.purpose, user: s.user, validated: s.validated}, nil
}

// Spend uses up the proof's session in tx, so that of several who spend it at the
// same time one does. It returns false when it was spent before.
func (v *Verifier) Spend(ctx context.Context, tx *store.Tx, p Proof) (first bool, err error) {
	first, err = markSpent(ctx, tx, p.sid, v.Now())
	if err != nil {
		return false, fmt.Errorf("spending a session: %w", err)
	}
	return first, nil
}
