package clientapi

import (
	"errors"
	"net/http"
	"slices"

	"github.com/labstack/echo/v4"

	"signet/internal/homeserver/account"
	"signet/internal/homeserver/authz"
	"signet/internal/homeserver/blocklist"
	"signet/internal/homeserver/e2ee/roomkeys"
	"signet/internal/homeserver/filter"
	"signet/internal/homeserver/keydirectory"
	"signet/internal/homeserver/page"
	"signet/internal/homeserver/push"
	"signet/internal/homeserver/sso"
	"signet/internal/homeserver/sync"
	"signet/internal/homeserver/userdata"
	"signet/internal/matrix"
	"signet/internal/mxhttp"
	"signet/internal/store"
)

// answers is what the errors of the packages below mean to a client, by their matters. A Challenge
// stands beside it, in uia.go: it is a question, not an error.
var answers = slices.Concat(accountAnswers, dataAnswers, requestAnswers, encryptionAnswers, keyDirectoryAnswers, contactAnswers, roomAnswers, thirdPartyAnswers)

// accountAnswers is what those of account and sso mean.
var accountAnswers = mxhttp.Answers{
	{account.ErrRegistrationClosed, http.StatusForbidden, matrix.Forbidden},
	{account.ErrNoSharedSecret, http.StatusNotFound, matrix.Unrecognized},
	{account.ErrNonce, http.StatusBadRequest, matrix.Unknown},
	{account.ErrSharedMAC, http.StatusForbidden, matrix.Forbidden},
	{account.ErrUsername, http.StatusBadRequest, matrix.InvalidUsername},
	{account.ErrUserInUse, http.StatusBadRequest, matrix.UserInUse},
	{account.ErrPasswordMissing, http.StatusBadRequest, matrix.BadJSON}, // "missing required keys"
	{account.ErrPasswordShort, http.StatusBadRequest, matrix.WeakPassword},
	{account.ErrPasswordLong, http.StatusBadRequest, matrix.InvalidParam},
	{account.ErrDeviceID, http.StatusBadRequest, matrix.InvalidParam},
	{account.ErrNoDevice, http.StatusNotFound, matrix.NotFound},
	{account.ErrStage, http.StatusUnauthorized, matrix.Forbidden},
	{account.ErrUIASession, http.StatusUnauthorized, matrix.Forbidden},
	{account.ErrRegistrationToken, http.StatusUnauthorized, matrix.Forbidden},
	{account.ErrCaptcha, http.StatusUnauthorized, matrix.CaptchaInvalid},
	{account.ErrIdentityServer, http.StatusBadGateway, matrix.Unknown},
	{account.ErrCredentials, http.StatusForbidden, matrix.Forbidden},
	{account.ErrNotOwner, http.StatusForbidden, matrix.Forbidden},
	{account.ErrNoUser, http.StatusNotFound, matrix.NotFound},
	{account.ErrUnknownToken, http.StatusUnauthorized, matrix.UnknownToken},
	{account.ErrTokenExpired, http.StatusUnauthorized, matrix.UnknownToken},
	{account.ErrLoginToken, http.StatusForbidden, matrix.Forbidden},
	{sso.ErrRedirect, http.StatusBadRequest, matrix.InvalidParam},
	{sso.ErrStep, http.StatusBadRequest, matrix.InvalidParam},
}

// dataAnswers is what those of userdata, sync and push mean.
var dataAnswers = mxhttp.Answers{
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
}

// requestAnswers is what it means that a request is not of the form that it should have, or that
// the database has no time for it.
var requestAnswers = mxhttp.Answers{
	{errGuest, http.StatusForbidden, matrix.Forbidden},
	{errKind, http.StatusBadRequest, matrix.InvalidParam},
	{errDevices, http.StatusBadRequest, matrix.BadJSON},
	{errLoginMember, http.StatusBadRequest, matrix.BadJSON},
	{errLoginType, http.StatusBadRequest, matrix.Unknown},
	{errIdentifier, http.StatusBadRequest, matrix.Unknown},
	{errRefreshToken, http.StatusBadRequest, matrix.BadJSON},
	{errLoginToken, http.StatusBadRequest, matrix.BadJSON},
	{errTerm, http.StatusBadRequest, matrix.InvalidParam},
	{errLimit, http.StatusBadRequest, matrix.InvalidParam},
	{errNoField, http.StatusBadRequest, matrix.MissingParam},
	{errMissingParam, http.StatusBadRequest, matrix.MissingParam},
	{page.ErrForeignForm, http.StatusForbidden, matrix.Forbidden},
	{matrix.ErrUserID, http.StatusBadRequest, matrix.InvalidParam},
	{matrix.ErrRoomID, http.StatusBadRequest, matrix.InvalidParam},
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
	if p, known := answers.To(err); known {
		if p.Code == matrix.UnknownToken { // is the device gone too?
			p.Extra = map[string]any{"soft_logout": p.Err == account.ErrTokenExpired}
		}
		return p, true
	}
	if p, known := translateTyped(err); known {
		return p, true
	}
	if p, known := elsewhereAnswers.To(err); known { // after the refusals of a room, which it may be about
		return p, true
	}
	return translateRemote(err)
}

// translateTyped is the part of Translate for errors that carry something to the client. What the
// rules of a room refuse is forbidden, with the rule as its text.
func translateTyped(err error) (mxhttp.Problem, bool) {
	if refusal, is := errors.AsType[authz.Refusal](err); is {
		return mxhttp.Problem{Status: http.StatusForbidden, Code: matrix.Forbidden, Message: refusal.Error()}, true
	}
	if blocked, is := errors.AsType[blocklist.Refusal](err); is {
		return mxhttp.Problem{Status: http.StatusForbidden, Code: matrix.Forbidden, Message: blocked.Error(),
			Extra: map[string]any{"im.signet.position": blocked.Position}}, true
	}
	if wrong, is := errors.AsType[roomkeys.WrongVersionError](err); is {
		return mxhttp.Problem{Status: http.StatusForbidden, Code: matrix.WrongBackupVersion, Message: wrong.Error(),
			Extra: map[string]any{"current_version": wrong.Current}}, true
	}
	if _, is := errors.AsType[*keydirectory.Alarm](err); is {
		return mxhttp.Problem{Status: http.StatusBadGateway, Code: matrix.ProofFailed, Message: "what the key directory shows does not hold; nothing of it is believed until this server's operators have looked"}, true
	}
	return mxhttp.Problem{}, false
}

// query is mxhttp.Query with the errcode that the client-server API has for an absent
// parameter.
func query(c echo.Context, name string) (string, error) {
	if !c.QueryParams().Has(name) {
		return "", errMissingParam
	}
	return mxhttp.Query(c, name)
}
