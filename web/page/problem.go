package page

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"signet/internal/mxhttp"
)

// problemPage says that something did not work, and what to do. Its words are chosen
// by Is: a trouble, or one of the kinds below. What has no words is isRequest.
type problemPage struct {
	Is        trouble
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

func (p *Pages) showProblem(c echo.Context, status int, is trouble) error {
	return p.render(c, status, problemName, problemPage{Is: is, RequestID: mxhttp.RequestID(c)})
}

// Error answers a problem as a page. It is for mxhttp.Options.
func (p *Pages) Error(c echo.Context, problem mxhttp.Problem) error {
	return p.showProblem(c, problem.Status, kindOf(problem.Status))
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
