package clientapi

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"signet/internal/homeserver/account"
	"signet/internal/homeserver/page"
	"signet/internal/homeserver/sso"
	"signet/internal/mxhttp"
)

// pages draws this server's pages for people.
func (a *API) pages() page.Pages { return page.Pages{Server: a.ServerName} }

// Page answers a problem to people where they look at a page, and leaves the rest to be
// answered as JSON. It is for mxhttp.Options.
func (a *API) Page(c echo.Context, p mxhttp.Problem) error {
	if path := c.Request().URL.Path; !strings.HasSuffix(path, fallbackSuffix) && !ofLogin(path) {
		return nil
	}
	seconds, _ := strconv.Atoi(c.Response().Header().Get(echo.HeaderRetryAfter)) // 0 where it is none
	return a.pages().Problem(c, p.Status, problemOf(p), time.Duration(seconds)*time.Second)
}

// problems are those that are told from others of their status.
var problems = []struct {
	err error
	is  page.Problem
}{
	{account.ErrUIASession, page.SessionOver},
	{account.ErrStage, page.SessionOver},
	{sso.ErrStep, page.LoginOver},
	{sso.ErrRedirect, page.BadRedirect},
	{errForeignForm, page.ForeignForm},
}

// problemOf is what a problem is to people.
func problemOf(p mxhttp.Problem) page.Problem {
	for _, known := range problems {
		if errors.Is(p, known.err) {
			return known.is
		}
	}
	switch p.Status {
	case http.StatusNotFound, http.StatusMethodNotAllowed:
		return page.Missing
	case http.StatusRequestEntityTooLarge:
		return page.TooLarge
	case http.StatusTooManyRequests:
		return page.TooManyTries
	case http.StatusBadGateway, http.StatusServiceUnavailable:
		return page.Away
	case http.StatusBadRequest:
		return page.BadRequest
	}
	if p.Status >= http.StatusInternalServerError {
		return page.ServerFault
	}
	return page.SessionOver
}
