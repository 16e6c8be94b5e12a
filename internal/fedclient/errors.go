package fedclient

import (
	"context"
	"errors"
	"fmt"
)

var (
	// ErrUnreachable is the error of a server that could not be asked, or whose
	// answer did not come whole: DNS, connection, TLS, time.
	ErrUnreachable = errors.New("server is unreachable")
	// ErrForbiddenAddress is an ErrUnreachable: the server's addresses lie in
	// networks that this client does not enter.
	ErrForbiddenAddress error = connectError{cause: errors.New("its address is in a forbidden network")}
	// ErrTooLarge is the error of an answer longer than the request allows.
	ErrTooLarge = errors.New("answer is too large")
	// ErrBadAnswer is the error of an answer that is not what was asked for: not
	// strict JSON, another shape, an unexpected status.
	ErrBadAnswer = errors.New("answer is not as specified")
	// ErrBadKeys is the error of a key document that does not prove its keys.
	ErrBadKeys = errors.New("key document is not trustworthy")
	// ErrUnknownKey is the error of a key that the server does not publish.
	ErrUnknownKey = errors.New("server does not publish this key")
	// ErrNotAtHand is the error of a question that memory alone does not answer.
	ErrNotAtHand = errors.New("server would have to be asked")
)

// connectError is a failure before any byte of the request was sent; the next
// address may be tried.
type connectError struct{ cause error }

func (e connectError) Error() string   { return fmt.Sprintf("%v: %v", ErrUnreachable, e.cause) }
func (e connectError) Unwrap() []error { return []error{ErrUnreachable, e.cause} }

// brokenAnswer is a failure after the request may have been sent. Its text leaves
// out the cause, which may quote what the server wrote: a server that echoes the
// request would otherwise put our query string into our log.
type brokenAnswer struct{ cause error }

func (e brokenAnswer) Error() string {
	for _, ended := range []error{context.DeadlineExceeded, context.Canceled} {
		if errors.Is(e.cause, ended) {
			return fmt.Sprintf("%v: %v", ErrUnreachable, ended)
		}
	}
	return ErrUnreachable.Error() + ": no whole answer came"
}

func (e brokenAnswer) Unwrap() []error { return []error{ErrUnreachable, e.cause} }
