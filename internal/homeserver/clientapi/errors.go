package clientapi

import (
	"errors"
	"net/http"

	"signet/internal/homeserver/account"
	"signet/internal/matrix"
	"signet/internal/mxhttp"
)

// answers is what the errors of the packages below mean to a client. A Challenge
// stands beside it, in register.go: it is a question, not an error.
var answers = []struct {
	err    error
	status int
	code   matrix.ErrCode
}{
	{account.ErrRegistrationClosed, http.StatusForbidden, matrix.Forbidden},
	{errGuest, http.StatusForbidden, matrix.Forbidden},
	{errKind, http.StatusBadRequest, matrix.InvalidParam},
	{account.ErrUsername, http.StatusBadRequest, matrix.InvalidUsername},
	{account.ErrUserInUse, http.StatusBadRequest, matrix.UserInUse},
	{account.ErrPasswordMissing, http.StatusBadRequest, matrix.BadJSON}, // "missing required keys"
	{account.ErrPasswordShort, http.StatusBadRequest, matrix.WeakPassword},
	{account.ErrPasswordLong, http.StatusBadRequest, matrix.InvalidParam},
	{account.ErrDeviceID, http.StatusBadRequest, matrix.InvalidParam},
	{account.ErrStage, http.StatusUnauthorized, matrix.Forbidden},
	{account.ErrUIASession, http.StatusUnauthorized, matrix.Forbidden},
	{errLoginMember, http.StatusBadRequest, matrix.BadJSON},
	{errLoginType, http.StatusBadRequest, matrix.Unknown},
	{errIdentifier, http.StatusBadRequest, matrix.Unknown},
	{account.ErrCredentials, http.StatusForbidden, matrix.Forbidden},
	{account.ErrNotOwner, http.StatusForbidden, matrix.Forbidden},
	{account.ErrUnknownToken, http.StatusUnauthorized, matrix.UnknownToken},
}

// Translate is the table from errors to answers, for mxhttp.Options. The client
// reads the error's own text, without what was wrapped around it.
func Translate(err error) (mxhttp.Problem, bool) {
	for _, a := range answers {
		if errors.Is(err, a.err) {
			p := mxhttp.Problem{Status: a.status, Code: a.code, Message: a.err.Error()}
			if a.code == matrix.UnknownToken {
				p.Extra = map[string]any{"soft_logout": false} // the device is gone too
			}
			return p, true
		}
	}
	return mxhttp.Problem{}, false
}
