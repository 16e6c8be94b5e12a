package page

import (
	"cmp"
	"net/http"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"

	"signet/internal/homeserver/sso"
	"signet/internal/mxhttp"
)

const (
	// LoginPath is where the pages of a login send what people enter.
	LoginPath = "/_signet/v1/login"
	// CodeProvider is the id of the identity provider by which a login by a code is offered.
	CodeProvider = "code"
)

// step is one of a login by a code as its page shows it.
type step struct {
	sso.Login
	Action  string // where the form goes
	Browser browser
	Trouble trouble
}

// Title is the key of what the step is headed with.
func (s step) Title() string {
	switch s.Asks {
	case sso.AsksAddress:
		return "login-title"
	case sso.AsksCaptcha:
		return "challenge-title"
	case sso.AsksCode:
		return "code-title"
	}
	return "consent-title"
}

// BeginLogin is GET /_matrix/client/v3/login/sso/redirect and …/redirect/{idpId}, for the site that
// the query names.
func (p Pages) BeginLogin(c echo.Context) error {
	mxhttp.SetCaller(c, "page")
	if idp := c.Param("idpId"); p.Logins == nil || idp != "" && idp != CodeProvider {
		return echo.ErrNotFound
	}
	redirect, err := mxhttp.Query(c, "redirectUrl")
	if err != nil {
		return err
	}
	login, err := p.Logins.Begin(p.newBrowser(c), redirect)
	return p.showLogin(c, login, err)
}

// LostLogin is GET /_signet/v1/login: who loads a page anew by its address has lost what was entered.
func (Pages) LostLogin(echo.Context) error { return sso.ErrStep }

// AdvanceLogin is POST /_signet/v1/login, as the form of a step sends it.
func (p Pages) AdvanceLogin(c echo.Context) error {
	mxhttp.SetCaller(c, "page")
	if p.Logins == nil {
		return echo.ErrNotFound
	}
	if err := foreign.Check(c.Request()); err != nil {
		return ErrForeignForm
	}
	entered, err := readForm(c)
	if err != nil {
		return err
	}
	login, err := p.Logins.Resume(p.knownBrowser(c), entered.Get("state"))
	if err != nil {
		return err
	}
	entry := sso.Entry{
		Address: entered.Get("address"), Answer: entered.Get("answer"), Code: entered.Get("code"), Agreed: entered.Has("agreed"), Anew: entered.Has("anew"), Again: entered.Has("again"),
		Client: mxhttp.ClientAddr(c), Language: language(c).String(),
	}
	if login.Sends(entry) {
		if err := p.ChargeCode(c); err != nil {
			return p.showLogin(c, login, err)
		}
	}
	login, err = p.Logins.Advance(c.Request().Context(), login, entry)
	return p.showLogin(c, login, err)
}

// showLogin shows what a login asks for next, with what was wrong of what was entered, or ends
// it.
func (p Pages) showLogin(c echo.Context, login sso.Login, err error) error {
	if login.Return != "" {
		return returnTo(c, login.Return)
	}
	s, status := step{Login: login, Action: p.formAction(), Browser: browserOf(c.Request().UserAgent())}, http.StatusOK
	if err != nil {
		var known bool
		if s.Trouble, status, known = p.troubleOf(err); !known || login.State == "" {
			return err
		}
		if status == http.StatusBadGateway {
			mxhttp.Log(c).Warn("a login by code waits for the identity server", "error", err)
		}
	}
	switch s.Trouble.Is {
	case noPhone: // an e-mail address would have done
		s.Trouble.Is = noAddress
	case linkNotConfirmed: // which counts nothing here
		s.Trouble.Is = wrongCode
	}
	return p.drawLogin(c, status, s)
}

// formAction is where forms of pages are sent, below whatever this server is below.
func (p Pages) formAction() string {
	u, err := url.Parse(p.PublicURL)
	if err != nil {
		return LoginPath
	}
	return strings.TrimSuffix(u.EscapedPath(), "/") + LoginPath
}

// drawLogin answers with the form of a step. Its answer may send the browser back to the one site.
func (p Pages) drawLogin(c echo.Context, status int, s step) error {
	policy := strings.Replace(policy, "form-action 'self'", "form-action 'self' "+source(s.Site), 1) + captchaPolicy(s.Captcha)
	return p.draw(c, sheet{status: status, name: loginName, policy: policy, content: s})
}

// source is the source expression of a site (Content Security Policy 3, "Source Lists"), which
// has no form for an IPv6 address.
func source(s sso.Site) string {
	scheme, host, web := strings.Cut(string(s), "://")
	if web && strings.HasPrefix(host, "[") {
		return scheme + ":"
	}
	return string(s)
}

// returnTo ends a login: the browser goes back with the token, which no cache keeps.
func returnTo(c echo.Context, address string) error {
	h := c.Response().Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	return c.Redirect(http.StatusSeeOther, address)
}

// cookie holds the name of a browser: a page's form does nothing in another one. It has no
// life beyond that of a login; who begins another one keeps it, so that both can be ended.
func (p Pages) cookie(value string) *http.Cookie {
	secure := strings.HasPrefix(p.PublicURL, "https://")
	name := "signet_login"
	if secure {
		name = "__Host-" + name // no other host may set it (RFC 6265bis, section 4.1.3.2)
	}
	return &http.Cookie{Name: name, Value: value, Path: "/", MaxAge: int(2 * sso.Life.Seconds()), Secure: secure, HttpOnly: true, SameSite: http.SameSiteLaxMode}
}

// knownBrowser is the name of the request's browser, empty where it has none.
func (p Pages) knownBrowser(c echo.Context) string {
	cookie, err := c.Cookie(p.cookie("").Name)
	if err != nil || len(cookie.Value) > 255 {
		return ""
	}
	return cookie.Value
}

// newBrowser is knownBrowser, or a new name that the answer gives to the browser.
func (p Pages) newBrowser(c echo.Context) string {
	name := cmp.Or(p.knownBrowser(c), sso.Browser())
	c.SetCookie(p.cookie(name))
	return name
}
