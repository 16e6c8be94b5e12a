package fraud

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"signet/internal/threepid"
)

// Any stands for all countries in Policy.Countries, and for all others in
// Policy.Prices.
const Any = "*"

// DefaultPrice is what a segment to a served country counts that no price is given
// for: more than most cost, so that a cap errs on the careful side.
const DefaultPrice = unit / 10

// Policy is what an operator decides. Countries are ISO 3166-1 codes of two letters in
// upper case; the zero Policy serves none.
type Policy struct {
	Countries      []string         // served, or Any
	Prices         map[string]Money // of one segment, by country or Any
	CapPerDay      Money            // of a UTC day; 0 is no cap
	CapPerMonth    Money            // of a calendar month in UTC; 0 is no cap
	Conversion     Conversion       // the zero value is DefaultConversion
	RiskyCountries []string         // where people should be asked for more than a code
	NoCaptcha      bool             // none is ever asked, so that every message counts as vouched
}

// Conversion is the share of codes, from 0 to 1, that tells people from machines. It
// is judged over the last day, of numbers that were sent at least After messages: for a
// pause, as many vouched ones, to at least half as many numbers.
type Conversion struct {
	After        int
	CaptchaBelow float64       // of all messages: suspicious; 0 is never
	PauseBelow   float64       // of the vouched ones: paused; 0 is never
	PauseFor     time.Duration // 30 days at most
}

// DefaultConversion is for a Policy that names no Conversion.
var DefaultConversion = Conversion{After: 20, CaptchaBelow: 0.10, PauseBelow: 0.05, PauseFor: 24 * time.Hour}

const (
	maxPrice    = 1000 * unit // keeps the sums of billions of messages within 64 bits
	maxPauseFor = 30 * 24 * time.Hour
)

// Problem is one thing that is wrong with a Policy. Field is the key of the
// configuration below sms, such as conversion.after; Reason continues it.
type Problem struct{ Field, Reason string }

func (p Problem) Error() string { return p.Field + " " + p.Reason }

// Check tells everything that is wrong with a policy, each a Problem.
func (p Policy) Check() []error {
	var found []error
	add := func(field, reason string) { found = append(found, Problem{field, reason}) }
	for _, c := range p.Countries {
		if c != Any && !isCountry(c) {
			add("countries", badCountry(c))
		}
	}
	for _, c := range p.RiskyCountries {
		if !isCountry(c) {
			add("risky_countries", badCountry(c))
		}
	}
	for _, c := range slices.Sorted(maps.Keys(p.Prices)) {
		if c != Any && !isCountry(c) {
			add("prices", badCountry(c))
		}
		if reason := p.badPrice(p.Prices[c]); reason != "" {
			add("prices."+c, reason)
		}
	}
	if p.CapPerDay < 0 || p.CapPerDay > maxMoney {
		add("cap_per_day", "must be from 0, no cap, to a billion")
	}
	if p.CapPerMonth < 0 || p.CapPerMonth > maxMoney {
		add("cap_per_month", "must be from 0, no cap, to a billion")
	}
	return append(found, p.conversion().check()...)
}

func (p Policy) badPrice(price Money) string {
	switch {
	case price < 0 || price > maxPrice:
		return "must be from 0 to 1000"
	case p.CapPerDay > 0 && price > p.CapPerDay:
		return "is above cap_per_day, so that none could be sent"
	case p.CapPerMonth > 0 && price > p.CapPerMonth:
		return "is above cap_per_month, so that none could be sent"
	}
	return ""
}

func (c Conversion) check() (found []error) {
	add := func(field, reason string) { found = append(found, Problem{"conversion." + field, reason}) }
	if c.After < 1 {
		add("after", "must be 1 or more")
	}
	if !(c.CaptchaBelow >= 0 && c.CaptchaBelow <= 1) { // so that NaN is refused, too
		add("captcha_below", "must be from 0 to 1")
	}
	if !(c.PauseBelow >= 0 && c.PauseBelow <= c.CaptchaBelow) {
		add("pause_below", "must be from 0 to captcha_below")
	}
	if c.PauseFor <= 0 || c.PauseFor > maxPauseFor {
		add("pause_for", "must be above 0 and at most 720h")
	}
	return found
}

// isCountry tells whether code is a country's that has phone numbers, in upper case.
func isCountry(code string) bool {
	if len(code) != 2 || code[0] < 'A' || code[0] > 'Z' || code[1] < 'A' || code[1] > 'Z' {
		return false
	}
	_, err := threepid.ParsePhone("", code)
	return !errors.Is(err, threepid.ErrCountry)
}

func badCountry(code string) string {
	return fmt.Sprintf("has %q, which is no country with phone numbers (ISO 3166-1, two letters in upper case such as GB)", code)
}

// serves is false for 001, whose numbers belong to satellites and networks of no
// country, for which Any does not stand.
func (p Policy) serves(country string) bool {
	return len(country) == 2 && (slices.Contains(p.Countries, country) || slices.Contains(p.Countries, Any))
}

func (p Policy) price(country string) Money {
	for _, key := range []string{country, Any} {
		if price, named := p.Prices[key]; named {
			return price
		}
	}
	return DefaultPrice
}

// cheapest is the least that a message, of one segment, costs anywhere that is served.
func (p Policy) cheapest() Money {
	least := p.price(Any)
	if !slices.Contains(p.Countries, Any) {
		least = maxPrice
		for _, c := range p.Countries {
			least = min(least, p.price(c))
		}
		return least
	}
	for _, price := range p.Prices {
		least = min(least, price)
	}
	return least
}

func (p Policy) risky(country string) bool { return slices.Contains(p.RiskyCountries, country) }

func (p Policy) conversion() Conversion {
	if p.Conversion == (Conversion{}) {
		return DefaultConversion
	}
	return p.Conversion
}
