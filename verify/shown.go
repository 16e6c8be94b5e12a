package verify

import (
	"context"
	"errors"
	"fmt"
	"time"

	"signet/internal/matrix"
	"signet/internal/store"
	"signet/internal/threepid"
)

// How long it counts that control of an address was shown to a homeserver: a number is given
// to somebody else sooner.
const (
	emailShownLife = 365 * day
	smsShownLife   = 182 * day
)

// ShownTo tells whether the owner of an address has shown control of it to a homeserver, so
// that it may have them told of what happens to their account: in a session that it opened as
// itself, to sign up or to attach the address, within a year (numbers: half a year) of that or
// of a later session of its own. "This was not me" takes it back, and so does erasure.
func (v *Verifier) ShownTo(ctx context.Context, server matrix.ServerName, a threepid.Address) (bool, error) {
	shown, err := selectShown(ctx, v.DB, v.indexOf(a), v.Now())
	if err != nil {
		return false, fmt.Errorf("reading to whom an address was shown: %w", err)
	}
	_, is := shown[server]
	return is, nil
}

// validate marks a session as validated, and to which homeserver its address was shown.
func (v *Verifier) validate(ctx context.Context, tx *store.Tx, s *session) error {
	return errors.Join(markValidated(ctx, tx, s.sid, v.Now()), v.noteShown(ctx, tx, s))
}

func (v *Verifier) noteShown(ctx context.Context, tx *store.Tx, s *session) error {
	server, ok := s.caller.isHomeserver()
	if !ok {
		return nil
	}
	until := v.Now().Add(shownLife(s.address.Medium()))
	if s.attaches() {
		return putShown(ctx, tx, v.indexOf(s.address), server, until)
	}
	return renewShown(ctx, tx, v.indexOf(s.address), server, until)
}

// unshow takes back what a session has shown that its owner has stopped.
func (v *Verifier) unshow(ctx context.Context, tx *store.Tx, s *session) error {
	server, ok := s.caller.isHomeserver()
	if !ok || !s.attaches() || s.validated.IsZero() {
		return nil
	}
	return deleteShownTo(ctx, tx, v.indexOf(s.address), server)
}

// attaches tells whether the session makes the address one of an account's. What other
// sessions show, that account has.
func (s *session) attaches() bool { return s.purpose.registers() || s.purpose == Add }

func shownLife(m threepid.Medium) time.Duration {
	if m == threepid.MSISDN {
		return smsShownLife
	}
	return emailShownLife
}
