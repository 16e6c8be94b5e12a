package clientapi

import (
	"errors"
	"html/template"
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"signet/internal/homeserver/account"
	"signet/internal/homeserver/contact"
	"signet/internal/homeserver/sso"
	"signet/internal/idclient"
	"signet/internal/matrix"
	"signet/internal/mxhttp"
	"signet/internal/threepid"
)

// loginPage is what the template of a login sees.
type loginPage struct {
	Server string
	Style  template.CSS
	Action string // where the form goes
	Device string // the browser's name, empty where it is not known
	Login  sso.Login
	Wrong  string // in words for people
}

// policy lets the form's answer send the browser back to the one site.
func (p loginPage) policy() string {
	return strings.Replace(pagePolicy, "form-action 'self'", "form-action 'self' "+source(p.Login.Site), 1) + captchaPolicy(p.Login.Captcha)
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

// showLogin shows what a login asks for next, with what was wrong of what was entered, or ends
// it.
func (a *API) showLogin(c echo.Context, login sso.Login, err error) error {
	if login.Return != "" {
		return returnTo(c, login.Return)
	}
	status, wrong := http.StatusOK, ""
	if err != nil {
		if status, wrong = loginWrong(fromIdentity(err, false)); wrong == "" || login.State == "" {
			return fromIdentity(err, false)
		}
	}
	p := loginPage{Server: a.ServerName.String(), Style: template.CSS(style), Action: a.formAction(), Device: browserName(c.Request().UserAgent()), Login: login, Wrong: wrong}
	return render(c, status, "login.html", p, p.policy())
}

const (
	wrongCode   = "That is not the code that was sent."
	wrongEnded  = "The code has expired, or was used already. Have another one sent."
	wrongUnsent = "No message can be sent to that address."
	wrongNobody = "No account here has that address."
)

// loginWords are what people read of what they entered.
var loginWords = []struct {
	err    error
	status int
	wrong  string
}{
	{threepid.ErrEmail, http.StatusBadRequest, "That is no e-mail address."},
	{threepid.ErrPhone, http.StatusBadRequest, "That is neither an e-mail address nor a phone number with its country code, such as +49 151 23456789."},
	{contact.ErrUnknown, http.StatusForbidden, wrongNobody},
	{account.ErrNoUser, http.StatusForbidden, wrongNobody},
	{contact.ErrSession, http.StatusForbidden, wrongEnded},
	{contact.ErrNotValidated, http.StatusForbidden, wrongCode},
	{idclient.ErrCode, http.StatusForbidden, wrongCode},
	{account.ErrCaptcha, http.StatusForbidden, "These were not the digits. Here are others."},
}

// loginCodes are the same of errcodes of identity servers.
var loginCodes = map[string][]matrix.ErrCode{
	wrongCode:   {matrix.TokenIncorrect, matrix.SessionNotValidated},
	wrongEnded:  {matrix.SessionExpired, matrix.NoValidSession},
	wrongUnsent: {matrix.InvalidEmail, matrix.InvalidAddress, matrix.DestinationRejected, matrix.EmailSendError, matrix.SendError},
}

// loginWrong is nothing for an error that is not about what was entered.
func loginWrong(err error) (status int, wrong string) {
	for _, w := range loginWords {
		if errors.Is(err, w.err) {
			return w.status, w.wrong
		}
	}
	if _, is := errors.AsType[matrix.LimitExceeded](err); is {
		return http.StatusTooManyRequests, "Too many attempts. Try again in a while."
	}
	p, _ := errors.AsType[mxhttp.Problem](err)
	for wrong, codes := range loginCodes {
		if slices.Contains(codes, p.Code) {
			return http.StatusForbidden, wrong
		}
	}
	return 0, ""
}

// browserName names a browser and its system by the User-Agent, empty where it is neither of
// those that people know by name.
func browserName(agent string) string {
	browser := firstOf(agent, "Edg", "Edge", "OPR", "Opera", "SamsungBrowser", "Samsung Internet", "Firefox", "Firefox", "FxiOS", "Firefox", "CriOS", "Chrome", "Chrome", "Chrome", "Safari", "Safari")
	system := firstOf(agent, "Android", "Android", "iPhone", "iPhone", "iPad", "iPad", "Windows", "Windows", "CrOS", "ChromeOS", "Mac OS X", "macOS", "Linux", "Linux")
	switch {
	case browser == "":
		return system
	case system == "":
		return browser
	}
	return browser + " on " + system
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
