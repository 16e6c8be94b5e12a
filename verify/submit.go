package verify

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"signet/internal/matrix"
	"signet/internal/quota"
	"signet/internal/store"
	"signet/internal/threepid"
	"signet/verify/captcha"
)

// Submit validates a session by the code that was sent. The right code answers
// success as often as it is sent: the first answer may have been lost. Errors:
// ErrNoSession, ErrExpired, ErrWrongCode, and matrix.LimitExceeded when too many wrong
// codes have been tried for the address, over all its sessions.
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
	nextLink, err = v.guessAt(ctx, c, captcha.Typed(code), may)
	if err != nil {
		return "", submitting(err)
	}
	return nextLink, nil
}

// guessAt finds the session first outside of a transaction: most floods end there, and
// the budgets of its address are known only then.
func (v *Verifier) guessAt(ctx context.Context, c Credentials, code string, may func(*session) bool) (nextLink string, err error) {
	s, err := v.selectSession(ctx, v.DB, c)
	if err != nil {
		return "", err
	}
	if !may(s) {
		return "", ErrNoSession
	}
	held, err := v.Quota.Reserve(ctx, guesses(s)...)
	if err != nil {
		return "", err
	}
	defer held.Release()
	var outcome error // a wrong code is counted, so it must not undo the transaction
	counted := false
	err = v.DB.Tx(ctx, func(tx *store.Tx) error {
		if s, err = v.selectSession(ctx, tx, c); err != nil {
			return err
		}
		before := s.wrongCodes
		outcome, err = v.try(ctx, tx, guess{s, code, held})
		counted = errors.Is(outcome, ErrWrongCode) && before < maxWrongCodes
		return err
	})
	if err != nil {
		return "", err
	}
	if outcome == nil && s.validated.IsZero() && s.address.Medium() == threepid.MSISDN && v.Fraud != nil {
		v.note(v.Fraud.Validated(ctx, s.address, s.sent, s.raised))
	}
	if counted {
		held.Keep()
	}
	return s.nextLink, outcome // it counts once it is committed
}

// guess is a code that somebody takes for a session's, and what it is charged to.
type guess struct {
	*session
	code string
	held *quota.Reservation
}

// right is never so of a session whose code was not sent, in the time that the others take.
func (v *Verifier) right(g guess) bool {
	return v.mac.Equal(g.codeMAC, "code", g.sid, g.code) && !g.existing
}

// try counts a guess before it looks at it, so that parallel guesses gain nothing,
// and takes the count back when the guess was right. What has been validated already
// is not guessed at.
func (v *Verifier) try(ctx context.Context, tx *store.Tx, g guess) (outcome, err error) {
	now := v.Now()
	switch {
	case g.expired(now):
		return ErrExpired, nil
	case !g.validated.IsZero() && g.stopped.IsZero() && v.right(g):
		return nil, nil
	case g.wrongCodes >= maxWrongCodes:
		return ErrWrongCode, nil
	case !now.Before(g.codeExpires):
		return ErrExpired, nil
	}
	err = g.held.ChargeIn(ctx, tx)
	if limit, ok := errors.AsType[matrix.LimitExceeded](err); ok {
		return limit, nil
	}
	if err != nil {
		return nil, err
	}
	counted, err := countGuess(ctx, tx, g.sid)
	if err != nil || !counted || !g.stopped.IsZero() || !v.right(g) {
		return ErrWrongCode, err // also of a session that nothing opens, which nobody learns
	}
	if err := errors.Join(g.held.RefundIn(ctx, tx), uncountGuess(ctx, tx, g.sid)); err != nil {
		return nil, err
	}
	return nil, v.validate(ctx, tx, g.session)
}

// guesses is what one guess costs. A session for which a CAPTCHA was passed has budgets of
// its own, so that strangers' guesses do not keep the owner out.
func guesses(s *session) []quota.Charge {
	a := asking{Request: Request{Address: s.address, Caller: s.caller}, asker: s.asker}
	return guessTariff(s.address.Medium()).charges(a, s.raised)
}

// Link is what the page of a mailed link shows before it is confirmed.
type Link struct {
	Address   threepid.Address
	Caller    Caller
	Purpose   Purpose
	User      string // whom the address is for, as it may be shown; empty if not known
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
			return v.validate(ctx, tx, s)
		}
		return nil
	})
	link.Validated = err == nil
	return link, err
}

func (s *session) link() Link {
	return Link{Address: s.address, Caller: s.caller, Purpose: s.purpose, User: s.user.Readable(), NextLink: s.nextLink, Validated: !s.validated.IsZero()}
}

// selectLink finds a session by its living link.
func (v *Verifier) selectLink(ctx context.Context, q store.Queryer, token string) (*session, error) {
	s, err := v.selectByLink(ctx, q, v.mac.Of("link", token))
	if errors.Is(err, sql.ErrNoRows) || err == nil && s.existing {
		return nil, ErrNoLink
	}
	if err != nil {
		return nil, fmt.Errorf("reading a link: %w", err)
	}
	if now := v.Now(); s.expired(now) || !now.Before(s.linkExpires) || !s.stopped.IsZero() {
		return nil, ErrExpired
	}
	return s, nil
}

// submitting wraps an error nobody named.
func submitting(err error) error {
	for _, known := range []error{ErrNoSession, ErrExpired, ErrWrongCode} {
		if errors.Is(err, known) {
			return known
		}
	}
	if limit, ok := errors.AsType[matrix.LimitExceeded](err); ok {
		return limit
	}
	return fmt.Errorf("submitting a code: %w", err)
}
