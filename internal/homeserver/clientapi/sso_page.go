package clientapi

import (
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"signet/internal/homeserver/page"
	"signet/internal/homeserver/sso"
	"signet/internal/mxhttp"
)

// showLogin shows what a login asks for next, with what was wrong of what was entered, or ends
// it.
func (a *API) showLogin(c echo.Context, login sso.Login, err error) error {
	if login.Return != "" {
		return returnTo(c, login.Return)
	}
	p, status := page.Login{Login: login, Action: a.formAction(), Browser: browserOf(c.Request().UserAgent())}, http.StatusOK
	if err != nil {
		var known bool
		if p.Trouble, status, known = troubleOf(err); !known || login.State == "" {
			return fromIdentity(err, false)
		}
		if status == http.StatusBadGateway {
			mxhttp.Log(c).Warn("a login by code waits for the identity server", "error", err)
		}
	}
	switch p.Trouble.Is {
	case page.NoPhone: // an e-mail address would have done
		p.Trouble.Is = page.NoAddress
	case page.LinkNotConfirmed: // which counts nothing here
		p.Trouble.Is = page.WrongCode
	}
	return a.pages().Login(c, status, p)
}

// browserOf names a browser and its system by the User-Agent, where they are of those that
// people know by name.
func browserOf(agent string) page.Browser {
	return page.Browser{
		Name:   firstOf(agent, "Edg", "Edge", "OPR", "Opera", "SamsungBrowser", "Samsung Internet", "Firefox", "Firefox", "FxiOS", "Firefox", "CriOS", "Chrome", "Chrome", "Chrome", "Safari", "Safari"),
		System: firstOf(agent, "Android", "Android", "iPhone", "iPhone", "iPad", "iPad", "Windows", "Windows", "CrOS", "ChromeOS", "Mac OS X", "macOS", "Linux", "Linux"),
	}
}

// firstOf is the name of the first mark that a text has, of marks with their names.
func firstOf(text string, marks ...string) string {
	for pair := range slices.Chunk(marks, 2) {
		if strings.Contains(text, pair[0]) {
			return pair[1]
		}
	}
	return ""
}
