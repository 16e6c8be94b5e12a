package verify

import (
	"context"
	"errors"

	"signet/internal/quota"
	"signet/internal/store"
	"signet/internal/threepid"
	"signet/verify/fraud"
)

// admission is what a message was let through with, to be taken back if it is not sent.
type admission struct {
	charged *quota.Reservation
	price   *fraud.Verdict // of a text message
	passed  bool           // a CAPTCHA was spent on it
}

// errLift ends the transaction of a request whose budgets have not enough where a CAPTCHA
// lifts all of them that have not: it is tried again with the raised ones.
var errLift = errors.New("the budgets that a CAPTCHA lifts have not enough")

// admit lets a message through, charging everybody whose budgets it counts in, or
// refuses it and charges nobody: the transaction of a refusal does not commit.
func (v *Verifier) admit(ctx context.Context, tx *store.Tx, o sending) (a admission, err error) {
	if o.suppressed[noMailbox] {
		return a, ErrEmailNotSent
	}
	if a.price, err = v.admitNumber(ctx, tx, o.asking); err != nil {
		return a, err
	}
	o.signals.fraud = a.price != nil && (a.price.Suspicious || a.price.Risky)
	a.charged = o.held
	a.passed, err = v.charge(ctx, tx, o)
	return a, err
}

// admitNumber asks whether a text message may go to a number, which charges its price. A
// decoy is asked the same, but not counted as a code that might come back.
func (v *Verifier) admitNumber(ctx context.Context, tx *store.Tx, a asking) (*fraud.Verdict, error) {
	if v.Fraud == nil || a.Address.Medium() != threepid.MSISDN {
		return nil, nil
	}
	verdict, err := v.Fraud.Admit(ctx, tx, a.Address)
	if err == nil && !a.suppressed[byOwner] {
		err = v.Fraud.Sent(ctx, tx, a.Address, verdict.Charged)
	}
	return &verdict, err
}

// charge charges one message, and spends a CAPTCHA where one is needed: for raised
// budgets, and where the signals add up.
func (v *Verifier) charge(ctx context.Context, tx *store.Tx, o sending) (passed bool, err error) {
	if o.raised {
		if err := v.spendCaptcha(ctx, tx, o.asking); err != nil {
			return false, err
		}
		return true, o.held.ChargeIn(ctx, tx)
	}
	err = o.held.ChargeIn(ctx, tx)
	if exhausted, short := errors.AsType[quota.Exhausted](err); short && v.When != Never && liftable(o.budgets(), exhausted.Short) {
		return false, errLift
	}
	if err != nil {
		return false, err
	}
	for _, share := range o.held.Shares() {
		o.signals.halfUsed = o.signals.halfUsed || share > halfUsed
	}
	if !v.asks(o.signals, o.Address.Medium()) {
		return false, nil
	}
	return true, v.spendCaptcha(ctx, tx, o.asking)
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

// takeBack gives back what a message was charged that was not sent.
func (v *Verifier) takeBack(ctx context.Context, tx *store.Tx, o opened) error {
	if err := o.charged.RefundIn(ctx, tx); err != nil || o.price == nil {
		return err
	}
	if err := v.Fraud.Refund(ctx, tx, *o.price); err != nil || o.decoy {
		return err
	}
	return v.Fraud.Unsent(ctx, tx, o.now.address, o.price.Charged)
}
