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
	"signet/internal/locale"
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
	Purpose      Purpose       // empty: Verify
	User         matrix.UserID // whom the address is for, if known; an account's own if it asks
	SendAttempt  int64
	NextLink     string          // where the person goes afterwards, or empty
	Client       netip.Addr      // where the request comes from, if that is known
	Language     locale.Language // of the message
	Answer       Answer          // to the CAPTCHA that an earlier request met, if it did
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
// address is bound, or that its owner wants no messages, is told to nobody.
func (v *Verifier) Request(ctx context.Context, r Request) (sid string, err error) {
	if r, err = v.check(r); err != nil {
		return "", err
	}
	o, err := v.openSession(ctx, r)
	if err != nil {
		return "", err
	}
	defer o.release()
	patience, cancel := context.WithTimeout(ctx, v.Patience)
	defer cancel()
	if o.seen {
		return v.answerAgain(patience, o)
	}
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

// openSession opens or finds the session, in one transaction with its budgets and its
// message.
func (v *Verifier) openSession(ctx context.Context, r Request) (opened, error) {
	a, s, err := v.acquaint(ctx, r)
	if err != nil {
		return opened{}, err
	}
	if err := v.answer(ctx, a); err != nil {
		return opened{}, err
	}
	o, err := v.tryOpen(ctx, a, s, false)
	if errors.Is(err, errLift) {
		o, err = v.tryOpen(ctx, a, s, true)
	}
	if errors.Is(err, errNeedsCaptcha) {
		err = v.challenge(ctx, a, false)
	}
	if err != nil {
		return opened{}, fmt.Errorf("opening a session: %w", err)
	}
	return o, nil
}

// tryOpen charges the usual budgets, or after a CAPTCHA those that it lifts others by.
func (v *Verifier) tryOpen(ctx context.Context, a asking, s signals, lifted bool) (o opened, err error) {
	held, err := v.Quota.Reserve(ctx, a.tariff().charges(a, lifted)...)
	if err != nil {
		return opened{}, err
	}
	err = v.DB.Tx(ctx, func(tx *store.Tx) (err error) {
		o, err = v.open(ctx, tx, sending{asking: a, signals: s, held: held, lifted: lifted})
		return err
	})
	if err != nil || o.seen {
		held.Release()
	}
	return o, err
}

// answerAgain answers a request whose send_attempt has been seen: as the request
// that sent the message is answered, for which it waits.
func (v *Verifier) answerAgain(ctx context.Context, o opened) (sid string, err error) {
	kind, key := o.now.message()
	if err := v.Outbox.Wait(ctx, kind, key); errors.Is(err, outbox.ErrRefused) {
		return "", notSent(o.now.address.Medium(), err)
	}
	return o.now.sid, nil
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
	return r, errors.Join(r.Caller.mayAsk(r.Purpose), r.Caller.mayName(r.User))
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

// opened is what a request has found or changed.
type opened struct {
	now    session
	seen   bool          // nothing was changed: this send_attempt has been made
	job    outbox.Ticket // the message that is to be sent
	before *session      // what now has taken the place of, if anything
	admission
}

// release ends the charges of a message that was taken back; of another it does nothing.
func (o opened) release() {
	if o.charged != nil {
		o.charged.Release()
	}
}

// sending is a message that a session wants to send: what speaks against it, what is
// charged for it, and the session, as it was before, if it was, and as it shall be.
type sending struct {
	asking
	signals
	held   *quota.Reservation
	lifted bool // held is what is charged after a CAPTCHA
	before *session
	now    session
}

// decoy tells whether nothing is sent while all is as ever: the owner wants no messages, or
// has said of this session that it was not they who asked.
func (o sending) decoy() bool { return o.suppressed[byOwner] || !o.now.stopped.IsZero() }

func (v *Verifier) open(ctx context.Context, tx *store.Tx, o sending) (opened, error) {
	before, err := v.selectSame(ctx, tx, o.Request)
	if errors.Is(err, sql.ErrNoRows) {
		o.now = v.newSession(o.Request)
		return v.send(ctx, tx, o)
	}
	if err != nil {
		return opened{}, err
	}
	o.before, o.now = before, *before
	switch {
	case before.over(v.Now()):
		if err := v.replaceSession(ctx, tx, before); err != nil {
			return opened{}, err
		}
		o.now = v.newSession(o.Request)
		return v.send(ctx, tx, o)
	case before.mute():
		return opened{}, ErrExpired
	case o.SendAttempt < before.sendAttempt:
		return opened{now: *before, seen: true}, nil
	case o.SendAttempt == before.sendAttempt:
		died, err := v.diedSince(ctx, tx, before)
		if err != nil || !died {
			return opened{now: *before, seen: true}, err
		}
	}
	if wait := before.resendWait(v.Now()); wait > 0 {
		return opened{}, matrix.LimitExceeded{RetryAfter: wait} // the attempt is not used up
	}
	return v.send(ctx, tx, o)
}

// replaceSession makes room for a session that is over. Its "this was not me" link lives
// on if it was used.
func (v *Verifier) replaceSession(ctx context.Context, tx *store.Tx, s *session) error {
	if s.stopped.IsZero() {
		return deleteSession(ctx, tx, s.sid)
	}
	return retireSession(ctx, tx, s.sid, v.mac.Of("retired", s.sid))
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
		purpose:   r.Purpose,
		user:      r.User,
		asker:     v.askerOf(r),
		created:   v.Now(),
	}
}

// send gives the session a new code and link, which kills the old ones, and puts
// the message that carries them into the outbox. The count of wrong codes stays: a
// re-send buys no guesses.
func (v *Verifier) send(ctx context.Context, tx *store.Tx, o sending) (opened, error) {
	admitted, err := v.admit(ctx, tx, o)
	if err != nil {
		return opened{}, err
	}
	s := o.now
	code, link, err := v.drawSecrets(s.address.Medium())
	if err != nil {
		return opened{}, err
	}
	now := v.Now()
	s.nextLink, s.sendAttempt, s.changed = o.NextLink, o.SendAttempt, now
	s.messages, s.sent = s.messages+1, now
	s.raised = s.raised || admitted.pass != ""
	s.codeMAC, s.codeExpires = v.mac.Of("code", s.sid, code), now.Add(codeLife(s.address.Medium()))
	s.linkMAC, s.linkExpires = v.mac.Of("link", link), now.Add(linkLife)
	if err := v.putSession(ctx, tx, s); err != nil {
		return opened{}, err
	}
	job, err := v.enqueue(ctx, tx, s, letter{code: code, link: link, language: o.Language, trusted: o.standing == Own, decoy: o.decoy()})
	return opened{now: s, job: job, before: o.before, admission: admitted}, err
}

// undo takes back what open has done when its message was not sent, so that the
// same request may be made again. If the session moved on in between, it stays.
func (v *Verifier) undo(ctx context.Context, o opened, why error) error {
	refused := errors.Is(why, outbox.ErrRefused) || errors.Is(why, ErrUndeliverable)
	err := v.DB.Tx(ctx, func(tx *store.Tx) error {
		if err := v.takeBack(ctx, tx, o, refused); err != nil {
			return err
		}
		if _, err := v.Outbox.Withdraw(ctx, tx, o.job.ID); err != nil {
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
	if refused {
		o.charged.Keep()
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
