package clientapi

import (
	"cmp"
	"errors"
	"net/http"
	"slices"
	"time"

	"signet/internal/fedclient"
	"signet/internal/homeserver/contact"
	"signet/internal/idclient"
	"signet/internal/matrix"
	"signet/internal/mxhttp"
	"signet/internal/threepid"
)

// Errcodes that only addresses have.
const (
	serverNotTrusted       matrix.ErrCode = "M_SERVER_NOT_TRUSTED"
	threepidAuthFailed     matrix.ErrCode = "M_THREEPID_AUTH_FAILED"
	threepidDenied         matrix.ErrCode = "M_THREEPID_DENIED"
	threepidMediumUnserved matrix.ErrCode = "M_THREEPID_MEDIUM_NOT_SUPPORTED"
	threepidNotFound       matrix.ErrCode = "M_THREEPID_NOT_FOUND"
)

// contactAnswers is what the errors of addresses mean to a client.
var contactAnswers = mxhttp.Answers{
	{contact.ErrNoIdentityServer, http.StatusBadRequest, threepidMediumUnserved},
	{contact.ErrClientSecret, http.StatusBadRequest, matrix.InvalidParam},
	{contact.ErrSendAttempt, http.StatusBadRequest, matrix.InvalidParam},
	{contact.ErrNextLink, http.StatusBadRequest, matrix.InvalidParam},
	{contact.ErrDenied, http.StatusForbidden, threepidDenied},
	{contact.ErrInUse, http.StatusBadRequest, matrix.ThreepidInUse},
	{contact.ErrUnknown, http.StatusBadRequest, threepidNotFound},
	{contact.ErrEnded, http.StatusUnauthorized, matrix.UnknownToken},
	{contact.ErrSession, http.StatusForbidden, threepidAuthFailed},
	{contact.ErrNotValidated, http.StatusForbidden, threepidAuthFailed},
	{contact.ErrToken, http.StatusBadRequest, matrix.InvalidParam},
	{threepid.ErrMedium, http.StatusBadRequest, threepidMediumUnserved},
	{threepid.ErrEmail, http.StatusBadRequest, matrix.InvalidParam},
	{threepid.ErrPhone, http.StatusBadRequest, matrix.InvalidParam},
	{threepid.ErrCountry, http.StatusBadRequest, matrix.InvalidParam},
	{idclient.ErrIDServer, http.StatusBadRequest, matrix.InvalidParam},
	{idclient.ErrNotTrusted, http.StatusBadRequest, serverNotTrusted},
	{idclient.ErrCode, http.StatusBadRequest, matrix.TokenIncorrect},
}

// ofPerson are the errcodes of identity servers that are about the person, and mean the same
// to a client. What else an identity server refuses it refuses this server.
var ofPerson = []matrix.ErrCode{matrix.InvalidEmail, matrix.InvalidAddress, matrix.InvalidParam, matrix.EmailSendError, matrix.SendError, matrix.DestinationRejected,
	matrix.TokenIncorrect, matrix.SessionExpired, matrix.SessionNotValidated, matrix.NoValidSession, matrix.CaptchaInvalid}

// ofToken are those that are about the token that the person brought for it.
var ofToken = []matrix.ErrCode{matrix.Unauthorized, matrix.Forbidden, matrix.TermsNotSigned}

// fromIdentity is what it means to a client that an identity server refuses what it is asked
// for the person. With the person's own token it is told what is wrong with that, though never
// as if it were wrong with their token here, which ends a client's session.
func fromIdentity(err error, withToken bool) error {
	refused, is := errors.AsType[fedclient.Refusal](err)
	switch {
	case !is:
		return err
	case refused.Status == http.StatusTooManyRequests:
		return matrix.LimitExceeded{RetryAfter: cmp.Or(refused.RetryAfter, time.Minute)}
	case refused.Status < http.StatusBadRequest || refused.Status >= http.StatusInternalServerError:
		return err
	}
	p := mxhttp.Problem{Status: refused.Status, Code: refused.Errcode, Message: refused.Message}
	if p.Status == http.StatusUnauthorized {
		p.Status = http.StatusForbidden
	}
	if needed, is := errors.AsType[idclient.CaptchaNeeded](err); is {
		p.Extra = map[string]any{"im.signet.challenge": needed.Challenge}
		return p
	}
	if slices.Contains(ofPerson, p.Code) || withToken && slices.Contains(ofToken, p.Code) {
		return p
	}
	return errIdentityServer
}

// errIdentityServer is the error of an identity server that does not do what it is asked as
// this homeserver.
var errIdentityServer = mxhttp.Problem{Status: http.StatusBadGateway, Code: matrix.Unknown,
	Message: "the identity server cannot be asked, or does not answer as it should"}
