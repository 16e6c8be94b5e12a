package fraud

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"signet/internal/seal"
	"signet/internal/store"
)

// Event is what happened, as a metric label.
type Event string

// The events. Admit tells one a call, those of Run are told once by all replicas
// together.
const (
	Admitted           Event = "admitted"
	AdmittedSuspicious Event = "admitted_suspicious"
	RefusedOff         Event = "refused_off"
	RefusedCountry     Event = "refused_country"
	RefusedNumberType  Event = "refused_number_type"
	RefusedPaused      Event = "refused_paused"
	RefusedCap         Event = "refused_cap"

	PrefixPaused Event = "prefix_paused"
	CountryAlarm Event = "country_alarm"
	CapAlert     Event = "cap_alert" // of no country
)

// Options are what a Guard needs. Observe, if set, is told of each event and the
// country it is about.
type Options struct {
	DB      *store.DB
	Vault   *seal.Vault
	Policy  Policy
	Now     func() time.Time
	Log     *slog.Logger
	Observe func(event Event, country string)
}

// Guard stands before the text messages of one database. It keeps nothing in memory
// that counts and is safe for concurrent use.
type Guard struct {
	Options
	index seal.Index
}

// New opens the guard of a database. The error holds each Problem of a policy that
// cannot be kept.
func New(ctx context.Context, o Options) (*Guard, error) {
	if err := errors.Join(o.Policy.Check()...); err != nil {
		return nil, fmt.Errorf("the policy for text messages: %w", err)
	}
	o.Policy.Conversion = o.Policy.conversion()
	index, err := o.Vault.Index(ctx, "fraud scope")
	if err != nil {
		return nil, err
	}
	if o.Observe == nil {
		o.Observe = func(Event, string) {}
	}
	return &Guard{Options: o, index: index}, nil
}
