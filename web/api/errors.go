package api

import (
	"errors"
	"net/http"
	"time"

	"signet/internal/caller"
	"signet/internal/matrix"
	"signet/internal/mxhttp"
	"signet/internal/threepid"
	"signet/keys"
	"signet/keys/entry"
	"signet/keys/log"
	"signet/keys/notary"
	"signet/keys/people"
	"signet/keys/value"
	"signet/lookup"
	"signet/lookup/invite"
	"signet/lookup/notice"
	"signet/verify"
	"signet/verify/captcha"
	"signet/verify/fraud"
)

// answers is the only table from what happened to what a client is told.
var answers = mxhttp.Answers{
	{mxhttp.ErrNoBearer, http.StatusUnauthorized, matrix.Unauthorized},
	{caller.ErrUnknownToken, http.StatusUnauthorized, matrix.Unauthorized},
	{caller.ErrTermsNotSigned, http.StatusForbidden, matrix.TermsNotSigned},
	{caller.ErrUnknownTerms, http.StatusBadRequest, matrix.InvalidParam},
	{caller.ErrTokenType, http.StatusBadRequest, matrix.InvalidParam},
	{caller.ErrOpenIDRefused, http.StatusUnauthorized, matrix.Unauthorized},
	{caller.ErrOpenIDForged, http.StatusForbidden, matrix.Forbidden},
	{caller.ErrHomeserverDown, http.StatusBadGateway, matrix.Unknown},
	{caller.ErrSignature, http.StatusForbidden, matrix.Forbidden},
	{caller.ErrNonce, http.StatusBadRequest, matrix.InvalidParam},
	{caller.ErrReplayed, http.StatusForbidden, matrix.Forbidden},

	{matrix.ErrServerName, http.StatusBadRequest, matrix.InvalidParam},
	{matrix.ErrUserID, http.StatusBadRequest, matrix.InvalidParam},
	{matrix.ErrRoomID, http.StatusBadRequest, matrix.InvalidParam},
	{threepid.ErrEmail, http.StatusBadRequest, matrix.InvalidEmail},
	{threepid.ErrPhone, http.StatusBadRequest, matrix.InvalidAddress},
	{threepid.ErrCountry, http.StatusBadRequest, matrix.InvalidParam},
	{threepid.ErrMedium, http.StatusBadRequest, matrix.InvalidParam},

	{verify.ErrClientSecret, http.StatusBadRequest, matrix.InvalidParam},
	{verify.ErrSendAttempt, http.StatusBadRequest, matrix.InvalidParam},
	{verify.ErrNextLink, http.StatusBadRequest, matrix.InvalidParam},
	{verify.ErrPurpose, http.StatusBadRequest, matrix.InvalidParam},
	{verify.ErrPurposeRefused, http.StatusForbidden, matrix.Forbidden},
	{verify.ErrOthersUser, http.StatusForbidden, matrix.Forbidden},
	{verify.ErrExistingRefused, http.StatusForbidden, matrix.Forbidden},
	{verify.ErrExisting, http.StatusBadRequest, matrix.InvalidParam},
	{verify.ErrBind, http.StatusBadRequest, matrix.InvalidParam},
	{verify.ErrOtherPurpose, http.StatusForbidden, matrix.Forbidden},
	{verify.ErrUndeliverable, http.StatusBadRequest, matrix.InvalidEmail},
	{verify.ErrDisposable, http.StatusBadRequest, matrix.InvalidEmail},
	{verify.ErrEmailNotSent, http.StatusBadRequest, matrix.EmailSendError},
	{verify.ErrEmailNotServed, http.StatusBadRequest, matrix.EmailSendError},
	{verify.ErrSMSNotSent, http.StatusBadRequest, matrix.SendError},
	{verify.ErrSMSNotServed, http.StatusBadRequest, matrix.DestinationRejected},
	{verify.ErrDestination, http.StatusBadRequest, matrix.DestinationRejected},
	{fraud.ErrOff, http.StatusBadRequest, matrix.DestinationRejected},
	{fraud.ErrNumberType, http.StatusBadRequest, matrix.DestinationRejected},
	{fraud.ErrPaused, http.StatusBadRequest, matrix.DestinationRejected},
	{fraud.ErrCap, http.StatusBadRequest, matrix.DestinationRejected},
	{verify.ErrWrongCode, http.StatusBadRequest, matrix.TokenIncorrect},
	{verify.ErrExpired, http.StatusBadRequest, matrix.SessionExpired},
	{verify.ErrNotValidated, http.StatusBadRequest, matrix.SessionNotValidated},
	{verify.ErrNoSession, http.StatusNotFound, matrix.NoValidSession},
	{verify.ErrSpent, http.StatusNotFound, matrix.NoValidSession},

	{captcha.ErrUnknown, http.StatusNotFound, matrix.NotFound},
	{captcha.ErrExpired, http.StatusBadRequest, matrix.CaptchaInvalid},
	{captcha.ErrDead, http.StatusBadRequest, matrix.CaptchaInvalid},
	{captcha.ErrWrong, http.StatusBadRequest, matrix.CaptchaInvalid},
	{captcha.ErrNotPassed, http.StatusBadRequest, matrix.CaptchaInvalid},
	{captcha.ErrSpent, http.StatusBadRequest, matrix.CaptchaInvalid},

	{lookup.ErrAlgorithm, http.StatusBadRequest, matrix.InvalidParam},
	{lookup.ErrNotBound, http.StatusNotFound, matrix.NotFound},
	{lookup.ErrTooMany, http.StatusBadRequest, matrix.TooLarge},

	{invite.ErrMedium, http.StatusBadRequest, matrix.Unrecognized},
	{invite.ErrDestination, http.StatusBadRequest, matrix.DestinationRejected},
	{invite.ErrToken, http.StatusNotFound, matrix.Unrecognized},
	{invite.ErrKey, http.StatusBadRequest, matrix.InvalidParam},
	{invite.ErrNone, http.StatusNotFound, matrix.NotFound},
	{invite.ErrOver, http.StatusForbidden, matrix.Forbidden},
	{invite.ErrOften, http.StatusForbidden, matrix.Forbidden},

	{notice.ErrNotShown, http.StatusForbidden, matrix.Forbidden},
	{notice.ErrWhat, http.StatusBadRequest, matrix.InvalidParam},
	{notice.ErrWhen, http.StatusBadRequest, matrix.InvalidParam},

	{keys.ErrUnknownKey, http.StatusNotFound, matrix.NotFound},
	{people.ErrRight, http.StatusForbidden, matrix.Forbidden},
	{people.ErrVersion, http.StatusConflict, matrix.Unknown},
	{people.ErrNoKeys, http.StatusNotFound, matrix.NotFound},
	{people.ErrNoRecovery, http.StatusNotFound, matrix.NotFound},
	{people.ErrPage, http.StatusBadRequest, matrix.InvalidParam},
	{people.ErrLastSize, http.StatusBadRequest, matrix.InvalidParam},
	{people.ErrNotYet, http.StatusServiceUnavailable, matrix.Unknown},
	{entry.ErrLabel, http.StatusBadRequest, matrix.InvalidParam},
	{value.ErrValue, http.StatusBadRequest, matrix.InvalidParam},
	{value.ErrSignature, http.StatusForbidden, matrix.Forbidden},
	{value.ErrPrevious, http.StatusConflict, matrix.Unknown},
	{value.ErrNotYet, http.StatusBadRequest, matrix.InvalidParam},
	{value.ErrExpired, http.StatusBadRequest, matrix.InvalidParam},
	{log.ErrPath, http.StatusNotFound, matrix.NotFound},
	{log.ErrNotFound, http.StatusNotFound, matrix.NotFound},
	{log.ErrRolledBack, http.StatusServiceUnavailable, matrix.Unknown},
	{notary.ErrTooMany, http.StatusBadRequest, matrix.TooLarge},
}

// Translate tells a client what a domain's error means to it. It is for
// mxhttp.Options.
func (a *API) Translate(err error) (mxhttp.Problem, bool) {
	if wrong, ok := errors.AsType[lookup.WrongPepper](err); ok {
		return mxhttp.Problem{
			Status:  http.StatusBadRequest,
			Code:    matrix.InvalidPepper,
			Message: wrong.Error(),
			Extra:   map[string]any{"algorithm": lookup.SHA256, "lookup_pepper": wrong.Pepper},
		}, true
	}
	if used, ok := errors.AsType[invite.InUse](err); ok {
		return mxhttp.Problem{Status: http.StatusBadRequest, Code: matrix.ThreepidInUse, Message: used.Error(), Extra: map[string]any{"mxid": used.User}}, true
	}
	if needed, ok := errors.AsType[verify.CaptchaNeeded](err); ok {
		return a.captchaNeeded(needed), true
	}
	if country, ok := errors.AsType[fraud.NotServed](err); ok {
		return mxhttp.Problem{Status: http.StatusBadRequest, Code: matrix.DestinationRejected, Message: country.Error()}, true
	}
	if blocked, ok := errors.AsType[notary.Blocked](err); ok {
		return mxhttp.Problem{Status: http.StatusForbidden, Code: matrix.Forbidden, Message: blocked.Error() + "; the policy is published at " + policyPath,
			Extra: map[string]any{"im.signet.position": blocked.Position}}, true
	}
	if errors.Is(err, caller.ErrBlocked) {
		return mxhttp.Problem{
			Status:  http.StatusForbidden,
			Code:    matrix.Forbidden,
			Message: caller.ErrBlocked.Error() + "; the policy is published at " + policyPath,
		}, true
	}
	return answers.To(err)
}

// atSubmitToken is for the one call that says M_INVALID_PARAM where the others say
// M_NO_VALID_SESSION (identity service API, POST submitToken).
func atSubmitToken(err error) error {
	if errors.Is(err, verify.ErrNoSession) {
		return mxhttp.Problem{Status: http.StatusBadRequest, Code: matrix.InvalidParam, Message: verify.ErrNoSession.Error()}
	}
	return err
}

// withTime is for calls with a stamp: who is told that clocks differ is told what time it is here,
// and so by how much they do.
func withTime(now time.Time, err error) error {
	if errors.Is(err, caller.ErrStale) {
		return mxhttp.Problem{Status: http.StatusForbidden, Code: matrix.ClockDiffers, Message: caller.ErrStale.Error(), Extra: map[string]any{"im.signet.ts": now.UnixMilli()}}
	}
	return err
}

// atLogout is for the one call whose unknown token is M_UNKNOWN_TOKEN (identity
// service API, POST /account/logout).
func atLogout(err error) error {
	if errors.Is(err, caller.ErrUnknownToken) {
		return mxhttp.Problem{Status: http.StatusUnauthorized, Code: matrix.UnknownToken, Message: caller.ErrUnknownToken.Error()}
	}
	return err
}

// forbidden refuses a caller who is known but may not do this.
func forbidden(why string) error {
	return mxhttp.Problem{Status: http.StatusForbidden, Code: matrix.Forbidden, Message: why}
}
