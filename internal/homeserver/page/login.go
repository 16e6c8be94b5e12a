package page

import (
	"strings"

	"github.com/labstack/echo/v4"

	"signet/internal/homeserver/sso"
)

// Login is a step of a login by a code as its page shows it.
type Login struct {
	sso.Login
	Action  string // where the form goes
	Browser Browser
	Trouble Trouble
}

// Browser is the name of a browser and of its system, each empty where it is not known.
type Browser struct{ Name, System string }

// Known tells whether anything is known of it.
func (b Browser) Known() bool { return b != Browser{} }

// Title is the key of what the step is headed with.
func (l Login) Title() string {
	switch l.Asks {
	case sso.AsksAddress:
		return "login-title"
	case sso.AsksCaptcha:
		return "challenge-title"
	case sso.AsksCode:
		return "code-title"
	}
	return "consent-title"
}

// Login answers with the form of a step. Its answer may send the browser back to the one site.
func (p Pages) Login(c echo.Context, status int, l Login) error {
	policy := strings.Replace(policy, "form-action 'self'", "form-action 'self' "+source(l.Site), 1) + captchaPolicy(l.Captcha)
	return p.draw(c, sheet{status: status, name: loginName, policy: policy, content: l})
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
