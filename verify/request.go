package verify

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/netip"

	"signet/internal/deliver"
	"signet/internal/locale"
	"signet/internal/matrix"
	"signet/internal/outbox"
	"signet/internal/threepid"
)

// Request asks for control of an address to be shown.
type Request struct {
	Address      threepid.Address
	ClientSecret string
	Caller       Caller
	Purpose      Purpose       // empty: Verify
	User         matrix.UserID // whom the address is for, if known; an account's own if it asks
	SendAttempt  int64
	NextLink     string          // where the person goes afterwards, or empty
	Client       netip.Addr      // where the request comes from, if that is known
	Language     locale.Language // of the message
	Answer       Answer          // to the CAPTCHA that an earlier request met, if it did
	OtherCaptcha bool            // where one is needed, another than the one that it met
	// Existing tells that the address has an account already at the homeserver, which asks in
	// order to sign somebody up with it: the message says so, and nothing opens the session.
	Existing bool
}

// Request opens a session, or finds the one that the same caller opened for the same
// address, purpose and user with the same secret, and sends its message unless
// SendAttempt is one that it has seen. It waits for the message as long as patience
// allows: a message that is refused in that time leaves everything as if never asked,
// and one that takes longer goes on by itself.
//
// Errors: those of a request, why no message was sent, those of verify/fraud,
// CaptchaNeeded, and matrix.LimitExceeded when the session must wait before it sends
// another or a budget is used up. After any of them the attempt is not used up. That an
// address is bound or has an account, or that its owner wants no messages, is told to nobody.
func (v *Verifier) Request(ctx context.Context, r Request) (sid string, err error) {
	if r, err = v.check(r); err != nil {
		return "", err
	}
	o, err := v.openSession(ctx, r)
	if err != nil {
		return "", fmt.Errorf("opening a session: %w", err)
	}
	patience, cancel := context.WithTimeout(ctx, v.Patience)
	defer cancel()
	if o.seen != nil {
		return v.answerAgain(patience, o.seen)
	}
	defer o.charged.Release() // of what was taken back; of what is kept it does nothing
	err = v.deliver(patience, o)
	switch {
	case err == nil, errors.Is(err, outbox.ErrPending), errors.Is(err, deliver.ErrUnknownOutcome): // it has left, or will
		o.charged.Keep()
		return o.now.sid, nil
	}
	if undone := v.undo(context.WithoutCancel(ctx), o, err); undone != nil {
		return "", undone
	}
	return "", notSent(r.Address.Medium(), err)
}

// deliver brings the message out of the house. The DNS is asked first, and only now: whoever
// makes us ask has paid for it.
func (v *Verifier) deliver(ctx context.Context, o opened) error {
	if err := v.checkDomain(ctx, o.now.address); err != nil {
		return err
	}
	return v.Outbox.Attempt(ctx, o.job)
}

// known finds the session that a request is about, nil for a new one. seen tells that its
// send_attempt was seen and nothing is to be done. Errors: ErrExpired for one that another
// message would not open, and matrix.LimitExceeded when it must wait; the attempt is not
// used up by either.
func (v *Verifier) known(ctx context.Context, r Request) (before *session, seen bool, err error) {
	before, err = v.selectSame(ctx, v.DB, r)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, false, nil
	case err != nil:
		return nil, false, fmt.Errorf("reading a session: %w", err)
	case before.over(v.Now()):
		return before, false, nil
	case r.SendAttempt < before.sendAttempt:
		return before, true, nil
	case r.SendAttempt == before.sendAttempt:
		died, err := v.diedSince(ctx, before)
		if err != nil || !died {
			return before, true, err
		}
	case before.mute():
		return before, false, ErrExpired
	}
	if wait := before.resendWait(v.Now()); wait > 0 {
		return before, false, matrix.LimitExceeded{RetryAfter: wait}
	}
	return before, false, nil
}

// diedSince tells whether the session's message was answered as under way and has
// died since, a while ago: then the same request sends it anew. One that has died just
// now is being taken back.
func (v *Verifier) diedSince(ctx context.Context, s *session) (bool, error) {
	if s.resendWait(v.Now()) > 0 {
		return false, nil
	}
	kind, key := s.message()
	return v.Outbox.Failed(ctx, v.DB, kind, key)
}

// answerAgain answers a request whose send_attempt has been seen: as the request
// that sent the message is answered, for which it waits.
func (v *Verifier) answerAgain(ctx context.Context, s *session) (sid string, err error) {
	kind, key := s.message()
	if err := v.Outbox.Wait(ctx, kind, key); errors.Is(err, outbox.ErrRefused) {
		return "", notSent(s.address.Medium(), err)
	}
	return s.sid, nil
}

// check refuses what cannot be asked, and fills in what goes without saying.
func (v *Verifier) check(r Request) (Request, error) {
	if r.Purpose == "" {
		r.Purpose = Verify
	}
	if user, ok := r.Caller.Account(); ok && r.User == "" {
		r.User = user
	}
	switch {
	case !matrix.ValidOpaque(r.ClientSecret):
		return r, ErrClientSecret
	case r.SendAttempt < 0:
		return r, ErrSendAttempt
	case !validNextLink(r.NextLink):
		return r, ErrNextLink
	case r.Address.Medium() == threepid.Email && v.Email == nil:
		return r, ErrEmailNotServed
	case r.Address.Medium() == threepid.MSISDN && v.SMS == nil:
		return r, ErrSMSNotServed
	case r.Address.Medium() == threepid.Email && listed(v.Disposable, r.Address.Domain()):
		return r, ErrDisposable
	}
	return r, errors.Join(r.Caller.mayAsk(r.Purpose), r.Caller.mayName(r.User), r.mayTellOfAccount())
}

// checkDomain refuses an address whose domain says that it takes no mail. A DNS that
// does not answer says nothing.
func (v *Verifier) checkDomain(ctx context.Context, a threepid.Address) error {
	if v.Resolver == nil || a.Medium() != threepid.Email {
		return nil
	}
	receives, err := deliver.CanReceive(ctx, v.Resolver, a.Domain())
	if err != nil || receives {
		return nil
	}
	return ErrUndeliverable
}
