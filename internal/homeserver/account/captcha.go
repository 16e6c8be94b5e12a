package account

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"signet/internal/fedclient"
	"signet/internal/idclient"
	"signet/internal/matrix"
)

// Captchas is the identity server that makes the CAPTCHAs of StageCaptcha, as this
// homeserver asks it. An error that is no fedclient.Refusal says that it could not be asked.
type Captchas interface {
	NewChallenge(ctx context.Context) (idclient.Challenge, error)
	// CheckChallenge tells once whether a challenge was met: by the answer, or for an empty
	// one on its page. Otherwise the error is a fedclient.Refusal.
	CheckChallenge(ctx context.Context, id, answer string) error
}

// ErrCaptcha says that StageCaptcha was not passed. Where there was an answer, which is worth
// one try, there is a new picture.
var ErrCaptcha = errors.New("the CAPTCHA was not solved")

const (
	// captchaLife is how long a challenge is shown at most, whatever is said of its end.
	captchaLife = time.Hour
	// captchaLeast is what it has to have before it to be shown.
	captchaLeast = time.Minute
	// maxCaptchaURL bounds each address of a challenge, in octets.
	maxCaptchaURL = 2048
)

// withCaptcha gives the session a challenge if it is to meet one and has none that can be
// answered. Where other stages may be passed as well, it does without. Showing is asked before
// one is made; nil lets it.
func (a *Accounts) withCaptcha(ctx context.Context, s *session, showing func() error) error {
	next := a.flows(*s).next(s.completed)
	if !slices.Contains(next, StageCaptcha) || s.captcha.ExpiresAt > a.Now().Add(captchaLeast).UnixMilli() {
		return nil
	}
	made, err := a.newCaptcha(ctx, showing)
	if err != nil && len(next) > 1 {
		return nil
	}
	if err != nil || s.id == "" { // it is stored with the session
		s.captcha = made
		return err
	}
	return a.showCaptcha(ctx, s, made)
}

// showCaptcha puts a challenge in the place of the session's own. When another request has
// done so in the same moment, the session is as that left it.
func (a *Accounts) showCaptcha(ctx context.Context, s *session, made idclient.Challenge) error {
	changed, err := updateCaptcha(ctx, a.DB, a.sessions.Of(s.id), *s, made)
	if err != nil {
		return fmt.Errorf("keeping a CAPTCHA: %w", err)
	}
	if changed {
		s.captcha = made
		return nil
	}
	*s, err = a.session(ctx, s.id)
	return err
}

// newCaptcha is a challenge that people can be shown.
func (a *Accounts) newCaptcha(ctx context.Context, showing func() error) (idclient.Challenge, error) {
	if showing != nil {
		if err := showing(); err != nil {
			return idclient.Challenge{}, err
		}
	}
	made, err := a.Captchas.NewChallenge(ctx)
	if err == nil {
		err = checkCaptcha(made)
	}
	if err != nil {
		return idclient.Challenge{}, away(err)
	}
	made.ExpiresAt = min(made.ExpiresAt, a.Now().Add(captchaLife).UnixMilli())
	return made, nil
}

// checkCaptcha bounds what is kept, and shown on a page of ours.
func checkCaptcha(c idclient.Challenge) error {
	if c.ID == "" || len(c.ID) > 255 {
		return fmt.Errorf("a CAPTCHA without an id: %w", fedclient.ErrBadAnswer)
	}
	for _, address := range []string{c.URL, c.ImageURL, c.AudioURL} {
		if _, err := CaptchaSite(address); err != nil || len(address) > maxCaptchaURL {
			return fmt.Errorf("a CAPTCHA at no address of the web: %w", fedclient.ErrBadAnswer)
		}
	}
	return nil
}

// CaptchaSite is the scheme and host of a challenge's address, as a policy of pages names it
// (Content Security Policy 3, "host-source"). The error is fedclient.ErrBadAnswer.
func CaptchaSite(address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil || u.User != nil || u.Scheme != "https" && u.Scheme != "http" {
		return "", fedclient.ErrBadAnswer
	}
	host, err := matrix.ParseServerName(u.Host)
	if err != nil {
		return "", fedclient.ErrBadAnswer
	}
	return u.Scheme + "://" + host.String(), nil
}

// judgeCaptcha tells whether the session's own challenge was met. A wrong answer ends the
// challenge here, however many the identity server would still look at. What that server has
// told is told once: if this process ends before it has noted a pass, the person solves
// another.
func (a *Accounts) judgeCaptcha(ctx context.Context, s *session, auth Auth) error {
	if s.captcha.ID == "" {
		return ErrCaptcha
	}
	err := a.Captchas.CheckChallenge(ctx, s.captcha.ID, auth.Answer)
	switch {
	case err == nil && a.Contacts != nil:
		return a.Contacts.Passed(ctx, auth.Client, s.captcha.ID)
	case err == nil:
		return nil
	case !captchaRefused(err):
		return away(err)
	case auth.Answer != "":
		err = a.showCaptcha(ctx, s, idclient.Challenge{})
	default:
		*s, err = a.session(ctx, s.id)
	}
	if err == nil && !slices.Contains(s.completed, StageCaptcha) { // by a request at the same moment
		err = ErrCaptcha
	}
	return err
}

// captchaRefused tells whether it is the person's challenge that was refused, and not this
// homeserver.
func captchaRefused(err error) bool {
	refusal, ok := errors.AsType[fedclient.Refusal](err)
	return ok && (refusal.Errcode == matrix.CaptchaInvalid || refusal.Errcode == matrix.NotFound && refusal.Status == http.StatusNotFound)
}

// AnotherCaptcha has a session show a new picture. The errors are ErrUIASession and
// ErrStage.
func (a *Accounts) AnotherCaptcha(ctx context.Context, id string) error {
	s, err := a.session(ctx, id)
	if err != nil {
		return err
	}
	if !a.flows(s).follows(s.completed, StageCaptcha) {
		return ErrStage
	}
	return a.showCaptcha(ctx, &s, idclient.Challenge{})
}
