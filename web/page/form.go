package page

import (
	"errors"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"signet/internal/matrix"
	"signet/internal/mxhttp"
)

// form is what a page of ours sent: each field once, as clean text.
type form map[string]string

var errForm = mxhttp.Problem{Status: http.StatusBadRequest, Code: matrix.InvalidParam,
	Message: "the form is not as this server's pages send it"}

// readForm reads the form in the request's body; the query string has no say. What
// both databases would not take as text is refused.
func readForm(c echo.Context) (form, error) {
	r := c.Request()
	if err := r.ParseForm(); err != nil {
		if problem, ok := errors.AsType[mxhttp.Problem](err); ok {
			return nil, problem
		}
		return nil, errForm
	}
	f := make(form, len(r.PostForm))
	for name, values := range r.PostForm {
		if len(values) != 1 || !utf8.ValidString(values[0]) || strings.Contains(values[0], "\x00") {
			return nil, errForm
		}
		f[name] = values[0]
	}
	return f, nil
}
