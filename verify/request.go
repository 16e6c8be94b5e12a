package verify

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"math/big"
	"net/netip"

	"signet/internal/deliver"
	"signet/internal/matrix"
	"signet/internal/outbox"
	"signet/internal/quota"
	"signet/internal/store"
	"signet/internal/threepid"
)

// Request asks for control of an address to be shown.
type Request struct {
	Address      threepid.Address
	ClientSecret string
	Caller       Caller
	SendAttempt  int64
	NextLink     string     // where the person goes afterwards, or empty
	Client       netip.Addr // where the request comes from, if that is known

	reserved *quota.Reservation // what its message costs
}

// Request opens a session, or finds the one that the same caller opened for the
// same address with the same secret, and sends its message unless SendAttempt is
// one that it has seen. It waits for the message as long as patience allows: a
// message that is refused in that time leaves everything as if never asked, and
// one that takes longer goes on by itself. Errors: those of a request, why no message
// was sent, and matrix.LimitExceeded when the session must wait before it sends
// another or a budget is used up.
func (v *Verifier) Request(ctx context.Context, r Request) (sid string, err error) {
	if err := v.check(r); err != nil {
		return "", err
	}
	if err := v.checkDomain(ctx, r.Address); err != nil {
		return "", err
	}
	if r.reserved, err = v.reserve(ctx, r); err != nil {
		return "", err
	}
	defer r.reserved.Release()
	var o opened
	err = v.DB.Tx(ctx, func(tx *store.Tx) (err error) {
		o, err = v.open(ctx, tx, r)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("opening a session: %w", err)
	}
	patience, cancel := context.WithTimeout(ctx, v.Patience)
	defer cancel()
	if o.seen {
		return v.answerAgain(patience, o)
	}
	err = v.Outbox.Attempt(patience, o.job)
	switch {
	case err == nil, errors.Is(err, outbox.ErrPending), errors.Is(err, deliver.ErrUnknownOutcome): // it has left, or will
		r.reserved.Keep()
		return o.now.sid, nil
	}
	if err := v.undo(context.WithoutCancel(ctx), r, o); err != nil {
		return "", err
	}
	return "", notSent(r.Address.Medium())
}

// answerAgain answers a request whose send_attempt has been seen: as the request
// that sent the message is answered, for which it waits.
func (v *Verifier) answerAgain(ctx context.Context, o opened) (sid string, err error) {
	kind, key := o.now.message()
	if err := v.Outbox.Wait(ctx, kind, key); errors.Is(err, outbox.ErrRefused) {
		return "", notSent(o.now.address.Medium())
	}
	return o.now.sid, nil
}

func (v *Verifier) check(r Request) error {
	switch {
	case !matrix.ValidOpaque(r.ClientSecret):
		return ErrClientSecret
	case r.SendAttempt < 0:
		return ErrSendAttempt
	case !validNextLink(r.NextLink):
		return ErrNextLink
	case r.Address.Medium() == threepid.Email && v.Email == nil:
		return ErrEmailNotServed
	case r.Address.Medium() == threepid.MSISDN && v.SMS == nil:
		return ErrSMSNotServed
	}
	return nil
}

// checkDomain refuses an address whose domain says that it takes no mail. A DNS that
// does not answer says nothing.
func (v *Verifier) checkDomain(ctx context.Context, a threepid.Address) error {
	if v.Resolver == nil || a.Medium() != threepid.Email {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, v.Patience)
	defer cancel()
	receives, err := deliver.CanReceive(ctx, v.Resolver, a.Domain())
	if err != nil || receives {
		return nil
	}
	return ErrUndeliverable
}

// opened is what a request has found or changed.
type opened struct {
	now    session
	seen   bool          // nothing was changed: this send_attempt has been made
	job    outbox.Ticket // the message that is to be sent
	before *session      // what now has taken the place of, if anything
}

func (v *Verifier) open(ctx context.Context, tx *store.Tx, r Request) (opened, error) {
	before, err := v.selectSame(ctx, tx, r)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return v.send(ctx, tx, r, nil, v.newSession(r))
	case err != nil:
		return opened{}, err
	case before.over(v.Now()):
		if err := deleteSession(ctx, tx, before.sid); err != nil {
			return opened{}, err
		}
		return v.send(ctx, tx, r, before, v.newSession(r))
	case r.SendAttempt < before.sendAttempt:
		return opened{now: *before, seen: true}, nil
	case r.SendAttempt == before.sendAttempt:
		died, err := v.diedSince(ctx, tx, before)
		if err != nil || !died {
			return opened{now: *before, seen: true}, err
		}
	}
	if wait := before.resendWait(v.Now()); wait > 0 {
		return opened{}, matrix.LimitExceeded{RetryAfter: wait} // the attempt is not used up
	}
	return v.send(ctx, tx, r, before, *before)
}

// diedSince tells whether the session's message was answered as under way and has
// died since, a while ago: then the same request sends it anew. One that has died just
// now is being taken back.
func (v *Verifier) diedSince(ctx context.Context, tx *store.Tx, s *session) (bool, error) {
	if s.resendWait(v.Now()) > 0 {
		return false, nil
	}
	kind, key := s.message()
	return v.Outbox.Failed(ctx, tx, kind, key)
}

func (v *Verifier) newSession(r Request) session {
	return session{
		sid:       rand.Text(),
		address:   r.Address,
		secretMAC: v.mac.Of("secret", r.ClientSecret),
		caller:    r.Caller,
		created:   v.Now(),
	}
}

// send gives the session a new code and link, which kills the old ones, and puts
// the message that carries them into the outbox. The count of wrong codes stays: a
// re-send buys no guesses.
func (v *Verifier) send(ctx context.Context, tx *store.Tx, r Request, before *session, s session) (opened, error) {
	if err := r.reserved.ChargeIn(ctx, tx); err != nil {
		return opened{}, err
	}
	code, link, err := v.drawSecrets(s.address.Medium())
	if err != nil {
		return opened{}, err
	}
	now := v.Now()
	s.nextLink, s.sendAttempt, s.changed = r.NextLink, r.SendAttempt, now
	s.messages, s.sent = s.messages+1, now
	s.codeMAC, s.codeExpires = v.mac.Of("code", s.sid, code), now.Add(codeLife(s.address.Medium()))
	s.linkMAC, s.linkExpires = v.mac.Of("link", link), now.Add(linkLife)
	if err := v.putSession(ctx, tx, s); err != nil {
		return opened{}, err
	}
	job, err := v.enqueue(ctx, tx, s, code, link)
	return opened{now: s, job: job, before: before}, err
}

// reserve makes ready to charge one message to everybody whose budgets it counts in.
func (v *Verifier) reserve(ctx context.Context, r Request) (*quota.Reservation, error) {
	if v.Quota == nil {
		return new(quota.Reservation), nil
	}
	return v.Quota.Reserve(ctx, charges(r)...)
}

// undo takes back what open has done when its message was not sent, so that the
// same request may be made again. If the session moved on in between, it stays.
func (v *Verifier) undo(ctx context.Context, r Request, o opened) error {
	err := v.DB.Tx(ctx, func(tx *store.Tx) error {
		if err := r.reserved.RefundIn(ctx, tx); err != nil {
			return err
		}
		if err := v.Outbox.Withdraw(ctx, tx, o.job.ID); err != nil {
			return err
		}
		moved, err := sessionMoved(ctx, tx, o.now)
		if err != nil || moved {
			return err
		}
		if o.before == nil || o.before.sid != o.now.sid {
			if err := deleteSession(ctx, tx, o.now.sid); err != nil {
				return err
			}
		}
		if o.before == nil {
			return nil
		}
		return v.putSession(ctx, tx, *o.before)
	})
	if err != nil {
		return fmt.Errorf("taking back an unsent message: %w", err)
	}
	return nil
}

// drawSecrets draws a code, uniform over its digits, and a link token of 130 bits.
func (v *Verifier) drawSecrets(m threepid.Medium) (code, link string, err error) {
	digits := codeDigits(m)
	ceiling := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(digits)), nil)
	n, err := rand.Int(v.Rand, ceiling)
	if err != nil {
		return "", "", fmt.Errorf("drawing a code: %w", err)
	}
	return fmt.Sprintf("%0*d", digits, n), rand.Text(), nil
}
