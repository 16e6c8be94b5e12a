package clientapi

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"signet/internal/homeserver/account"
	"signet/internal/homeserver/filter"
	"signet/internal/homeserver/push"
	"signet/internal/homeserver/sso"
	"signet/internal/homeserver/sync"
	"signet/internal/homeserver/userdata"
	"signet/internal/matrix"
	"signet/internal/mxhttp"
	"signet/internal/store"
)

// answers is what the errors of the packages below mean to a client. A Challenge
// stands beside it, in uia.go: it is a question, not an error.
var answers = []struct {
	err    error
	status int
	code   matrix.ErrCode
}{
	{account.ErrRegistrationClosed, http.StatusForbidden, matrix.Forbidden},
	{account.ErrNoSharedSecret, http.StatusNotFound, matrix.Unrecognized},
	{account.ErrNonce, http.StatusBadRequest, matrix.Unknown},
	{account.ErrSharedMAC, http.StatusForbidden, matrix.Forbidden},
	{errGuest, http.StatusForbidden, matrix.Forbidden},
	{errKind, http.StatusBadRequest, matrix.InvalidParam},
	{account.ErrUsername, http.StatusBadRequest, matrix.InvalidUsername},
	{account.ErrUserInUse, http.StatusBadRequest, matrix.UserInUse},
	{account.ErrPasswordMissing, http.StatusBadRequest, matrix.BadJSON}, // "missing required keys"
	{account.ErrPasswordShort, http.StatusBadRequest, matrix.WeakPassword},
	{account.ErrPasswordLong, http.StatusBadRequest, matrix.InvalidParam},
	{account.ErrDeviceID, http.StatusBadRequest, matrix.InvalidParam},
	{account.ErrNoDevice, http.StatusNotFound, matrix.NotFound},
	{errDevices, http.StatusBadRequest, matrix.BadJSON},
	{account.ErrStage, http.StatusUnauthorized, matrix.Forbidden},
	{account.ErrUIASession, http.StatusUnauthorized, matrix.Forbidden},
	{account.ErrRegistrationToken, http.StatusUnauthorized, matrix.Forbidden},
	{account.ErrCaptcha, http.StatusUnauthorized, matrix.CaptchaInvalid},
	{account.ErrIdentityServer, http.StatusBadGateway, matrix.Unknown},
	{errLoginMember, http.StatusBadRequest, matrix.BadJSON},
	{errLoginType, http.StatusBadRequest, matrix.Unknown},
	{errIdentifier, http.StatusBadRequest, matrix.Unknown},
	{account.ErrCredentials, http.StatusForbidden, matrix.Forbidden},
	{account.ErrNotOwner, http.StatusForbidden, matrix.Forbidden},
	{account.ErrNoUser, http.StatusNotFound, matrix.NotFound},
	{account.ErrUnknownToken, http.StatusUnauthorized, matrix.UnknownToken},
	{account.ErrTokenExpired, http.StatusUnauthorized, matrix.UnknownToken},
	{errRefreshToken, http.StatusBadRequest, matrix.BadJSON},
	{account.ErrLoginToken, http.StatusForbidden, matrix.Forbidden},
	{errLoginToken, http.StatusBadRequest, matrix.BadJSON},
	{sso.ErrRedirect, http.StatusBadRequest, matrix.InvalidParam},
	{sso.ErrStep, http.StatusBadRequest, matrix.InvalidParam},

	{matrix.ErrUserID, http.StatusBadRequest, matrix.InvalidParam},
	{matrix.ErrRoomID, http.StatusBadRequest, matrix.InvalidParam},
	{userdata.ErrEnded, http.StatusUnauthorized, matrix.UnknownToken},
	{userdata.ErrInviteBlocked, http.StatusForbidden, matrix.InviteBlocked},
	{userdata.ErrNone, http.StatusNotFound, matrix.NotFound},
	{userdata.ErrReserved, http.StatusMethodNotAllowed, matrix.BadJSON},
	{userdata.ErrType, http.StatusBadRequest, matrix.InvalidParam},
	{userdata.ErrFull, http.StatusRequestEntityTooLarge, matrix.TooLarge},
	{userdata.ErrTooLarge, http.StatusRequestEntityTooLarge, matrix.TooLarge},
	{userdata.ErrTag, http.StatusBadRequest, matrix.BadJSON},
	{userdata.ErrField, http.StatusBadRequest, matrix.InvalidParam},
	{userdata.ErrFieldLong, http.StatusBadRequest, matrix.KeyTooLarge},
	{userdata.ErrValue, http.StatusBadRequest, matrix.BadJSON},
	{userdata.ErrProfileLarge, http.StatusBadRequest, matrix.ProfileTooLarge},
	{sync.ErrNoFilter, http.StatusBadRequest, matrix.InvalidParam},
	{push.ErrKind, http.StatusNotFound, matrix.NotFound},
	{push.ErrNotFound, http.StatusNotFound, matrix.NotFound},
	{push.ErrRuleID, http.StatusBadRequest, matrix.InvalidParam},
	{push.ErrAnchor, http.StatusBadRequest, matrix.Unknown},
	{push.ErrPattern, http.StatusBadRequest, matrix.BadJSON},
	{push.ErrAction, http.StatusBadRequest, matrix.BadJSON},
	{push.ErrCondition, http.StatusBadRequest, matrix.BadJSON},
	{push.ErrTooMany, http.StatusBadRequest, matrix.Unknown},
	{errTerm, http.StatusBadRequest, matrix.InvalidParam},
	{errLimit, http.StatusBadRequest, matrix.InvalidParam},
	{errNoField, http.StatusBadRequest, matrix.MissingParam},
	{errMissingParam, http.StatusBadRequest, matrix.MissingParam},
	{store.ErrBusy, http.StatusServiceUnavailable, matrix.Unknown},
}

// What the shapes of requests lack.
var (
	errMissingParam = errors.New("a query parameter is missing")
	errDevices      = errors.New("devices, a list of ids, is needed")
	errNoField      = errors.New("the body lacks the field that the path names")
	errRefreshToken = errors.New("refresh_token is needed")
	errLoginToken   = errors.New("token is needed")
)

// Translate is the table from errors to answers, for mxhttp.Options. The client
// reads the error's own text, without what was wrapped around it.
func Translate(err error) (mxhttp.Problem, bool) {
	if errors.Is(err, filter.ErrFilter) { // it names what is wrong, and nothing that the client sent
		return mxhttp.Problem{Status: http.StatusBadRequest, Code: matrix.BadJSON, Message: err.Error()}, true
	}
	for _, a := range answers {
		if errors.Is(err, a.err) {
			p := mxhttp.Problem{Status: a.status, Code: a.code, Message: a.err.Error()}
			if a.code == matrix.UnknownToken { // is the device gone too?
				p.Extra = map[string]any{"soft_logout": a.err == account.ErrTokenExpired}
			}
			return p, true
		}
	}
	if p, known := translateEncryption(err); known {
		return p, true
	}
	if p, known := translateKeyDirectory(err); known {
		return p, true
	}
	if p, known := translateContact(err); known {
		return p, true
	}
	if p, known := translateRoom(err); known {
		return p, true
	}
	return translateRemote(err)
}

// query is mxhttp.Query with the errcode that the client-server API has for an absent
// parameter.
func query(c echo.Context, name string) (string, error) {
	if !c.QueryParams().Has(name) {
		return "", errMissingParam
	}
	return mxhttp.Query(c, name)
}
