package page

import (
	"time"

	"github.com/labstack/echo/v4"

	"signet/internal/mxhttp"
)

// Wrong is what can be wrong with what was entered: a part of the key of its phrase.
type Wrong string

// What a form is shown again for.
const (
	WrongPassword    Wrong = "password"
	WrongToken       Wrong = "token"
	WrongDigits      Wrong = "captcha"
	NoEmail          Wrong = "email"
	NoPhone          Wrong = "phone"
	NoAddress        Wrong = "either"
	AddressDenied    Wrong = "denied"
	AddressInUse     Wrong = "in-use"
	AddressOfNobody  Wrong = "nobody"
	LinkNotConfirmed Wrong = "unopened"
	CodeExpired      Wrong = "expired"
	WrongCode        Wrong = "code"
	NotSent          Wrong = "unsent"
	NotAPerson       Wrong = "person" // who has to go to another page first
	TooOften         Wrong = "limit"
	NotNow           Wrong = "away" // the identity server is
)

// Trouble is what is said beside a form that is shown again; the zero value is nothing.
type Trouble struct {
	Is   Wrong
	URL  string        // of the page to go to first
	Wait time.Duration // before the next try
}

// Problem is what a page tells of that has no form: a part of the key of its phrase.
type Problem string

// The problems.
const (
	SessionOver  Problem = "session"
	LoginOver    Problem = "login"
	BadRedirect  Problem = "redirect"
	ForeignForm  Problem = "foreign"
	TooLarge     Problem = "large"
	Missing      Problem = "missing"
	TooManyTries Problem = "limit"
	Away         Problem = "away"
	ServerFault  Problem = "server"
	BadRequest   Problem = "request"
)

// problem is what the template of a problem sees.
type problem struct {
	Is      Problem
	Wait    time.Duration
	Request string
}

// Problem answers with a problem, and after what time it may be over.
func (p Pages) Problem(c echo.Context, status int, is Problem, wait time.Duration) error {
	return p.draw(c, sheet{status: status, name: problemName, policy: policy, content: problem{is, wait, mxhttp.RequestID(c)}})
}
