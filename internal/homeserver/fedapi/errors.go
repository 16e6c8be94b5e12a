package fedapi

import (
	"errors"
	"net/http"

	"signet/internal/homeserver/account"
	"signet/internal/matrix"
	"signet/internal/mxhttp"
)

// Translate is the table from errors to answers, for mxhttp.Options.
func Translate(err error) (mxhttp.Problem, bool) {
	switch {
	case errors.Is(err, account.ErrUnknownToken):
		return mxhttp.Problem{Status: http.StatusUnauthorized, Code: matrix.UnknownToken, Message: account.ErrUnknownToken.Error()}, true
	case errors.Is(err, errNoToken):
		return mxhttp.Problem{Status: http.StatusUnauthorized, Code: matrix.MissingToken, Message: errNoToken.Error()}, true
	}
	return mxhttp.Problem{}, false
}
