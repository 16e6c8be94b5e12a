package page

import (
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"signet/internal/mxhttp"
)

// problemPage says that something did not work, and what to do. Its words are chosen
// by Is: a trouble, or one of the kinds below. What has no words is isRequest.
type problemPage struct {
	Is        trouble
	Wait      time.Duration
	RequestID string
}

// What a status means where nothing better is known.
const (
	isRequest trouble = "request"
	isForeign trouble = "foreign"
	isMissing trouble = "missing"
	isLarge   trouble = "large"
	isServer  trouble = "server"
)

func (p *Pages) showProblem(c echo.Context, why refusal) error {
	return p.render(c, why.status, problemName, problemPage{Is: why.Is, Wait: why.Wait, RequestID: mxhttp.RequestID(c)})
}

// Error answers a problem as a page. It is for mxhttp.Options.
func (p *Pages) Error(c echo.Context, problem mxhttp.Problem) error {
	why := refusal{Is: kindOf(problem.Status), status: problem.Status}
	if seconds, err := strconv.Atoi(c.Response().Header().Get(echo.HeaderRetryAfter)); err == nil {
		why.Wait = time.Duration(seconds) * time.Second
	}
	return p.showProblem(c, why)
}

func kindOf(status int) trouble {
	switch {
	case status == http.StatusForbidden:
		return isForeign
	case status == http.StatusNotFound, status == http.StatusMethodNotAllowed:
		return isMissing
	case status == http.StatusRequestEntityTooLarge:
		return isLarge
	case status == http.StatusTooManyRequests:
		return limited
	case status >= http.StatusInternalServerError:
		return isServer
	}
	return isRequest
}
