package verify

import (
	"context"
	"errors"
	"fmt"

	"signet/internal/matrix"
	"signet/internal/store"
	"signet/verify/captcha"
)

// Answer is what a person read in a CAPTCHA, or, without text, the word that the
// challenge was passed elsewhere: on its page, or at the homeserver that had it made.
type Answer struct{ ID, Text string }

// CaptchaNeeded is the error of a request that is to be made again, unchanged but for
// the answer, after its CAPTCHA was passed. Wrong tells that an answer was not right.
type CaptchaNeeded struct {
	Challenge captcha.Challenge
	Wrong     bool
}

func (e CaptchaNeeded) Error() string {
	if e.Wrong {
		return "the CAPTCHA was not solved; here is another try"
	}
	return "a CAPTCHA must be solved first"
}

// errNeedsCaptcha ends the transaction of a request that meets one.
var errNeedsCaptcha = errors.New("a CAPTCHA must be passed first")

// answer takes up the answer that comes with a request, if one does. A try counts
// whether or not the request gets further.
func (v *Verifier) answer(ctx context.Context, a asking) error {
	if v.Captcha == nil || a.Answer.ID == "" || a.Answer.Text == "" {
		return nil
	}
	switch err := v.Captcha.Pass(ctx, a.Answer.ID, a.Answer.Text); {
	case err == nil:
		return nil
	case captcha.IsRefusal(err):
		return v.challenge(ctx, a, true)
	default:
		return fmt.Errorf("checking a CAPTCHA: %w", err)
	}
}

// challenge is CaptchaNeeded with the challenge of this request: the one that is open
// yet, or a new one, of which a network may open only so many.
func (v *Verifier) challenge(ctx context.Context, a asking, wrong bool) error {
	subject := v.subject(a.Request)
	if !a.OtherCaptcha {
		c, open, err := v.Captcha.Current(ctx, subject)
		if err != nil {
			return err
		}
		if open {
			return CaptchaNeeded{Challenge: c, Wrong: wrong}
		}
	}
	if err := v.Quota.Charge(ctx, tariff{usual: challengeBudgets}.charges(a, false)...); err != nil {
		return err
	}
	open := v.Captcha.Open
	if a.OtherCaptcha {
		open = v.Captcha.OpenNew
	}
	c, err := open(ctx, subject)
	if err != nil {
		return err
	}
	return CaptchaNeeded{Challenge: c, Wrong: wrong}
}

// spendCaptcha uses up a challenge that was passed for this request: one of its own, or
// the one that its homeserver had made and names.
func (v *Verifier) spendCaptcha(ctx context.Context, tx *store.Tx, a asking) (id string, err error) {
	id, found, err := v.Captcha.SpendAny(ctx, tx, v.subject(a.Request))
	if err != nil || found {
		return id, err
	}
	server, ok := a.Caller.isHomeserver()
	if !ok || a.Answer.ID == "" {
		return "", errNeedsCaptcha
	}
	err = v.Captcha.Spend(ctx, tx, a.Answer.ID, v.homeserverSubject(server))
	if captcha.IsRefusal(err) {
		return "", errNeedsCaptcha
	}
	return a.Answer.ID, err
}

// subject is what a challenge is for: a message of this caller to this address, for whoever
// asks. Where that is not known it is for a session of this secret, of which clients make a new
// one when people try again.
func (v *Verifier) subject(r Request) []byte {
	kind, whose := "asker", string(v.askerOf(r))
	if whose == "" {
		kind, whose = "secret", r.ClientSecret
	}
	return v.index.Of("captcha", string(r.Address.Medium()), r.Address.String(), string(r.Caller), kind, whose)
}

// homeserverSubject is what the challenges are for that a homeserver has made.
func (v *Verifier) homeserverSubject(server matrix.ServerName) []byte {
	return v.index.Of("captcha of homeserver", server.String())
}

// NewChallenge opens a CAPTCHA for a homeserver's own use, such as a sign-up. The error
// is matrix.LimitExceeded when the homeserver has opened too many.
func (v *Verifier) NewChallenge(ctx context.Context, server matrix.ServerName) (captcha.Challenge, error) {
	a := asking{Request: Request{Caller: Homeserver(server)}}
	var err error
	if a.standing, err = v.standing(ctx, a.Caller); err != nil {
		return captcha.Challenge{}, err
	}
	if err := v.Quota.Charge(ctx, tariff{usual: challengeBudgets}.charges(a, false)...); err != nil {
		return captcha.Challenge{}, err
	}
	return v.Captcha.OpenNew(ctx, v.homeserverSubject(server))
}

// CheckChallenge tells a homeserver, once, that a CAPTCHA which it had made was passed: by
// the answer, or without one on the challenge's page. The challenge can still be spent on
// one message that the homeserver asks for. Errors are captcha's; ErrUnknown also for the
// challenge of another homeserver.
func (v *Verifier) CheckChallenge(ctx context.Context, server matrix.ServerName, a Answer) error {
	subject := v.homeserverSubject(server)
	if a.Text != "" {
		if err := v.Captcha.PassFor(ctx, a.ID, subject, a.Text); err != nil {
			return err
		}
	}
	return v.DB.Tx(ctx, func(tx *store.Tx) error { return v.Captcha.Check(ctx, tx, a.ID, subject) })
}
