package verify

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math/big"

	"signet/internal/outbox"
	"signet/internal/quota"
	"signet/internal/store"
	"signet/internal/threepid"
	"signet/verify/fraud"
)

// opened is what a request has changed: the session as it is now, and what it has taken
// the place of; or, where nothing was to be changed, the session that was seen.
type opened struct {
	seen   *session
	now    session
	before *session
	job    outbox.Ticket // the message that is to be sent
	admission
}

// sending is a message that a session wants to send: what speaks against it, what is
// charged for it, and the session, as it was before, if it was, and as it shall be.
type sending struct {
	asking
	signals
	price  *fraud.Verdict // of a text message
	held   *quota.Reservation
	lifted bool // held is what is charged after a CAPTCHA
	// reaches tells that the message is for the owner's page, by which somebody who wants no
	// messages is reached all the same.
	reaches bool
	before  *session
	now     session
}

// decoy tells whether nothing is sent while all is as ever: the owner wants no messages, or
// has said of this session that it was not they who asked.
func (o sending) decoy() bool {
	return o.suppressed[byOwner] && !o.reaches || !o.now.stopped.IsZero()
}

// charges is what the message costs.
func (o sending) charges() []quota.Charge {
	all := o.tariff().charges(o.asking, o.lifted)
	if o.reaches {
		all = refusedBudget(o.Address.Medium()).appendTo(all, o.asking)
	}
	return all
}

// errRival ends the transaction of a request whose session another request has changed
// since it was read: it is read again.
var errRival = errors.New("another request has changed the session")

// maxRivals is how often a session is read again. Rivals of one session end after one
// message: the others see its attempt, or are told to wait.
const maxRivals = 8

// openSession opens or finds the session. What it reads it reads before the transaction,
// whose statements then check that nothing has changed: that way only requests for the
// same session are rivals.
func (v *Verifier) openSession(ctx context.Context, r Request) (o opened, err error) {
	for range maxRivals {
		if o, err = v.tryOpen(ctx, r); !errors.Is(err, errRival) {
			break
		}
	}
	if err == nil {
		return o, nil
	}
	// What was refused may be what a rival was let through with: the same request.
	if before, seen, again := v.known(ctx, r); again == nil && seen {
		return opened{seen: before}, nil
	}
	return opened{}, err
}

func (v *Verifier) tryOpen(ctx context.Context, r Request) (opened, error) {
	before, seen, err := v.known(ctx, r)
	if err != nil || seen {
		return opened{seen: before}, err
	}
	a, s, err := v.acquaint(ctx, r)
	if err != nil {
		return opened{}, err
	}
	if err := v.answer(ctx, a); err != nil {
		return opened{}, err
	}
	o := sending{asking: a, signals: s, before: before, now: v.newSession(r)}
	o.reaches = a.suppressed[byOwner] && r.Purpose == Manage && r.Caller == Page
	if before != nil && !before.over(v.Now()) {
		o.now = *before
	}
	return v.pay(ctx, o)
}

// pay charges the price of a text message before the transaction, since all text messages
// together write its row, and gives it back if none is sent.
func (v *Verifier) pay(ctx context.Context, o sending) (done opened, err error) {
	if o.price, err = v.admitNumber(ctx, o); err != nil {
		return opened{}, err
	}
	if o.price != nil {
		o.signals.fraud = o.price.Suspicious || o.price.Risky
		defer func() {
			if err != nil || done.price == nil {
				err = errors.Join(err, v.Fraud.Refund(context.WithoutCancel(ctx), v.DB, *o.price))
			}
		}()
	}
	done, err = v.writeAsFar(ctx, o)
	if errors.Is(err, errNeedsCaptcha) {
		err = v.challenge(ctx, o.asking, false)
	}
	return done, err
}

// writeAsFar is write, with the lifted budgets or as a decoy where the others have not
// enough. Each is tried once at most.
func (v *Verifier) writeAsFar(ctx context.Context, o sending) (opened, error) {
	for {
		done, err := v.write(ctx, o)
		switch {
		case errors.Is(err, errUnreached):
			o.reaches = false
		case errors.Is(err, errLift):
			o.lifted = true
		default:
			return done, err
		}
	}
}

// write charges the budgets, and writes the session and its message in one transaction.
func (v *Verifier) write(ctx context.Context, o sending) (done opened, err error) {
	if o.held, err = v.Quota.Reserve(ctx, o.charges()...); err != nil {
		return opened{}, err
	}
	committed := false
	defer func() {
		if !committed {
			o.held.Release()
		}
	}()
	err = v.DB.Tx(ctx, func(tx *store.Tx) (err error) {
		done, err = v.send(ctx, tx, o)
		return err
	})
	committed = err == nil
	return done, err
}

// replaceSession makes room for a session that is over. Its "this was not me" link lives
// on if it was used.
func (v *Verifier) replaceSession(ctx context.Context, tx *store.Tx, s *session) error {
	if s.stopped.IsZero() {
		return unchanged(deleteSession(ctx, tx, s))
	}
	return unchanged(retireSession(ctx, tx, s, v.mac.Of("retired", s.sid)))
}

// unchanged is errRival if no row was as it was read.
func unchanged(found bool, err error) error {
	if err == nil && !found {
		return errRival
	}
	return err
}

func (v *Verifier) newSession(r Request) session {
	now := v.Now()
	return session{
		sid:       store.NewID(now),
		address:   r.Address,
		secretMAC: v.mac.Of("secret", r.ClientSecret),
		caller:    r.Caller,
		purpose:   r.Purpose,
		user:      r.User,
		asker:     v.askerOf(r),
		created:   now,
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
	s.nextLink, s.sendAttempt, s.changed, s.existing = o.NextLink, o.SendAttempt, now, o.Existing
	s.messages, s.sent = s.messages+1, now
	s.raised = s.raised || admitted.pass != ""
	s.codeMAC, s.codeExpires = v.mac.Of("code", s.sid, code), now.Add(codeLife(s.address.Medium()))
	s.linkMAC, s.linkExpires = v.mac.Of("link", link), now.Add(linkLife)
	if err := v.putSession(ctx, tx, o.before, s); err != nil {
		return opened{}, err
	}
	job, err := v.enqueue(ctx, tx, s, letter{
		code: code, link: link, language: o.Language, trusted: o.standing == Own, decoy: o.decoy(),
		price: admitted.price, vouched: admitted.pass != "",
	})
	return opened{now: s, job: job, before: o.before, admission: admitted}, err
}

// putSession writes the session in place of what it was before. A message of before's that
// is not sent yet carries a dead code, and is withdrawn.
func (v *Verifier) putSession(ctx context.Context, tx *store.Tx, before *session, s session) error {
	if before != nil {
		if err := v.withdraw(ctx, tx, before); err != nil {
			return err
		}
		if before.sid == s.sid {
			return unchanged(v.updateSession(ctx, tx, *before, s))
		}
		if err := v.replaceSession(ctx, tx, before); err != nil {
			return err
		}
	}
	return unchanged(v.insertSession(ctx, tx, s))
}

// undo takes back what send has done when its message was not sent, so that the
// same request may be made again. If the session moved on in between, it stays.
func (v *Verifier) undo(ctx context.Context, o opened, why error) error {
	refused := errors.Is(why, outbox.ErrRefused) || errors.Is(why, ErrUndeliverable)
	err := v.DB.Tx(ctx, func(tx *store.Tx) error {
		if err := v.takeBack(ctx, tx, o, refused); err != nil {
			return err
		}
		moved, err := sessionMoved(ctx, tx, o.now)
		if err != nil || moved {
			return err
		}
		return v.restore(ctx, tx, o)
	})
	if err != nil {
		return fmt.Errorf("taking back an unsent message: %w", err)
	}
	if refused {
		o.charged.Keep()
	}
	return nil
}

// restore puts back what was before.
func (v *Verifier) restore(ctx context.Context, tx *store.Tx, o opened) error {
	if o.before != nil && o.before.sid == o.now.sid {
		return unchanged(v.updateSession(ctx, tx, o.now, *o.before))
	}
	if err := unchanged(deleteSession(ctx, tx, &o.now)); err != nil || o.before == nil {
		return err
	}
	if !o.before.stopped.IsZero() {
		return nil // it was retired, and keeps its link
	}
	return unchanged(v.insertSession(ctx, tx, *o.before))
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
