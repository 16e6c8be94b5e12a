package notice

import (
	"context"
	"errors"
	"fmt"
	"time"

	"signet/internal/deliver"
	"signet/internal/matrix"
	"signet/internal/outbox"
	"signet/internal/quota"
	"signet/internal/store"
	"signet/internal/threepid"
	"signet/internal/wording"
	"signet/lookup/notice/words"
	"signet/verify/fraud"
)

// errNoSender is of a notice that was put while notices went that way.
var errNoSender = fmt.Errorf("%w: notices do not go that way any more", outbox.ErrRefused)

// sendEmail sends a notice, or drops it where it may not go.
func (n *Notices) sendEmail(ctx context.Context, job outbox.Job) error {
	to, l, err := open(job)
	switch {
	case err != nil:
		return err
	case n.Email == nil:
		return errNoSender
	}
	if l, err = n.recalled(ctx, l); err != nil {
		return err
	}
	err = n.within(ctx, to, l, func(l letter) error {
		subject, text, html, err := n.Words.Email(n.notice(l))
		if err != nil {
			return fmt.Errorf("writing a notice: %w", err)
		}
		return n.Email.SendEmail(ctx, deliver.Email{ID: job.ID, To: to, Subject: subject, Text: text, HTML: html, Language: n.language(l).String()})
	})
	if errors.Is(err, deliver.ErrNoMailbox) {
		err = errors.Join(err, n.Owners.NoMailbox(ctx, to))
	}
	return ended(err)
}

// recalled is the letter as it is true when it is sent: a former holder who was erased while
// it waited is not named, and the address is told of as one that was nobody's.
func (n *Notices) recalled(ctx context.Context, l letter) (letter, error) {
	if l.Former == "" {
		return l, nil
	}
	former, err := n.Directory.FormerAt(ctx, l.Position)
	if err == nil && former == "" {
		l.Kind, l.Former = words.Bound, ""
	}
	return l, err
}

// sendSMS sends a notice that is paid for. It is tried once, by each provider in turn:
// after a crash nobody knows whether it has left, and it is not worth its price twice.
func (n *Notices) sendSMS(ctx context.Context, job outbox.Job) error {
	to, l, err := open(job)
	switch {
	case err != nil:
		return err
	case n.SMS == nil:
		return errNoSender
	case job.Attempt > 1:
		return fmt.Errorf("%w: a text message is tried once", outbox.ErrRefused)
	}
	return ended(n.within(ctx, to, l, func(l letter) error {
		text, err := n.Words.SMS(n.notice(l))
		if err != nil {
			return fmt.Errorf("writing a notice: %w", err)
		}
		return n.pay(ctx, to, text, func() error {
			return n.SMS.Send(ctx, deliver.SMS{ID: job.ID, To: to, Text: text}, nil, func(context.Context, string) error { return nil })
		})
	}))
}

// within calls send unless the notice is to be spared, or the address has had its share. The budget
// is charged here and not where the notice was put, since what the transaction of a change
// charges may be charged for nothing: it may run again. What was not sent is given back.
func (n *Notices) within(ctx context.Context, to threepid.Address, l letter, send func(letter) error) error {
	if spared, err := n.spared(ctx, to, l); err != nil || spared {
		return err
	}
	a, err := n.admit(ctx, to, l)
	if err != nil || !a.sends {
		return err
	}
	if err := send(a.letter); err != nil {
		return errors.Join(err, n.Quota.Refund(ctx, a.charges...))
	}
	return nil
}

// admitted is what an address is told in place of a notice.
type admitted struct {
	letter
	sends   bool // false: nothing, or later
	charges []quota.Charge
}

// admit charges an address for a notice. What is over its share is not dropped in silence: of keys
// that wait it is told when there is room again, of the newest alone, or at once if that would be
// late; of all else it is told once a day that there is more.
func (n *Notices) admit(ctx context.Context, to threepid.Address, l letter) (admitted, error) {
	if l.Kind.OfAccounts() {
		return n.admitAccount(ctx, to, l)
	}
	budget := destination
	if l.Kind.Waits() {
		budget = recoveries
	}
	charge, wait, err := n.charge(ctx, budget, to)
	switch {
	case err != nil:
		return admitted{}, err
	case wait == 0:
		return admitted{l, true, charge}, nil
	case l.Kind.Waits() && 2*wait > store.Time(l.Until).Sub(n.Now()):
		return admitted{letter: l, sends: true}, nil
	case l.Kind.Waits():
		return admitted{}, n.putOff(ctx, to, l, wait)
	}
	if charge, wait, err = n.charge(ctx, more, to); err != nil || wait > 0 {
		return admitted{}, err
	}
	l.Kind = words.Many
	return admitted{l, true, charge}, nil
}

// charge charges an address for one notice. If it has had its share, it is told how long to wait.
func (n *Notices) charge(ctx context.Context, budget string, to threepid.Address) ([]quota.Charge, time.Duration, error) {
	charge := quota.Charge{Budget: budget, Subject: string(to.Medium()) + " " + to.String(), N: 1}
	err := n.Quota.Charge(ctx, charge)
	if short, is := errors.AsType[quota.Exhausted](err); is {
		return nil, max(short.RetryAfter, time.Millisecond), nil
	}
	return []quota.Charge{charge}, 0, err
}

// putOff puts a notice again, to be sent later.
func (n *Notices) putOff(ctx context.Context, to threepid.Address, l letter, wait time.Duration) error {
	return n.Outbox.DB.Tx(ctx, func(tx *store.Tx) error {
		return n.putAt(ctx, tx, "keys "+store.NewID(n.Now()), to, l, n.Now().Add(wait))
	})
}

// spared tells whether an address is sent nothing, or the notice was overtaken.
func (n *Notices) spared(ctx context.Context, to threepid.Address, l letter) (bool, error) {
	if l.Kind.OfAccounts() {
		return n.accountSpared(ctx, to, l)
	}
	if over, err := n.overtaken(ctx, to, l); err != nil || over {
		return over, err
	}
	return n.Owners.Suppressed(ctx, to)
}

// overtaken tells whether what a notice is about was erased while it waited, or it would
// reach somebody else than the user it is meant for, or a reminder is not true any more.
func (n *Notices) overtaken(ctx context.Context, to threepid.Address, l letter) (bool, error) {
	if l.Kind.OfKeys() {
		return n.keysOvertaken(ctx, to, l)
	}
	if l.Kind == words.Lost || l.Kind == words.Ending {
		until, err := n.Directory.BoundUntil(ctx, to, matrix.UserID(l.User))
		switch {
		case err != nil, until.IsZero():
			return true, err
		case l.Kind == words.Ending:
			return store.Millis(until) != l.NotAfter, nil
		}
	}
	return n.Directory.Forgotten(ctx, l.Position)
}

// pay calls send if the policy for text messages lets it, and gives the price back if
// nothing can have left. The message is no code that could come back, so it does not count
// among those by which numbers are judged.
func (n *Notices) pay(ctx context.Context, to threepid.Address, text string, send func() error) error {
	price, err := n.Fraud.Admit(ctx, to, wording.Segments(text))
	if refusedByPolicy(err) {
		return nil
	}
	if err != nil {
		return err
	}
	err = send()
	switch {
	case err == nil, errors.Is(err, deliver.ErrUnknownOutcome):
		return nil
	default:
		return errors.Join(err, n.Fraud.Refund(ctx, n.Outbox.DB, price))
	}
}

// refusedByPolicy tells whether a text message was refused, which the guard's metric counts.
func refusedByPolicy(err error) bool {
	for _, refusal := range []error{fraud.ErrOff, fraud.ErrCountry, fraud.ErrNumberType, fraud.ErrPaused, fraud.ErrCap} {
		if errors.Is(err, refusal) {
			return true
		}
	}
	return false
}

// ended tells the outbox when trying again cannot help.
func ended(err error) error {
	if errors.Is(err, deliver.ErrRefused) {
		return fmt.Errorf("%w: %w", outbox.ErrRefused, err)
	}
	return err
}
