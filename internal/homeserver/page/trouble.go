package page

import (
	"errors"
	"net/http"
	"time"

	"signet/internal/homeserver/account"
	"signet/internal/homeserver/contact"
	"signet/internal/idclient"
	"signet/internal/matrix"
	"signet/internal/mxhttp"
	"signet/internal/threepid"
)

// wrong is what can be wrong with what was entered: a part of the key of its phrase.
type wrong string

// What a form is shown again for.
const (
	wrongPassword    wrong = "password"
	wrongToken       wrong = "token"
	wrongDigits      wrong = "captcha"
	noEmail          wrong = "email"
	noPhone          wrong = "phone"
	noAddress        wrong = "either"
	addressDenied    wrong = "denied"
	addressInUse     wrong = "in-use"
	addressOfNobody  wrong = "nobody"
	linkNotConfirmed wrong = "unopened"
	codeExpired      wrong = "expired"
	wrongCode        wrong = "code"
	notSent          wrong = "unsent"
	notAPerson       wrong = "person" // who has to go to another page first
	tooOften         wrong = "limit"
	notNow           wrong = "away" // the identity server is
)

// trouble is what is said beside a form that is shown again; the zero value is nothing.
type trouble struct {
	Is   wrong
	URL  string        // of the page to go to first
	Wait time.Duration // before the next try
}

// troubles is the table from what happened to what people read beside the form.
var troubles = []struct {
	err    error
	status int
	is     wrong
}{
	{threepid.ErrEmail, http.StatusBadRequest, noEmail},
	{threepid.ErrPhone, http.StatusBadRequest, noPhone},
	{account.ErrCredentials, http.StatusForbidden, wrongPassword},
	{account.ErrRegistrationToken, http.StatusForbidden, wrongToken},
	{account.ErrCaptcha, http.StatusForbidden, wrongDigits},
	{account.ErrNoUser, http.StatusForbidden, addressOfNobody},
	{contact.ErrUnknown, http.StatusForbidden, addressOfNobody},
	{contact.ErrDenied, http.StatusForbidden, addressDenied},
	{contact.ErrInUse, http.StatusForbidden, addressInUse},
	{contact.ErrNotValidated, http.StatusForbidden, linkNotConfirmed},
	{contact.ErrSession, http.StatusForbidden, codeExpired},
	{idclient.ErrCode, http.StatusForbidden, wrongCode},
}

// refusals are the same of errcodes of identity servers.
var refusals = map[matrix.ErrCode]wrong{
	matrix.TokenIncorrect:      wrongCode,
	matrix.SessionNotValidated: linkNotConfirmed,
	matrix.SessionExpired:      codeExpired,
	matrix.NoValidSession:      codeExpired,
	matrix.InvalidEmail:        notSent,
	matrix.InvalidAddress:      notSent,
	matrix.EmailSendError:      notSent,
	matrix.SendError:           notSent,
	matrix.DestinationRejected: notSent,
}

// troubleOf is what is wrong with what was entered; false for an error that is not about that.
func (p Pages) troubleOf(err error) (trouble, int, bool) {
	if needed, is := errors.AsType[idclient.CaptchaNeeded](err); is {
		return trouble{Is: notAPerson, URL: needed.Challenge.URL}, http.StatusForbidden, true
	}
	for _, t := range troubles {
		if errors.Is(err, t.err) {
			return trouble{Is: t.is}, t.status, true
		}
	}
	err = p.Meaning(err)
	if limit, is := errors.AsType[matrix.LimitExceeded](err); is {
		return trouble{Is: tooOften, Wait: limit.RetryAfter}, http.StatusTooManyRequests, true
	}
	problem, _ := errors.AsType[mxhttp.Problem](err)
	if problem.Status == http.StatusBadGateway {
		return trouble{Is: notNow}, problem.Status, true
	}
	is, known := refusals[problem.Code]
	return trouble{Is: is}, http.StatusForbidden, known
}
