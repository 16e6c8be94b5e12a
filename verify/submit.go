package verify

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"signet/internal/store"
	"signet/internal/threepid"
)

// Submit validates a session by the code that was sent. The right code answers
// success as often as it is sent: the first answer may have been lost. Errors:
// ErrNoSession, ErrExpired, ErrWrongCode.
func (v *Verifier) Submit(ctx context.Context, c Credentials, caller Caller, code string) error {
	_, err := v.submit(ctx, c, code, func(s *session) bool { return s.caller == caller })
	return err
}

// SubmitAnyone is Submit for the link that the specification gives to people (GET
// submitToken): whoever has the session's id, its secret and the code validates
// it, with no account at all. It returns the session's next link, if any.
func (v *Verifier) SubmitAnyone(ctx context.Context, c Credentials, code string) (nextLink string, err error) {
	return v.submit(ctx, c, code, func(*session) bool { return true })
}

func (v *Verifier) submit(ctx context.Context, c Credentials, code string, may func(*session) bool) (nextLink string, err error) {
	var outcome error // a wrong code is counted, so it must not undo the transaction
	err = v.DB.Tx(ctx, func(tx *store.Tx) error {
		s, err := v.selectSession(ctx, tx, c)
		if err != nil {
			return err
		}
		if !may(s) {
			return ErrNoSession
		}
		nextLink = s.nextLink
		outcome, err = v.try(ctx, tx, s, normalise(code))
		return err
	})
	if err == nil {
		err = outcome // it counts once it is committed
	}
	if err != nil {
		return "", submitting(err)
	}
	return nextLink, nil
}

// try counts a guess before it looks at it, so that parallel guesses gain nothing,
// and takes the count back when the guess was right.
func (v *Verifier) try(ctx context.Context, tx *store.Tx, s *session, code string) (outcome, err error) {
	now := v.Now()
	right := v.mac.Equal(s.codeMAC, "code", s.sid, code)
	switch {
	case s.expired(now):
		return ErrExpired, nil
	case !s.validated.IsZero() && right:
		return nil, nil
	case s.wrongCodes >= maxWrongCodes:
		return ErrWrongCode, nil
	case !now.Before(s.codeExpires):
		return ErrExpired, nil
	}
	counted, err := countGuess(ctx, tx, s.sid)
	if err != nil || !counted || !right {
		return ErrWrongCode, err
	}
	return nil, markValidated(ctx, tx, s.sid, now, 1)
}

// Link is what the page of a mailed link shows before it is confirmed.
type Link struct {
	Address   threepid.Address
	Caller    Caller
	NextLink  string
	Validated bool
}

// Link reads the session of a mailed link's token and changes nothing: mail
// programs open every link. Errors: ErrNoLink, ErrExpired.
func (v *Verifier) Link(ctx context.Context, token string) (Link, error) {
	s, err := v.selectLink(ctx, v.DB, token)
	if err != nil {
		return Link{}, err
	}
	return s.link(), nil
}

// Confirm validates the session of a mailed link's token. Wrong codes do not
// count against it, so a stranger's guesses cannot keep the owner out. Confirming
// again is success again. Errors: ErrNoLink, ErrExpired.
func (v *Verifier) Confirm(ctx context.Context, token string) (link Link, err error) {
	err = v.DB.Tx(ctx, func(tx *store.Tx) error {
		s, err := v.selectLink(ctx, tx, token)
		if err != nil {
			return err
		}
		link = s.link()
		if s.validated.IsZero() {
			return markValidated(ctx, tx, s.sid, v.Now(), 0)
		}
		return nil
	})
	link.Validated = err == nil
	return link, err
}

func (s *session) link() Link {
	return Link{Address: s.address, Caller: s.caller, NextLink: s.nextLink, Validated: !s.validated.IsZero()}
}

// selectLink finds a session by its living link.
func (v *Verifier) selectLink(ctx context.Context, q store.Queryer, token string) (*session, error) {
	s, err := v.selectByLink(ctx, q, v.mac.Of("link", token))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, ErrNoLink
	}
	if err != nil {
		return nil, fmt.Errorf("reading a link: %w", err)
	}
	if now := v.Now(); s.expired(now) || !now.Before(s.linkExpires) {
		return nil, ErrExpired
	}
	return s, nil
}

// normalise takes out what people type between the digits of a code.
func normalise(code string) string {
	return strings.Map(func(r rune) rune {
		if r == ' ' || r == '-' || r == '\u00a0' || r == '\t' || r == '\n' || r == '\r' {
			return -1
		}
		return r
	}, code)
}

// submitting wraps an error nobody named.
func submitting(err error) error {
	for _, known := range []error{ErrNoSession, ErrExpired, ErrWrongCode} {
		if errors.Is(err, known) {
			return known
		}
	}
	return fmt.Errorf("submitting a code: %w", err)
}
