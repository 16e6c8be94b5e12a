package page

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"signet/internal/matrix"
	"signet/internal/mxhttp"
	"signet/verify"
)

// linkPage asks whoever opened a mailed link to confirm it.
type linkPage struct {
	Address string
	Asker   asker
}

// asker is who asked: a Matrix account, or only its server where the account's name
// could be any text, or nobody if it was asked on our own page.
type asker struct{ User, Server string }

func askerOf(c verify.Caller) asker {
	user, ok := c.Account()
	if !ok {
		return asker{}
	}
	if _, err := matrix.NewUserID(user.Localpart(), user.Server()); err != nil {
		return asker{Server: user.Server().String()}
	}
	return asker{User: user.String(), Server: user.Server().String()}
}

// verifiedPage says that an address is proven, and what next.
type verifiedPage struct {
	Address string
	OnPage  bool
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
	return p.render(c, http.StatusOK, linkName, linkPage{Address: readable(l.Address), Asker: askerOf(l.Caller)})
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
	return verifiedPage{Address: readable(l.Address), OnPage: l.Caller == verify.Page, Next: nextOf(l.NextLink)}
}

func (p *Pages) showVerified(c echo.Context, v verifiedPage) error {
	return p.render(c, http.StatusOK, verifiedName, v)
}

func (p *Pages) failLink(c echo.Context, err error) error {
	switch {
	case errors.Is(err, verify.ErrNoLink):
		return p.showProblem(c, http.StatusNotFound, noLink)
	case errors.Is(err, verify.ErrExpired):
		return p.showProblem(c, http.StatusGone, expired)
	}
	return err
}
