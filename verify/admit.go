package verify

import (
	"context"
	"errors"
	"slices"

	"signet/internal/quota"
	"signet/internal/store"
	"signet/internal/threepid"
	"signet/verify/fraud"
)

// admission is what a message was let through with, to be taken back if it is not sent.
type admission struct {
	charged *quota.Reservation
	price   *fraud.Verdict // of a text message that is no decoy
	pass    string         // the CAPTCHA that was spent on it, if one was
}

// errLift ends the transaction of a request whose budgets have not enough where a CAPTCHA
// lifts all of them that have not: it is tried again with the lifted ones.
var errLift = errors.New("the budgets that a CAPTCHA lifts have not enough")

// errUnreached ends the transaction of a message to an owner who wants none and was reached
// often enough: it is tried again as one that is not sent.
var errUnreached = errors.New("the owner wants no messages and was reached often enough")

// admit lets a message through, charging everybody whose budgets it counts in, or
// refuses it and charges nobody: the transaction of a refusal does not commit.
func (v *Verifier) admit(ctx context.Context, tx *store.Tx, o sending) (a admission, err error) {
	if o.suppressed[noMailbox] {
		return a, ErrEmailNotSent
	}
	a.charged = o.held
	if !o.decoy() { // which was told the same as any other, and costs nothing
		a.price = o.price
	}
	a.pass, err = v.charge(ctx, tx, o)
	return a, err
}

// admitNumber asks whether a text message may go to a number, which charges its price.
func (v *Verifier) admitNumber(ctx context.Context, o sending) (*fraud.Verdict, error) {
	if v.Fraud == nil || o.Address.Medium() != threepid.MSISDN {
		return nil, nil
	}
	segments, err := v.segments(o)
	if err != nil {
		return nil, err
	}
	verdict, err := v.Fraud.Admit(ctx, o.Address, segments)
	if err != nil {
		return nil, err
	}
	return &verdict, nil
}

// charge charges one message, and spends a CAPTCHA where one is needed: for lifted
// budgets, and where the signals add up.
func (v *Verifier) charge(ctx context.Context, tx *store.Tx, o sending) (pass string, err error) {
	if o.lifted {
		if pass, err = v.spendCaptcha(ctx, tx, o.asking); err != nil {
			return "", err
		}
		return pass, o.chargeIn(ctx, tx)
	}
	err = o.chargeIn(ctx, tx)
	if exhausted, short := errors.AsType[quota.Exhausted](err); short && v.When != Never && o.tariff().lifts(exhausted.Short) {
		return "", errLift
	}
	if err != nil {
		return "", err
	}
	for name, share := range o.held.Shares() {
		if name != refusedBudget(o.Address.Medium()).name { // which would tell who wants no messages
			o.signals.halfUsed = o.signals.halfUsed || share > halfUsed
		}
	}
	if !v.asks(o.signals, o.Address.Medium()) {
		return "", nil
	}
	return v.spendCaptcha(ctx, tx, o.asking)
}

// chargeIn charges what is held. The error is errUnreached where the budget has not enough by
// which an owner is reached who wants no messages.
func (o sending) chargeIn(ctx context.Context, tx *store.Tx) error {
	err := o.held.ChargeIn(ctx, tx)
	if exhausted, short := errors.AsType[quota.Exhausted](err); short && slices.Contains(exhausted.Short, refusedBudget(o.Address.Medium()).name) {
		return errUnreached
	}
	return err
}

// asks tells whether a CAPTCHA is asked for though every budget has enough.
func (v *Verifier) asks(s signals, m threepid.Medium) bool {
	switch v.When {
	case Always:
		return true
	case OnSuspicion:
		return s.guessed || s.suspicious(m)
	}
	return false
}

// takeBack gives back what a message was charged that was not sent. One that was refused
// for good was tried all the same, and stays on its requester's account: addresses cannot
// be tried out for nothing. What a dead message cost is given back as it dies (died).
func (v *Verifier) takeBack(ctx context.Context, tx *store.Tx, o opened, refused bool) error {
	if !refused {
		if err := o.charged.RefundIn(ctx, tx); err != nil {
			return err
		}
	}
	if o.pass != "" {
		if err := v.Captcha.Unspend(ctx, tx, o.pass); err != nil {
			return err
		}
	}
	withdrawn, err := v.Outbox.Withdraw(ctx, tx, o.job.ID)
	if err != nil || !withdrawn || o.price == nil {
		return err
	}
	return v.Fraud.Refund(ctx, tx, *o.price)
}
