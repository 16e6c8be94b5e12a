package fraud_test

import (
	"errors"
	"math"
	"slices"
	"testing"
	"time"

	"signet/verify/fraud"
)

func TestAPolicyTellsEveryProblemByItsField(t *testing.T) {
	fine := fraud.DefaultConversion
	with := func(change func(*fraud.Conversion)) fraud.Policy {
		c := fine
		change(&c)
		return fraud.Policy{Conversion: c}
	}
	tests := []struct {
		name   string
		policy fraud.Policy
		want   []string
	}{
		{"nothing served", fraud.Policy{}, nil},
		{"all served", fraud.Policy{Countries: []string{"*"}, Prices: map[string]fraud.Money{"*": 1}}, nil},
		{"the United Kingdom is GB", fraud.Policy{Countries: []string{"GB", "UK"}}, []string{"countries"}},
		{"lower case", fraud.Policy{Countries: []string{"gb"}}, []string{"countries"}},
		{"the world", fraud.Policy{Countries: []string{"001"}}, []string{"countries"}},
		{"nowhere", fraud.Policy{Countries: []string{""}}, []string{"countries"}},
		{"every country is risky", fraud.Policy{RiskyCountries: []string{"*"}}, []string{"risky_countries"}},
		{"the price of no country", fraud.Policy{Prices: map[string]fraud.Money{"ZZ": 1}}, []string{"prices"}},
		{"a price below nothing", fraud.Policy{Prices: map[string]fraud.Money{"GB": -1}}, []string{"prices.GB"}},
		{"a price of a house", fraud.Policy{Prices: map[string]fraud.Money{"*": 1000_000_001}}, []string{"prices.*"}},
		{"a price above a cap", fraud.Policy{CapPerDay: 9, Prices: map[string]fraud.Money{"GB": 10}}, []string{"prices.GB"}},
		{"a price above the month", fraud.Policy{CapPerMonth: 9, Prices: map[string]fraud.Money{"GB": 10}}, []string{"prices.GB"}},
		{"caps below nothing", fraud.Policy{CapPerDay: -1, CapPerMonth: -1}, []string{"cap_per_day", "cap_per_month"}},
		{"caps beyond all", fraud.Policy{CapPerDay: math.MaxInt64, CapPerMonth: math.MaxInt64}, []string{"cap_per_day", "cap_per_month"}},
		{"a conversion by halves", fraud.Policy{Conversion: fraud.Conversion{After: 5}}, []string{"conversion.pause_for"}},
		{"judged by nothing", with(func(c *fraud.Conversion) { c.After = 0 }), []string{"conversion.after"}},
		{"more than all", with(func(c *fraud.Conversion) { c.CaptchaBelow = 1.1 }), []string{"conversion.captcha_below"}},
		{"no number", with(func(c *fraud.Conversion) { c.CaptchaBelow = math.NaN() }), []string{"conversion.captcha_below", "conversion.pause_below"}},
		{"paused before suspected", with(func(c *fraud.Conversion) { c.PauseBelow = 0.2 }), []string{"conversion.pause_below"}},
		{"paused for ever", with(func(c *fraud.Conversion) { c.PauseFor = math.MaxInt64 }), []string{"conversion.pause_for"}},
		{"never paused", with(func(c *fraud.Conversion) { c.CaptchaBelow, c.PauseBelow = 0, 0 }), nil},
		{"paused for a month", with(func(c *fraud.Conversion) { c.PauseFor = 720 * time.Hour }), nil},
	}
	for _, test := range tests {
		var got []string
		for _, err := range test.policy.Check() {
			problem, ok := errors.AsType[fraud.Problem](err)
			if !ok || problem.Reason == "" {
				t.Errorf("%s: %v, which is no Problem", test.name, err)
			}
			got = append(got, problem.Field)
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: problems with %q, want %q", test.name, got, test.want)
		}
	}
}

func TestACountryHasItsPriceOrTheOthersOrTheDefault(t *testing.T) {
	p := fraud.Policy{Prices: map[string]fraud.Money{"GB": 40_000, "DE": 0}}
	for country, want := range map[string]fraud.Money{"GB": 40_000, "DE": 0, "FR": fraud.DefaultPrice} {
		if got := fraud.PriceOf(p, country); got != want {
			t.Errorf("a message to %s costs %s, want %s", country, got, want)
		}
	}
	p.Prices["*"] = 70_000
	if got := fraud.PriceOf(p, "FR"); got != 70_000 {
		t.Errorf("a message to FR costs %s where all others cost 0.07", got)
	}
}

func TestAPolicyThatCannotBeKeptOpensNoGuard(t *testing.T) {
	_, err := fraud.New(t.Context(), fraud.Options{Policy: fraud.Policy{CapPerDay: -1, Countries: []string{"UK"}}})
	if problem, ok := errors.AsType[fraud.Problem](err); !ok || problem.Field != "countries" {
		t.Errorf("New = %v, want the problem with countries first", err)
	}
}
