package page

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"signet/internal/matrix"
	"signet/internal/threepid"
	"signet/verify"
)

// trouble is what a form is shown again for: a part of the keys of its phrases.
type trouble string

const (
	badAddress   trouble = "address"
	badCountry   trouble = "country"
	needsCountry trouble = "no-country"
	noMail       trouble = "no-mail"
	notSent      trouble = "not-sent"
	notServed    trouble = "not-served"
	limited      trouble = "limit"
	wrongCode    trouble = "wrong-code"
	expired      trouble = "expired"
	noSession    trouble = "no-session"
	noLink       trouble = "no-link"
)

// troubles is the table from what happened to what a person is told.
var troubles = []struct {
	err error
	is  trouble
}{
	{threepid.ErrEmail, badAddress},
	{threepid.ErrPhone, badAddress},
	{threepid.ErrCountry, badCountry},
	{errNoCountry, needsCountry},
	{verify.ErrUndeliverable, noMail},
	{verify.ErrEmailNotSent, notSent},
	{verify.ErrSMSNotSent, notSent},
	{verify.ErrEmailNotServed, notServed},
	{verify.ErrSMSNotServed, notServed},
	{verify.ErrWrongCode, wrongCode},
	{verify.ErrExpired, expired},
	{verify.ErrNoSession, noSession},
	{verify.ErrNoLink, noLink},
}

// refusal is a trouble and the status that goes with it. Wait is how long to wait
// before the next try, where that is known.
type refusal struct {
	Is     trouble
	Wait   time.Duration
	status int
}

// refused tells what err means to a person; false means that it is not theirs to
// mend.
func refused(c echo.Context, err error) (refusal, bool) {
	if limit, ok := errors.AsType[matrix.LimitExceeded](err); ok {
		minutes := roundUp(limit.RetryAfter, time.Minute)
		c.Response().Header().Set(echo.HeaderRetryAfter, strconv.FormatInt(60*minutes, 10))
		return refusal{Is: limited, Wait: limit.RetryAfter, status: http.StatusTooManyRequests}, true
	}
	for _, t := range troubles {
		if errors.Is(err, t.err) {
			return refusal{Is: t.is, status: http.StatusBadRequest}, true
		}
	}
	return refusal{}, false
}
