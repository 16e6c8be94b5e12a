package sso

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"signet/internal/homeserver/account"
	"signet/internal/homeserver/contact"
	"signet/internal/idclient"
	"signet/internal/matrix"
	"signet/internal/seal"
	"signet/internal/store"
)

// Options is what logins stand on.
type Options struct {
	DB       *store.DB
	Vault    *seal.Vault
	Accounts *account.Accounts
	Contacts *contact.Contacts
	Trusted  []Site // are returned to without a question
	Now      func() time.Time
}

// Logins are those of one server. It is safe for concurrent use, also by several processes on
// one database.
type Logins struct {
	Options
	box seal.Box
}

// New opens the logins in a database that has been migrated.
func New(ctx context.Context, o Options) (*Logins, error) {
	box, err := o.Vault.Box(ctx, "sso steps")
	if err != nil {
		return nil, fmt.Errorf("opening the logins by code: %w", err)
	}
	return &Logins{o, box}, nil
}

// Login is a login at one step, as its page shows it.
type Login struct {
	Asks    Asks
	State   string // goes along with what the person enters
	Site    Site   // is returned to
	Trusted bool   // without a question
	Address string // that the code was sent to
	Captcha idclient.Challenge
	User    matrix.UserID // who logs in; empty until the code was typed
	Return  string        // where the browser goes at last; empty until then

	browser string
	step    step
	to      Redirect
}

// Entry is what a person enters, and where they are. What is not asked for does not count.
type Entry struct {
	Address string
	Answer  string // to the CAPTCHA
	Code    string
	Agreed  bool
	// Anew asks for another address, Again for another CAPTCHA or another code.
	Anew, Again bool

	Client   netip.Addr // zero where that is not known
	Language string     // BCP 47; empty where that is not known
}

// Browser is a name that one browser keeps to itself: nobody else goes on with its logins.
func Browser() string { return rand.Text() + rand.Text() }

// redirect reads an address that a login may end at. The error is ErrRedirect.
func (l *Logins) redirect(text string) (Redirect, error) {
	r, err := ParseRedirect(text)
	if err != nil || !r.site.safe() && !slices.Contains(l.Trusted, r.site) {
		return Redirect{}, ErrRedirect
	}
	return r, nil
}

// Begin begins a login in a browser. The error is ErrRedirect.
func (l *Logins) Begin(browser, redirect string) (Login, error) {
	to, err := l.redirect(redirect)
	if err != nil {
		return Login{}, err
	}
	s := step{Redirect: redirect, Until: l.Now().Add(Life).UnixMilli(), Asks: AsksAddress, Secret: rand.Text(), Attempt: 1}
	return l.at(browser, s, to), nil
}

// Resume is the login of a state. The error is ErrStep.
func (l *Logins) Resume(browser, state string) (Login, error) {
	s, to, err := l.open(browser, state)
	if err != nil {
		return Login{}, err
	}
	return l.at(browser, s, to), nil
}

// at is a login at a step.
func (l *Logins) at(browser string, s step, to Redirect) Login {
	return Login{
		Asks: s.Asks, State: l.seal(browser, s), Site: to.site, Trusted: slices.Contains(l.Trusted, to.site),
		Address: s.shown(), Captcha: s.Challenge, User: s.User, browser: browser, step: s, to: to,
	}
}

// Sends tells whether Advance has a message sent.
func (a Login) Sends(e Entry) bool {
	switch a.Asks {
	case AsksAddress, AsksCaptcha:
		return !e.Anew
	case AsksCode:
		return e.Again && !e.Anew
	}
	return false
}

// Advance goes on by what the person entered. Where that leads nowhere the login is given too,
// as it can be gone on with. Errors are those of threepid, contact and idclient, ErrStep, and
// account.ErrNoUser.
func (l *Logins) Advance(ctx context.Context, a Login, e Entry) (Login, error) {
	switch {
	case e.Anew:
		return l.anew(a), nil
	case a.Asks == AsksAddress:
		return l.address(ctx, a, e)
	case a.Asks == AsksCaptcha:
		return l.captcha(ctx, a, e)
	case a.Asks == AsksCode && e.Again:
		return l.again(ctx, a, e)
	case a.Asks == AsksCode:
		return l.code(ctx, a, e)
	case a.Asks == AsksConsent && e.Agreed:
		return l.finish(ctx, a)
	}
	return a, nil
}

// anew asks for an address once more, by no code that was sent before.
func (l *Logins) anew(a Login) Login {
	s := a.step
	s = step{Redirect: s.Redirect, Until: s.Until, Asks: AsksAddress, Secret: rand.Text(), Attempt: 1}
	return l.at(a.browser, s, a.to)
}
