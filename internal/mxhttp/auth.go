package mxhttp

import (
	"errors"
	"strings"

	"github.com/labstack/echo/v4"
)

// ErrNoBearer says that a request carries no bearer token in its Authorization
// header. Unless Options.Translate names it, it is answered 401 M_MISSING_TOKEN.
var ErrNoBearer = errors.New("no bearer token")

// Bearer returns the token of the Authorization header (RFC 6750, section 2.1; the
// scheme in any case). A token in the query string is not taken, and of two
// Authorization headers neither.
func Bearer(c echo.Context) (string, error) {
	headers := c.Request().Header.Values(echo.HeaderAuthorization)
	if len(headers) != 1 {
		return "", ErrNoBearer
	}
	scheme, token, _ := strings.Cut(headers[0], " ")
	token = strings.Trim(token, " ")
	if !strings.EqualFold(scheme, "Bearer") || token == "" || strings.ContainsFunc(token, notVisible) {
		return "", ErrNoBearer
	}
	return token, nil
}

func notVisible(r rune) bool { return r <= ' ' || r > '~' }
