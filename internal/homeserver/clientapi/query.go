package clientapi

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"signet/internal/matrix"
	"signet/internal/mxhttp"
)

// optional is a query parameter that may be absent.
func optional(c echo.Context, name string) (string, error) {
	if !c.QueryParams().Has(name) {
		return "", nil
	}
	return mxhttp.Query(c, name)
}

// choice is a query parameter that is one of a few words; absent it is the first.
func choice(c echo.Context, name string, words ...string) (string, error) {
	if !c.QueryParams().Has(name) {
		return words[0], nil
	}
	word, err := mxhttp.Query(c, name)
	if err == nil && !slices.Contains(words, word) {
		err = invalidParam("the query parameter " + name + " is not one of " + strings.Join(words, ", "))
	}
	return word, err
}

// backwards reads dir, which must be there: b or f.
func backwards(c echo.Context) (bool, error) {
	if _, err := mxhttp.Query(c, "dir"); err != nil {
		return false, err
	}
	dir, err := choice(c, "dir", "f", "b")
	return dir == "b", err
}

// number is a query parameter that is a number, 0 or more.
func number(c echo.Context, name string, otherwise int) (int, error) {
	given, err := optional(c, name)
	if err != nil || given == "" {
		return otherwise, err
	}
	n, err := strconv.Atoi(given)
	if err != nil || n < 0 {
		return 0, invalidParam("the query parameter " + name + " is not a number of 0 or more")
	}
	return n, nil
}

func invalidParam(message string) error {
	return mxhttp.Problem{Status: http.StatusBadRequest, Code: matrix.InvalidParam, Message: message}
}
