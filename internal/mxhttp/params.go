package mxhttp

import (
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"signet/internal/matrix"
)

// Query returns the query parameter that the request must have. Absent, it is
// M_MISSING_PARAMS; given twice, or not clean text (UTF-8 without NUL), or in a query
// string that does not parse, M_INVALID_PARAM.
func Query(c echo.Context, name string) (string, error) {
	values, err := url.ParseQuery(c.Request().URL.RawQuery)
	switch got := values[name]; {
	case err != nil:
		return "", invalidParam("the query string is malformed")
	case len(got) == 0:
		return "", missing([]string{name})
	case len(got) > 1:
		return "", invalidParam("the query parameter " + name + " is given more than once")
	case !clean(got[0]):
		return "", invalidParam("the query parameter " + name + " is not valid text")
	default:
		return got[0], nil
	}
}

// Segment returns a path parameter, percent-decoded exactly once, so that %2F may
// stand in an id. What does not decode to clean text is 404 M_UNRECOGNIZED.
func Segment(c echo.Context, name string) (string, error) {
	s, err := url.PathUnescape(c.Param(name))
	if err != nil || s == "" || !clean(s) {
		return "", echo.ErrNotFound
	}
	return s, nil
}

// clean reports whether both databases take s as text.
func clean(s string) bool { return utf8.ValidString(s) && !strings.Contains(s, "\x00") }

func invalidParam(message string) Problem {
	return Problem{Status: http.StatusBadRequest, Code: matrix.InvalidParam, Message: message}
}

func missing(names []string) Problem {
	return Problem{Status: http.StatusBadRequest, Code: matrix.MissingParams,
		Message: "missing parameters: " + strings.Join(names, ", ")}
}
