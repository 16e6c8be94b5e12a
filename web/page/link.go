package page

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"signet/internal/mxhttp"
	"signet/verify"
)

// asked is what an address is to be proven for, and who wants it.
type asked struct {
	Purpose verify.Purpose
	User    string // the Matrix account that it is for, if that is known and may be shown
	Asker   string // who asked, empty if it was asked on our own page
}

// linkPage asks whoever opened a mailed link to confirm it.
type linkPage struct {
	asked
	Address string
}

// verifiedPage says that an address is proven, and what next.
type verifiedPage struct {
	Address string
	OnPage  bool
	Owner   bool // it was shown for the owner's page, where one goes back to
	Next    *next
}

// GET /_signet/verify/{token}
//
// Programs that look for dangerous mail open every link, so this changes nothing.
func (p *Pages) link(c echo.Context) error {
	token, err := mxhttp.Segment(c, "token")
	if err != nil {
		return err
	}
	l, err := p.Verifier.Link(c.Request().Context(), token)
	if err != nil {
		return p.failLink(c, err)
	}
	if l.Validated {
		return p.showVerified(c, verifiedBy(l))
	}
	return p.render(c, http.StatusOK, linkName, linkPage{
		asked: asked{Purpose: l.Purpose, User: l.User, Asker: l.Caller.Asker()}, Address: readable(l.Address),
	})
}

// POST /_signet/verify/{token}
func (p *Pages) confirm(c echo.Context) error {
	token, err := mxhttp.Segment(c, "token")
	if err != nil {
		return err
	}
	if _, err := readForm(c); err != nil {
		return err
	}
	l, err := p.Verifier.Confirm(c.Request().Context(), token)
	if err != nil {
		return p.failLink(c, err)
	}
	return p.showVerified(c, verifiedBy(l))
}

func verifiedBy(l verify.Link) verifiedPage {
	return verifiedPage{Address: readable(l.Address), OnPage: l.Caller == verify.Page, Owner: l.Purpose == verify.Manage, Next: nextOf(l.NextLink)}
}

func (p *Pages) showVerified(c echo.Context, v verifiedPage) error {
	return p.render(c, http.StatusOK, verifiedName, v)
}

func (p *Pages) failLink(c echo.Context, err error) error {
	switch {
	case errors.Is(err, verify.ErrNoLink):
		return p.showProblem(c, refusal{Is: noLink, status: http.StatusNotFound})
	case errors.Is(err, verify.ErrExpired):
		return p.showProblem(c, refusal{Is: expired, status: http.StatusGone})
	}
	return err
}
