package clientapi

import (
	"errors"
	"net/http"

	"signet/internal/homeserver/account"
	"signet/internal/homeserver/contact"
	"signet/internal/homeserver/page"
	"signet/internal/idclient"
	"signet/internal/matrix"
	"signet/internal/mxhttp"
	"signet/internal/threepid"
)

// troubles is the table from what happened to what people read beside the form.
var troubles = []struct {
	err    error
	status int
	is     page.Wrong
}{
	{threepid.ErrEmail, http.StatusBadRequest, page.NoEmail},
	{threepid.ErrPhone, http.StatusBadRequest, page.NoPhone},
	{account.ErrCredentials, http.StatusForbidden, page.WrongPassword},
	{account.ErrRegistrationToken, http.StatusForbidden, page.WrongToken},
	{account.ErrCaptcha, http.StatusForbidden, page.WrongDigits},
	{account.ErrNoUser, http.StatusForbidden, page.AddressOfNobody},
	{contact.ErrUnknown, http.StatusForbidden, page.AddressOfNobody},
	{contact.ErrDenied, http.StatusForbidden, page.AddressDenied},
	{contact.ErrInUse, http.StatusForbidden, page.AddressInUse},
	{contact.ErrNotValidated, http.StatusForbidden, page.LinkNotConfirmed},
	{contact.ErrSession, http.StatusForbidden, page.CodeExpired},
	{idclient.ErrCode, http.StatusForbidden, page.WrongCode},
}

// refusals are the same of errcodes of identity servers.
var refusals = map[matrix.ErrCode]page.Wrong{
	matrix.TokenIncorrect:      page.WrongCode,
	matrix.SessionNotValidated: page.LinkNotConfirmed,
	matrix.SessionExpired:      page.CodeExpired,
	matrix.NoValidSession:      page.CodeExpired,
	matrix.InvalidEmail:        page.NotSent,
	matrix.InvalidAddress:      page.NotSent,
	matrix.EmailSendError:      page.NotSent,
	matrix.SendError:           page.NotSent,
	matrix.DestinationRejected: page.NotSent,
}

// troubleOf is what is wrong with what was entered; false for an error that is not about that.
func troubleOf(err error) (page.Trouble, int, bool) {
	if needed, is := errors.AsType[idclient.CaptchaNeeded](err); is {
		return page.Trouble{Is: page.NotAPerson, URL: needed.Challenge.URL}, http.StatusForbidden, true
	}
	for _, t := range troubles {
		if errors.Is(err, t.err) {
			return page.Trouble{Is: t.is}, t.status, true
		}
	}
	err = fromIdentity(err, false)
	if limit, is := errors.AsType[matrix.LimitExceeded](err); is {
		return page.Trouble{Is: page.TooOften, Wait: limit.RetryAfter}, http.StatusTooManyRequests, true
	}
	p, is := errors.AsType[mxhttp.Problem](err)
	if !is {
		p, _ = Translate(err)
	}
	if p.Status == http.StatusBadGateway {
		return page.Trouble{Is: page.NotNow}, p.Status, true
	}
	wrong, known := refusals[p.Code]
	return page.Trouble{Is: wrong}, http.StatusForbidden, known
}
