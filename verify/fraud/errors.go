package fraud

import (
	"errors"
	"fmt"
	"time"
)

// Why no text message may be sent.
var (
	// ErrOff says that an operator has switched text messages off.
	ErrOff = errors.New("text messages are switched off at present")
	// ErrCountry says that the country is not served; it comes as a NotServed.
	ErrCountry = errors.New("text messages to this country are not sent by this server")
	// ErrNumberType says that the number is not a mobile phone's.
	ErrNumberType = errors.New("text messages are sent to mobile numbers only")
	// ErrPaused says that too few codes come back from the numbers around this one; it
	// comes as a Paused.
	ErrPaused = errors.New("text messages to numbers like this one are paused")
	// ErrCap says that the money is spent; it comes as a CapReached.
	ErrCap = errors.New("this server has sent as many text messages as it may for now")
)

// What an operator can get wrong.
var (
	// ErrReason is the error of a reason that is no single line of 200 octets at most.
	ErrReason = errors.New("a reason is one line of printable text, 200 octets at most")
	// ErrScope is the error of what is neither a country nor a pause's fingerprint.
	ErrScope = errors.New("not a country code such as GB, nor a fingerprint of 8 hexadecimal digits")
	// ErrNoPause says that no pause has this fingerprint.
	ErrNoPause = errors.New("nothing with this fingerprint is paused")
)

// NotServed is the error of a country that the policy does not list. It unwraps to
// ErrCountry.
type NotServed struct{ Country string }

func (e NotServed) Error() string {
	return fmt.Sprintf("text messages to this country (%s) are not sent by this server; its operator can list it in sms.countries", e.Country)
}

// Unwrap returns ErrCountry.
func (e NotServed) Unwrap() error { return ErrCountry }

// Paused is the error of a number in a block that is paused until then. It unwraps to
// ErrPaused.
type Paused struct {
	Until      time.Time
	RetryAfter time.Duration
}

func (e Paused) Error() string { return fmt.Sprintf("%v, retry after %s", ErrPaused, e.RetryAfter) }

// Unwrap returns ErrPaused.
func (e Paused) Unwrap() error { return ErrPaused }

// CapReached is the error of a message that would pass a cap. After RetryAfter another
// day or month begins. It unwraps to ErrCap.
type CapReached struct {
	Period     Period
	RetryAfter time.Duration
}

func (e CapReached) Error() string {
	return fmt.Sprintf("%v (the cap of the %s), retry after %s", ErrCap, e.Period, e.RetryAfter)
}

// Unwrap returns ErrCap.
func (e CapReached) Unwrap() error { return ErrCap }
