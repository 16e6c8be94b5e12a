package fraud

import (
	"context"
	"errors"
	"fmt"
	"time"

	"signet/internal/threepid"
)

// Verdict is on what terms a message may be sent. It is charged already. As JSON it goes
// with the message, for whoever has to call Refund or Sent later.
type Verdict struct {
	Country    string    `json:"country"`
	Segments   int       `json:"segments"`
	Price      Money     `json:"price"`   // of all segments
	Charged    time.Time `json:"charged"` // when, in UTC; it tells Refund the day and the month
	Suspicious bool      `json:"-"`       // too few codes come back from around this number: ask for a CAPTCHA
	Risky      bool      `json:"-"`       // the policy names the country
}

// maxSegments is how many parts a text message can have (3GPP TS 23.040, 9.2.3.24.1).
const maxSegments = 255

// Admit charges one message of so many segments to number if it may be sent. What it
// charges stands when it returns, by itself and before whatever the message belongs to
// is written, so whoever does not send it after all, or only acts as if, calls Refund.
// It must not be called within a Tx of the same DB. After a refusal nothing is
// charged. Errors: ErrOff, ErrCountry, ErrNumberType, ErrPaused, ErrCap.
func (g *Guard) Admit(ctx context.Context, number threepid.Address, segments int) (Verdict, error) {
	if segments < 1 || segments > maxSegments {
		return Verdict{}, fmt.Errorf("a text message has from 1 to %d segments, not %d", maxSegments, segments)
	}
	v := Verdict{Country: number.Country(), Segments: segments, Charged: g.Now().UTC()}
	v.Price, v.Risky = Money(segments)*g.Policy.price(v.Country), g.Policy.risky(v.Country)
	err := g.admit(ctx, number, &v)
	event, decided := v.event(err)
	if !decided {
		return Verdict{}, fmt.Errorf("asking whether a text message may be sent: %w", err)
	}
	g.Observe(event, v.Country)
	if err != nil {
		return Verdict{}, err
	}
	return v, nil
}

// admit asks in an order in which an answer tells a stranger least: what holds for
// everybody comes before what was learned of the numbers around this one.
func (g *Guard) admit(ctx context.Context, number threepid.Address, v *Verdict) error {
	sw, err := selectSwitch(ctx, g.DB)
	switch {
	case err != nil:
		return err
	case !sw.On:
		return ErrOff
	case number.Medium() != threepid.MSISDN:
		return ErrNumberType
	case !g.Policy.serves(v.Country):
		return NotServed{v.Country}
	case !receivesText(number.NumberType()):
		return ErrNumberType
	}
	if v.Suspicious, err = g.suspicious(ctx, number, v.Charged); err != nil {
		return err
	}
	return g.charge(ctx, *v)
}

// receivesText is true for the types that can receive a text message at what one
// costs; some of the others can at twenty times the price.
func receivesText(t threepid.NumberType) bool {
	return t == threepid.Mobile || t == threepid.FixedOrMobile
}

// event is what an answer is called; an error that is no answer is none.
func (v Verdict) event(err error) (event Event, decided bool) {
	switch {
	case err == nil && v.Suspicious:
		return AdmittedSuspicious, true
	case err == nil:
		return Admitted, true
	case errors.Is(err, ErrOff):
		return RefusedOff, true
	case errors.Is(err, ErrCountry):
		return RefusedCountry, true
	case errors.Is(err, ErrNumberType):
		return RefusedNumberType, true
	case errors.Is(err, ErrPaused):
		return RefusedPaused, true
	case errors.Is(err, ErrCap):
		return RefusedCap, true
	}
	return "", false
}
