package clientapi

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"signet/internal/homeserver/page"
	"signet/internal/mxhttp"
)

const (
	stagePath      = v3 + "/auth/:stage" + fallbackSuffix
	fallbackSuffix = "/fallback/web"
	ssoPath        = v3 + "/login/sso/redirect"
)

// pages answers people where they look at a page.
func (a *API) pages() page.Pages {
	return page.Pages{
		Server: a.ServerName, PublicURL: a.PublicURL, Accounts: a.Accounts, Logins: a.Logins, Meaning: meaning,
		ChargeCaptcha: func(c echo.Context) error { return a.showing(c)() },
		ChargeCode:    func(c echo.Context) error { return a.chargeNetwork(c, byCode) },
	}
}

// paged is a page as a handler; what is wrong without a form is answered by Page.
func (a *API) paged(handle func(page.Pages, echo.Context) error) echo.HandlerFunc {
	return func(c echo.Context) error { return fromIdentity(handle(a.pages(), c), false) }
}

// meaning is an error as a client reads it, if anybody has named it.
func meaning(err error) error {
	err = fromIdentity(err, false)
	if p, known := Translate(err); known {
		return p
	}
	return err
}

// stageRoutes are the pages of stages, which clients open that know no better.
func (a *API) stageRoutes() []mxhttp.Route {
	return []mxhttp.Route{
		{Method: http.MethodGet, Path: stagePath, Handler: a.limited(byGuess, a.paged(page.Pages.ShowStage)), Page: true},
		{Method: http.MethodPost, Path: stagePath, Handler: a.limited(byGuess, a.paged(page.Pages.PassStage)), Page: true, MaxBody: page.MaxForm},
	}
}

// ssoRoutes are the pages of a login by a code.
func (a *API) ssoRoutes() []mxhttp.Route {
	return []mxhttp.Route{
		{Method: http.MethodGet, Path: ssoPath, Handler: a.limited(byGuess, a.paged(page.Pages.BeginLogin)), Page: true},
		{Method: http.MethodGet, Path: ssoPath + "/:idpId", Handler: a.limited(byGuess, a.paged(page.Pages.BeginLogin)), Page: true},
		{Method: http.MethodGet, Path: page.LoginPath, Handler: a.paged(page.Pages.LostLogin), Page: true},
		{Method: http.MethodPost, Path: page.LoginPath, Handler: a.limited(byGuess, a.paged(page.Pages.AdvanceLogin)), Page: true, MaxBody: page.MaxForm},
	}
}

// ofLogin tells whether a path is one of the pages of a login.
func ofLogin(path string) bool {
	return path == page.LoginPath || strings.HasPrefix(strings.Replace(path, r0, v3, 1), ssoPath)
}

// Page answers a problem to people where they look at a page, and leaves the rest to be
// answered as JSON. It is for mxhttp.Options.
func (a *API) Page(c echo.Context, p mxhttp.Problem) error {
	if path := c.Request().URL.Path; !strings.HasSuffix(path, fallbackSuffix) && !ofLogin(path) {
		return nil
	}
	return a.pages().Problem(c, p)
}
