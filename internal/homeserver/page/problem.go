package page

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"signet/internal/homeserver/account"
	"signet/internal/homeserver/sso"
	"signet/internal/mxhttp"
)

// kind is what a page tells of that has no form: a part of the key of its phrase.
type kind string

// The kinds of problems.
const (
	sessionOver  kind = "session"
	loginOver    kind = "login"
	badRedirect  kind = "redirect"
	foreignForm  kind = "foreign"
	tooLarge     kind = "large"
	missing      kind = "missing"
	tooManyTries kind = "limit"
	away         kind = "away"
	serverFault  kind = "server"
	badRequest   kind = "request"
)

// kinds are those of problems that are told from others of their status.
var kinds = []struct {
	err error
	is  kind
}{
	{account.ErrUIASession, sessionOver},
	{account.ErrStage, sessionOver},
	{sso.ErrStep, loginOver},
	{sso.ErrRedirect, badRedirect},
	{ErrForeignForm, foreignForm},
}

// kindOf is what a problem is to people.
func kindOf(p mxhttp.Problem) kind {
	for _, k := range kinds {
		if errors.Is(p, k.err) {
			return k.is
		}
	}
	switch p.Status {
	case http.StatusNotFound, http.StatusMethodNotAllowed:
		return missing
	case http.StatusRequestEntityTooLarge:
		return tooLarge
	case http.StatusTooManyRequests:
		return tooManyTries
	case http.StatusBadGateway, http.StatusServiceUnavailable:
		return away
	case http.StatusBadRequest:
		return badRequest
	}
	if p.Status >= http.StatusInternalServerError {
		return serverFault
	}
	return sessionOver
}

// problem is what the template of a problem sees.
type problem struct {
	Is      kind
	Wait    time.Duration // after which it may be over
	Request string
}

// Problem answers with a page that tells of a problem.
func (p Pages) Problem(c echo.Context, of mxhttp.Problem) error {
	seconds, _ := strconv.Atoi(c.Response().Header().Get(echo.HeaderRetryAfter)) // 0 where it is none
	return p.drawProblem(c, of.Status, problem{Is: kindOf(of), Wait: time.Duration(seconds) * time.Second})
}

func (p Pages) drawProblem(c echo.Context, status int, of problem) error {
	of.Request = mxhttp.RequestID(c)
	return p.draw(c, sheet{status: status, name: problemName, policy: policy, content: of})
}
