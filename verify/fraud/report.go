package fraud

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// Report is how text messages stand, for an operator.
type Report struct {
	Switch    Switch
	Today     Spending
	ThisMonth Spending
	Countries []CountryUse // in the order of their codes
	Pauses    []Pause
}

// Spending is what was spent in a period; a Cap of 0 is none.
type Spending struct {
	Messages   int64
	Segments   int64 // that they were charged as
	Spent, Cap Money
}

// CountryUse is what one country did: messages sent in the last 24 hours, how many of
// their codes came back, and what the month cost.
type CountryUse struct {
	Country         string
	Sent, Validated int64
	Suspicious      bool
	ThisMonth       Spending // without a cap
}

// Report tells how text messages stand now.
func (g *Guard) Report(ctx context.Context) (r Report, err error) {
	now := g.Now()
	var errs [5]error
	r.Switch, errs[0] = selectSwitch(ctx, g.DB)
	r.Today, errs[1] = selectSpent(ctx, g.DB, Day, now)
	r.ThisMonth, errs[2] = selectSpent(ctx, g.DB, Month, now)
	r.Countries, errs[3] = g.countries(ctx)
	r.Pauses, errs[4] = selectPauses(ctx, g.DB, now)
	r.Today.Cap, r.ThisMonth.Cap = g.Policy.CapPerDay, g.Policy.CapPerMonth
	if err := errors.Join(errs[:]...); err != nil {
		return Report{}, fmt.Errorf("reading how text messages stand: %w", err)
	}
	return r, nil
}

func (g *Guard) countries(ctx context.Context) ([]CountryUse, error) {
	now := g.Now()
	byCode := map[string]CountryUse{}
	counts, err := selectCountries(ctx, g.DB, now.Add(-judged))
	if err != nil {
		return nil, err
	}
	for _, s := range counts {
		byCode[s.country] = CountryUse{Country: s.country, Sent: s.sent, Validated: s.validated}
	}
	spent, err := selectSpentByCountry(ctx, g.DB, Month.around(now))
	if err != nil {
		return nil, err
	}
	for country, spending := range spent {
		use := byCode[country]
		use.Country, use.ThisMonth = country, spending
		byCode[country] = use
	}
	bad, err := g.bad(ctx, g.DB, now)
	if err != nil {
		return nil, err
	}
	for _, s := range bad {
		if use, there := byCode[s.key]; there {
			use.Suspicious = true
			byCode[s.key] = use
		}
	}
	var all []CountryUse
	for _, code := range slices.Sorted(maps.Keys(byCode)) {
		all = append(all, byCode[code])
	}
	return all, nil
}
