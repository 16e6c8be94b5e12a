package fraud

import (
	"context"
	"fmt"
	"strings"
	"time"

	"signet/internal/store"
)

// Pause is a block of numbers to which nothing is sent until then, and the vouched
// messages of the day before Since that it is for, with the codes that came back. Fingerprint, 8 hexadecimal digits of the
// keyed tag, names it; whose numbers they are cannot be told from it.
type Pause struct {
	Fingerprint string
	Country     string
	Since       time.Time
	Until       time.Time
	Sent        int64
	Validated   int64
}

const fingerprintDigits = 8

func (s scope) fingerprint() string { return s.key[:min(len(s.key), fingerprintDigits)] }

// Pauses lists the blocks that are paused now, the latest first.
func (g *Guard) Pauses(ctx context.Context) ([]Pause, error) {
	found, err := selectPauses(ctx, g.DB, g.Now())
	if err != nil {
		return nil, fmt.Errorf("reading pauses: %w", err)
	}
	return found, nil
}

// Resume lifts the pauses of a country, or the one of a fingerprint, and forgives what
// was sent before now: it is not judged any more, so that neither the pause nor a
// country's suspicion comes back at once. It tells how many pauses it lifted. Errors:
// ErrScope, and ErrNoPause for a fingerprint.
func (g *Guard) Resume(ctx context.Context, what string) (lifted int64, err error) {
	country, fingerprint := strings.ToUpper(what), strings.ToLower(what)
	resume := func(tx *store.Tx) (int64, error) { return liftBlock(ctx, tx, fingerprint, g.Now()) }
	switch {
	case isCountry(country):
		resume = func(tx *store.Tx) (int64, error) { return liftCountry(ctx, tx, country, g.Now()) }
	case len(fingerprint) != fingerprintDigits || strings.Trim(fingerprint, "0123456789abcdef") != "":
		return 0, ErrScope
	}
	err = g.DB.Tx(ctx, func(tx *store.Tx) (err error) {
		lifted, err = resume(tx)
		return err
	})
	switch {
	case err != nil:
		return 0, fmt.Errorf("lifting a pause: %w", err)
	case lifted == 0 && !isCountry(country):
		return 0, ErrNoPause
	}
	return lifted, nil
}
