package sms

import (
	"context"
	"errors"
	"regexp"

	"signet/internal/deliver"
	"signet/internal/threepid"
)

// A Provider takes text messages for delivery.
type Provider interface {
	// Name tells providers apart: in metrics, in logs, and in the record of what was
	// tried. It stays the same over restarts.
	Name() string
	// SendSMS hands over one message. On nil the provider has taken it. Errors are, by
	// errors.Is, one of deliver's ErrRefused, ErrNotNow, ErrUnknownOutcome and
	// ErrMisconfigured, some of them ErrDestination as well; of an error that is none
	// of these the outcome counts as unknown. It returns when ctx ends.
	SendSMS(ctx context.Context, m deliver.SMS) error
}

// providerName is narrow because names become labels of metrics and values in the
// database.
var providerName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,31}$`)

var errProviderName = errors.New("a provider's name must be 1 to 32 of a-z, 0-9, - and _")

// digits is the number to send to, without the plus.
func digits(a threepid.Address) (string, error) {
	if a.Medium() != threepid.MSISDN {
		return "", errors.New("not a phone number")
	}
	return a.String(), nil
}
