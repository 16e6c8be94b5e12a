package page

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/labstack/echo/v4"

	"signet/internal/matrix"
	"signet/internal/mxhttp"
)

// MaxForm is the size in bytes that what a form sends may have.
const MaxForm = 8 << 10

// ErrForeignForm is the error of a form that another site has a browser send.
var ErrForeignForm = errors.New("the form was not sent from a page of this server")

var foreign http.CrossOriginProtection

// readForm reads what a page asks for; the query string has no say in it.
func readForm(c echo.Context) (url.Values, error) {
	r := c.Request()
	if err := r.ParseForm(); err != nil {
		if problem, ok := errors.AsType[mxhttp.Problem](err); ok {
			return nil, problem
		}
		return nil, mxhttp.Problem{Status: http.StatusBadRequest, Code: matrix.InvalidParam, Message: "the form is not as this server's pages send it"}
	}
	return r.PostForm, nil
}
