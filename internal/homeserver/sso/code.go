package sso

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"signet/internal/fedclient"
	"signet/internal/homeserver/account"
	"signet/internal/homeserver/contact"
	"signet/internal/idclient"
	"signet/internal/matrix"
	"signet/internal/store"
	"signet/internal/threepid"
)

// parseAddress reads an e-mail address, or a phone number with its country's code. Errors are
// threepid.ErrEmail and ErrPhone.
func parseAddress(text string) (threepid.Address, error) {
	text = strings.TrimSpace(text)
	switch {
	case strings.Contains(text, "@"):
		return threepid.ParseEmail(text)
	case !strings.HasPrefix(text, "+"):
		return threepid.Address{}, threepid.ErrPhone
	}
	return threepid.ParsePhone(text, "US") // which an international number does not depend on
}

// address has a code sent to the address that was entered.
func (l *Logins) address(ctx context.Context, a Login, e Entry) (Login, error) {
	address, err := parseAddress(e.Address)
	if err != nil {
		return a, err
	}
	s := a.step
	s.Medium, s.Address = address.Medium(), address.String()
	return l.send(ctx, a, s, e)
}

// captcha has the code sent that a CAPTCHA was asked for.
func (l *Logins) captcha(ctx context.Context, a Login, e Entry) (Login, error) {
	s := a.step
	if e.Again || e.Answer == "" {
		s.Challenge = idclient.Challenge{}
		return l.send(ctx, a, s, e)
	}
	next, err := l.send(ctx, a, s, e)
	refused, is := errors.AsType[fedclient.Refusal](err)
	if _, needed := errors.AsType[idclient.CaptchaNeeded](err); needed || !is || refused.Errcode != matrix.CaptchaInvalid {
		return next, err
	}
	s.Challenge = idclient.Challenge{}
	if next, err = l.send(ctx, a, s, e); err == nil && next.Asks == AsksCaptcha {
		err = account.ErrCaptcha
	}
	return next, err
}

// again has another code sent.
func (l *Logins) again(ctx context.Context, a Login, e Entry) (Login, error) {
	s := a.step
	s.Attempt++
	return l.send(ctx, a, s, e)
}

// send has a code sent, or asks for the CAPTCHA that the identity server wants first.
func (l *Logins) send(ctx context.Context, a Login, s step, e Entry) (Login, error) {
	address, err := s.address()
	if err != nil {
		return a, err
	}
	sid, err := l.Contacts.RequestToken(ctx, contact.Wish{
		Purpose: idclient.Login, Address: address, ClientSecret: s.Secret, SendAttempt: s.Attempt,
		Client: e.Client, Language: e.Language, Challenge: s.Challenge.ID, Answer: e.Answer,
	})
	if needed, is := errors.AsType[idclient.CaptchaNeeded](err); is {
		return l.challenge(a, s, needed.Challenge)
	}
	if err != nil {
		return a, fmt.Errorf("sending a code to log in by: %w", err)
	}
	s.Asks, s.SID, s.Challenge = AsksCode, sid, idclient.Challenge{}
	return l.at(a.browser, s, a.to), nil
}

// maxURL is the length in octets of the addresses of a CAPTCHA.
const maxURL = 1000

// challenge shows a CAPTCHA. The error is fedclient.ErrBadAnswer for what cannot be shown.
func (l *Logins) challenge(a Login, s step, c idclient.Challenge) (Login, error) {
	for _, address := range []string{c.ImageURL, c.AudioURL} {
		if _, err := account.CaptchaSite(address); err != nil || len(address) > maxURL || len(c.ID) > 255 {
			return a, fmt.Errorf("a CAPTCHA that cannot be shown: %w", fedclient.ErrBadAnswer)
		}
	}
	wrong := s.Challenge.ID != ""
	s.Asks, s.Challenge = AsksCaptcha, idclient.Challenge{ID: c.ID, ImageURL: c.ImageURL, AudioURL: c.AudioURL}
	next := l.at(a.browser, s, a.to)
	if wrong {
		return next, account.ErrCaptcha
	}
	return next, nil
}

// code looks at the code that was typed. That the session was validated does not do: its owner
// may have followed the link of the message for a login that somebody else began.
func (l *Logins) code(ctx context.Context, a Login, e Entry) (Login, error) {
	s, typed := a.step, strings.TrimSpace(e.Code)
	if typed == "" {
		return a, idclient.ErrCode
	}
	err := l.Contacts.SubmitToken(ctx, s.Medium, s.session(), typed)
	if err != nil {
		return a, fmt.Errorf("looking at a code to log in by: %w", err)
	}
	proof, err := l.Contacts.Prove(ctx, s.session(), idclient.Login, "")
	if err != nil {
		return l.after(a, err), fmt.Errorf("looking at what a code shows: %w", err)
	}
	s.Asks, s.User = AsksConsent, proof.User()
	next := l.at(a.browser, s, a.to)
	if next.Trusted {
		return l.finish(ctx, next)
	}
	return next, nil
}

// after is where a login goes on when nothing was learned of its session: at the beginning where
// that is good for nothing any more, otherwise where it was, as when the identity server is away.
func (l *Logins) after(a Login, err error) Login {
	for _, end := range []error{contact.ErrSession, contact.ErrUnknown, contact.ErrNotValidated} {
		if errors.Is(err, end) {
			return l.anew(a)
		}
	}
	return a
}

// finish ends a login: it uses up what was shown, and sends the browser back.
func (l *Logins) finish(ctx context.Context, a Login) (Login, error) {
	proof, err := l.Contacts.Prove(ctx, a.step.session(), idclient.Login, a.User)
	if err != nil {
		return l.after(a, err), fmt.Errorf("looking at what was shown: %w", err)
	}
	var token string
	err = l.DB.Tx(ctx, func(tx *store.Tx) (err error) {
		if err = l.Contacts.Spend(ctx, tx, proof); err == nil {
			token, err = l.Accounts.IssueLoginToken(ctx, tx, proof.User())
		}
		return err
	})
	if err != nil {
		return l.anew(a), fmt.Errorf("ending a login by code: %w", err)
	}
	a.Return = a.to.With(token)
	return a, nil
}
