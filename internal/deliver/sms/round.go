package sms

import (
	"errors"
	"fmt"
	"strings"

	"signet/internal/deliver"
)

var (
	// ErrExhausted is a message that no provider took and that none will be asked for
	// again. It is an ErrRefused, for this message; one with another ID may fare better.
	ErrExhausted = fmt.Errorf("%w: no provider is left to ask", deliver.ErrRefused)
	// ErrAlreadyTried is what a Mark returns to have a provider passed over.
	ErrAlreadyTried = errors.New("provider was tried for this message")
)

// An Outcome is what came of one request, as a label of metrics.
type Outcome string

// The outcomes. Rejected is ErrDestination of either kind.
const (
	Sent          Outcome = "sent"
	Refused       Outcome = "refused"
	Rejected      Outcome = "rejected"
	NotNow        Outcome = "not_now"
	Misconfigured Outcome = "misconfigured"
	Unknown       Outcome = "unknown"
)

func outcomeOf(err error) Outcome {
	switch {
	case err == nil:
		return Sent
	case errors.Is(err, ErrDestination):
		return Rejected
	case errors.Is(err, deliver.ErrRefused):
		return Refused
	case errors.Is(err, deliver.ErrNotNow):
		return NotNow
	case errors.Is(err, deliver.ErrMisconfigured):
		return Misconfigured
	}
	return Unknown
}

// ChainError is a message that no provider is known to have taken. By errors.Is it
// is, of the classes that a caller acts on,
//
//   - ErrRefused when a provider refused the number,
//   - ErrExhausted, which is an ErrRefused, when none is left to ask,
//   - ErrNotNow when the round was cut short: the same message may be sent again;
//
// the last two are also ErrUnknownOutcome if the message may have arrived all the
// same, and all are ErrDestination if a provider said so. What each provider said
// is in Failures and in the text.
type ChainError struct {
	Failures []error

	classes []error
	cause   error
}

func (e *ChainError) Error() string {
	var b strings.Builder
	b.WriteString("SMS not delivered")
	for _, part := range append(e.classes[:1:1], e.Failures...) {
		fmt.Fprintf(&b, ": %v", part)
	}
	if e.cause != nil {
		fmt.Fprintf(&b, ": %v", e.cause)
	}
	return b.String()
}

// Unwrap gives the classes and the cause, but not what single providers said: an
// ErrNotNow of one is not that of the chain.
func (e *ChainError) Unwrap() []error {
	if e.cause == nil {
		return e.classes
	}
	return append(e.classes[:len(e.classes):len(e.classes)], e.cause)
}

// A round is what happened in one Send so far.
type round struct {
	failures []error
	open     bool // the message may have been taken, in this round or in one before
}

func (r *round) failed(err error) {
	r.failures = append(r.failures, err)
	r.open = r.open || outcomeOf(err) == Unknown
}

// refused ends the round with a number that is bad. A provider that was silent about
// it before most likely had no better use for it.
func (r *round) refused() error { return r.end(deliver.ErrRefused, nil, false) }

func (r *round) exhausted() error { return r.end(ErrExhausted, nil, r.open) }

func (r *round) interrupted(cause error) error { return r.end(deliver.ErrNotNow, cause, r.open) }

func (r *round) end(class, cause error, open bool) error {
	e := &ChainError{Failures: r.failures, classes: []error{class}, cause: cause}
	if open {
		e.classes = append(e.classes, deliver.ErrUnknownOutcome)
	}
	for _, failure := range r.failures {
		if errors.Is(failure, ErrDestination) {
			e.classes = append(e.classes, ErrDestination)
			break
		}
	}
	return e
}
