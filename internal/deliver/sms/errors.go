package sms

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"

	"signet/internal/deliver"
)

// ErrDestination is the error of a provider that does not deliver to this number
// though nothing is wrong with it: its region is not enabled or has no route, which
// is an ErrMisconfigured too, so that another provider is asked; or the provider
// suspects fraud, which is an ErrRefused too, so that none is: what one provider
// takes for fraud is not to be paid for at the next.
var ErrDestination = errors.New("destination is not served")

var (
	errNotServed = fmt.Errorf("%w: %w", deliver.ErrMisconfigured, ErrDestination)
	errSuspected = fmt.Errorf("%w: %w", deliver.ErrRefused, ErrDestination)
)

// Error is a message that a provider did not take, or may not have taken. Its text
// carries nothing that the provider said beyond two numbers, so it may be logged.
type Error struct {
	Provider string
	Status   int // of the HTTP answer, 0 when there was none
	Code     int // the provider's own, such as Twilio's 21211, if it gave one

	kind  error
	cause error
}

func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "SMS by %s: %v", e.Provider, e.kind)
	if e.Status != 0 {
		fmt.Fprintf(&b, ": status %d", e.Status)
	}
	if e.Code != 0 {
		fmt.Fprintf(&b, ", code %d", e.Code)
	}
	if e.cause != nil {
		fmt.Fprintf(&b, ": %v", e.cause)
	}
	return b.String()
}

// Unwrap gives the kind, which is one of the sentinels or two of them, and the
// cause on our side, such as context.DeadlineExceeded.
func (e *Error) Unwrap() []error {
	if e.cause == nil {
		return []error{e.kind}
	}
	return []error{e.kind, e.cause}
}

// kindOfStatus is what the status of an HTTP answer means when nothing better is
// known. A provider that says no says it about our request, which another provider
// may still take; a server that fails may have sent the message before.
func kindOfStatus(status int) error {
	switch {
	case status == http.StatusTooManyRequests:
		return deliver.ErrNotNow
	case status/100 == 3, status/100 == 4:
		return deliver.ErrMisconfigured
	}
	return deliver.ErrUnknownOutcome
}

// unreached judges the failure of a request that no connection was made for, so
// that nothing has been sent.
func unreached(err error) (kind, cause error) {
	var dial *net.OpError
	switch {
	case untrusted(err):
		return deliver.ErrMisconfigured, errors.New("TLS is not trusted") // the text of err quotes the certificate
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return deliver.ErrNotNow, ended(err)
	case errors.As(err, &dial) && dial.Op == "dial":
		return deliver.ErrNotNow, dial // with the configured host, and what DNS said of it
	}
	return deliver.ErrNotNow, errors.New("no connection")
}

// broken is why an answer did not come whole, without the words of net/http, which
// may quote what the server sent.
func broken(err error) error {
	if cause := ended(err); cause != nil {
		return cause
	}
	return errors.New("no whole answer came")
}

// ended is the end of a context within err, nil if there is none.
func ended(err error) error {
	for _, end := range []error{context.DeadlineExceeded, context.Canceled} {
		if errors.Is(err, end) {
			return end
		}
	}
	return nil
}

// untrusted tells whether TLS failed for a reason that time does not mend.
func untrusted(err error) bool {
	var certificate *tls.CertificateVerificationError
	var alert tls.AlertError
	var plain tls.RecordHeaderError
	return errors.As(err, &certificate) || errors.As(err, &alert) || errors.As(err, &plain)
}
