package page

import (
	"cmp"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"signet/internal/matrix"
	"signet/internal/threepid"
	"signet/verify"
	"signet/verify/fraud"
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
	noStop       trouble = "no-stop"
	noInvitation trouble = "no-invitation"
	throwAway    trouble = "throw-away"
	otherCountry trouble = "other-country"
	notMobile    trouble = "not-mobile"
	paused       trouble = "paused"
	moneySpent   trouble = "money-spent"
	unreachable  trouble = "unreachable"
	unconfirmed  trouble = "unconfirmed"
	unsure       trouble = "unsure"
	ownerOver    trouble = "owner-over"
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
	{verify.ErrDestination, unreachable},
	{verify.ErrEmailNotServed, notServed},
	{verify.ErrSMSNotServed, notServed},
	{verify.ErrDisposable, throwAway},
	{fraud.ErrOff, notServed},
	{fraud.ErrCountry, otherCountry},
	{fraud.ErrNumberType, notMobile},
	{fraud.ErrPaused, paused},
	{fraud.ErrCap, moneySpent},
	{verify.ErrWrongCode, wrongCode},
	{verify.ErrExpired, expired},
	{verify.ErrNoSession, noSession},
	{verify.ErrNoLink, noLink},
	{verify.ErrNotValidated, unconfirmed},
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
	why := refusal{status: http.StatusBadRequest}
	for _, t := range troubles {
		if errors.Is(err, t.err) {
			why.Is = t.is
			break
		}
	}
	if wait, ok := waitFor(err); ok {
		why.Is, why.Wait, why.status = cmp.Or(why.Is, limited), wait, http.StatusTooManyRequests
		c.Response().Header().Set(echo.HeaderRetryAfter, strconv.FormatInt(60*roundUp(wait, time.Minute), 10))
	}
	return why, why.Is != ""
}

// waitFor is after what time err may be over, where that is known.
func waitFor(err error) (time.Duration, bool) {
	if limit, ok := errors.AsType[matrix.LimitExceeded](err); ok {
		return limit.RetryAfter, true
	}
	if pause, ok := errors.AsType[fraud.Paused](err); ok {
		return pause.RetryAfter, true
	}
	spent, ok := errors.AsType[fraud.CapReached](err)
	return spent.RetryAfter, ok
}
