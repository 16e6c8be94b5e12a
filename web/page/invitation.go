package page

import (
	"context"
	_ "embed"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/labstack/echo/v4"

	"signet/internal/matrix"
	"signet/internal/mxhttp"
	"signet/internal/threepid"
	"signet/lookup/invite"
)

// Invites is what the pages ask of *invite.Invites, under its terms.
type Invites interface {
	Show(ctx context.Context, token, proof string) (invite.Shown, error)
	Refusing(ctx context.Context, token string) (time.Time, error)
	Refuse(ctx context.Context, token string) error
	Allow(ctx context.Context, token string) error
	NeverToken(a threepid.Address) string
}

const (
	invitationPath = "/invitation"
	// shortInvitationPath is the same page, for text messages.
	shortInvitationPath = "/i"
	neverPath           = invitationPath + "/never"
	scriptPath          = "/_signet/invitation.js"
)

// script reads the fragment of an invitation's link, which browsers tell no server. It
// is the only script of these pages.
//
//go:embed static/invitation.js
var script []byte

// GET /invitation
//
// What stands in the fragment of its address, the token and the private key, never
// reaches us from here: the script shows the button, which sends the token and a proof
// that the key is there.
func (p *Pages) invitation(c echo.Context) error {
	return p.render(c, http.StatusOK, invitationName, nil)
}

// invitedPage is an invitation, with what strangers wrote.
type invitedPage struct {
	Sender            matrix.UserID
	SenderName, Room  string
	Space             bool
	Open, Taken       bool // it can be accepted; it was
	SignUp, SignUpAt  string
	NeverPath, Server string
}

// POST /invitation
//
// It changes nothing: an invitation is accepted by binding the address.
func (p *Pages) showInvitation(c echo.Context) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	v, err := p.Invites.Show(c.Request().Context(), f["token"], f["proof"])
	if err != nil {
		return p.failInvitation(c, err)
	}
	return p.render(c, http.StatusOK, invitedName, invitedPage{
		Sender: matrix.UserID(v.Sender.Readable()), SenderName: v.SenderName, Room: v.RoomName, Space: v.Space,
		Open: v.State == invite.Pending, Taken: v.State == invite.Claimed || v.State == invite.Accepted,
		SignUp: p.SignUp, SignUpAt: hostOf(p.SignUp), NeverPath: withLanguage(NeverPath(v.Never), c), Server: p.site.Name,
	})
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Host
}

func (p *Pages) failInvitation(c echo.Context, err error) error {
	if errors.Is(err, invite.ErrNoLink) {
		return p.showProblem(c, refusal{Is: noInvitation, status: http.StatusNotFound})
	}
	return err
}

// neverPage is for those who want no invitations.
type neverPage struct {
	Since time.Time // since when they get none; zero: they get them
	Path  string    // of the page itself
}

// GET /invitation/never/{token}
func (p *Pages) never(c echo.Context) error {
	return p.atNever(c, func(context.Context, string) error { return nil })
}

// POST /invitation/never/{token}
//
// A mail program may ask so at its user's wish, without a page before it (RFC 8058): what
// the form says does not matter.
func (p *Pages) refuseInvitations(c echo.Context) error { return p.atNever(c, p.Invites.Refuse) }

// POST /invitation/never/{token}/allow
func (p *Pages) allowInvitations(c echo.Context) error { return p.atNever(c, p.Invites.Allow) }

// atNever does what is asked for with a token, and shows how things stand then.
func (p *Pages) atNever(c echo.Context, do func(ctx context.Context, token string) error) error {
	token, err := mxhttp.Segment(c, "token")
	if err != nil {
		return err
	}
	if c.Request().Method == http.MethodPost {
		if _, err := readForm(c); err != nil { // for its language
			return err
		}
	}
	ctx := c.Request().Context()
	if err := do(ctx, token); err != nil {
		return p.failInvitation(c, err)
	}
	since, err := p.Invites.Refusing(ctx, token)
	if err != nil {
		return p.failInvitation(c, err)
	}
	return p.render(c, http.StatusOK, neverName, neverPage{Since: utc(since), Path: NeverPath(token)})
}

// GET /invitation/never/{token}/allow
//
// What a browser asks for when somebody returns to the address of the answer.
func (p *Pages) backToNever(c echo.Context) error {
	token, err := mxhttp.Segment(c, "token")
	if err != nil {
		return err
	}
	private(c, pagePolicy)
	return c.Redirect(http.StatusSeeOther, withLanguage(NeverPath(token), c))
}

// GET /_signet/invitation.js
func (p *Pages) serveScript(c echo.Context) error {
	return serveVersioned(c, p.site.Script, "text/javascript; charset=utf-8", script)
}
