package clientapi

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"

	"signet/internal/homeserver/account"
	"signet/internal/homeserver/page"
	"signet/internal/homeserver/sso"
	"signet/internal/mxhttp"
)

const (
	ssoPath = v3 + "/login/sso/redirect"
	// loginPath is where the pages of a login send what people enter.
	loginPath = "/_signet/v1/login"
)

// byCodeProvider is how a login by code is offered.
var byCodeProvider = identityProvider{ID: "code", Name: "code by e-mail or SMS"}

func (a *API) ssoRoutes() []mxhttp.Route {
	return []mxhttp.Route{
		{Method: http.MethodGet, Path: ssoPath, Handler: a.limited(byGuess, a.beginLogin), Page: true},
		{Method: http.MethodGet, Path: ssoPath + "/:idpId", Handler: a.limited(byGuess, a.beginLogin), Page: true},
		{Method: http.MethodGet, Path: loginPath, Handler: noLogin, Page: true},
		{Method: http.MethodPost, Path: loginPath, Handler: a.limited(byGuess, a.advanceLogin), Page: true, MaxBody: maxForm},
	}
}

// ofLogin tells whether a path is one of the pages of a login.
func ofLogin(path string) bool {
	return path == loginPath || strings.HasPrefix(strings.Replace(path, r0, v3, 1), ssoPath)
}

// GET /_matrix/client/v3/login/sso/redirect
// GET /_matrix/client/v3/login/sso/redirect/{idpId}
func (a *API) beginLogin(c echo.Context) error {
	mxhttp.SetCaller(c, "page")
	if idp := c.Param("idpId"); a.Logins == nil || idp != "" && idp != byCodeProvider.ID {
		return echo.ErrNotFound
	}
	redirect, err := mxhttp.Query(c, "redirectUrl")
	if err != nil {
		return err
	}
	login, err := a.Logins.Begin(a.browser(c), redirect)
	return a.showLogin(c, login, err)
}

// GET /_signet/v1/login
//
// Who loads a page anew by its address has lost what was entered.
func noLogin(echo.Context) error { return sso.ErrStep }

// POST /_signet/v1/login
func (a *API) advanceLogin(c echo.Context) error {
	mxhttp.SetCaller(c, "page")
	if a.Logins == nil {
		return echo.ErrNotFound
	}
	if err := a.foreign.Check(c.Request()); err != nil {
		return errForeignForm
	}
	form, err := readForm(c)
	if err != nil {
		return err
	}
	login, err := a.Logins.Resume(a.knownBrowser(c), form.Get("state"))
	if err != nil {
		return err
	}
	entry := sso.Entry{
		Address: form.Get("address"), Answer: form.Get("answer"), Code: form.Get("code"), Agreed: form.Has("agreed"), Anew: form.Has("anew"), Again: form.Has("again"),
		Client: mxhttp.ClientAddr(c), Language: page.Language(c).String(),
	}
	if login.Sends(entry) {
		if err := a.chargeNetwork(c, byCode); err != nil {
			return a.showLogin(c, login, err)
		}
	}
	login, err = a.Logins.Advance(c.Request().Context(), login, entry)
	return a.showLogin(c, login, err)
}

// loginByToken lets in whom a page of this server has sent back with a token, or whom another
// device of theirs has given one.
func (a *API) loginByToken(c echo.Context, r loginRequest) (account.Login, error) {
	if r.Token == "" {
		return account.Login{}, errLoginToken
	}
	from := account.Whence{Client: mxhttp.ClientAddr(c), Language: language(c, "")}
	return a.Accounts.LoginByToken(c.Request().Context(), r.Token, r.device(), from)
}

// cookie holds the name of a browser: a page's form does nothing in another one. It has no
// life beyond that of a login; who begins another one keeps it, so that both can be ended.
func (a *API) cookie(value string) *http.Cookie {
	secure := strings.HasPrefix(a.PublicURL, "https://")
	name := "signet_login"
	if secure {
		name = "__Host-" + name // no other host may set it (RFC 6265bis, section 4.1.3.2)
	}
	return &http.Cookie{Name: name, Value: value, Path: "/", MaxAge: int(2 * sso.Life.Seconds()), Secure: secure, HttpOnly: true, SameSite: http.SameSiteLaxMode}
}

// knownBrowser is the name of the request's browser, empty where it has none.
func (a *API) knownBrowser(c echo.Context) string {
	cookie, err := c.Cookie(a.cookie("").Name)
	if err != nil || len(cookie.Value) > 255 {
		return ""
	}
	return cookie.Value
}

// browser is knownBrowser, or a new name that the answer gives to the browser.
func (a *API) browser(c echo.Context) string {
	name := cmp.Or(a.knownBrowser(c), sso.Browser())
	c.SetCookie(a.cookie(name))
	return name
}

// formAction is where forms of pages are sent, below whatever this server is below.
func (a *API) formAction() string {
	u, err := url.Parse(a.PublicURL)
	if err != nil {
		return loginPath
	}
	return strings.TrimSuffix(u.EscapedPath(), "/") + loginPath
}

// returnTo ends a login: the browser goes back with the token, which no cache keeps.
func returnTo(c echo.Context, address string) error {
	h := c.Response().Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	return c.Redirect(http.StatusSeeOther, address)
}

// errForeignForm is the error of a form that another site has a browser send.
var errForeignForm = errors.New("the form was not sent from a page of this server")
