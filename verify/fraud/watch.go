package fraud

import (
	"context"
	"errors"
	"fmt"
	"time"

	"signet/internal/store"
)

const (
	// watchEvery bounds how late an operator is told. Nobody is sent more meanwhile:
	// Admit judges by itself.
	watchEvery = 15 * time.Second
	// sweepLate keeps a replica whose clock is ahead from forgetting what still counts.
	sweepLate = time.Hour
	// spendKept is how long an operator can look back.
	spendKept = 400 * 24 * time.Hour
)

// Run pauses blocks and tells the operator, until ctx ends.
func (g *Guard) Run(ctx context.Context) error {
	watch := time.NewTicker(watchEvery)
	defer watch.Stop()
	for {
		if err := g.watch(ctx); err != nil && ctx.Err() == nil {
			g.Log.Error("text messages are not watched", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-watch.C:
		}
	}
}

// watch looks once at everything that an operator should know. A statement decides
// which replica tells it, after its commit; one that dies in between tells nothing,
// and the report still shows it.
func (g *Guard) watch(ctx context.Context) error {
	now := g.Now()
	return errors.Join(g.watchConversion(ctx, now), g.watchSpending(ctx, now, Day), g.watchSpending(ctx, now, Month))
}

// scopeTally is a scope with what was counted of it.
type scopeTally struct {
	scope
	tally
}

func (s scopeTally) isCountry() bool { return s.key == s.country }

func (g *Guard) watchConversion(ctx context.Context, now time.Time) error {
	bad, err := g.bad(ctx, g.DB, now)
	if err != nil || len(bad) == 0 {
		return err
	}
	for _, s := range bad {
		if s.isCountry() {
			if err := g.alarm(ctx, s, now); err != nil {
				return err
			}
		}
	}
	return g.pause(ctx, now)
}

// bad lists the scopes that are suspicious, without what is forgiven.
func (g *Guard) bad(ctx context.Context, q store.Queryer, now time.Time) (bad []scopeTally, err error) {
	all, err := selectTallies(ctx, q, windowAt(now), g.Policy.Conversion.After)
	for _, s := range all {
		if g.Policy.Conversion.suspects(s.tally) {
			bad = append(bad, s)
		}
	}
	return bad, err
}

// alarm tells once a day that a country is suspicious.
func (g *Guard) alarm(ctx context.Context, s scopeTally, now time.Time) error {
	first, err := insertAlert(ctx, g.DB, fmt.Sprintf("country %s on %s", s.country, date(now)), now)
	if err != nil || !first {
		return err
	}
	g.Log.Warn("few codes of text messages come back from a whole country: its people should be asked for a CAPTCHA",
		"country", s.country, "sent", s.sent, "validated", s.validated)
	g.Observe(CountryAlarm, s.country)
	return nil
}

// pause judges again in the transaction that pauses, so that it does not meet an
// operator half-way who has just forgiven.
func (g *Guard) pause(ctx context.Context, now time.Time) error {
	var paused []scopeTally
	err := g.DB.Tx(ctx, func(tx *store.Tx) error {
		paused = nil
		bad, err := g.bad(ctx, tx, now)
		if err != nil {
			return err
		}
		for _, s := range bad {
			first, err := g.pauseBlock(ctx, tx, &s, now)
			if err != nil {
				return err
			}
			if first {
				paused = append(paused, s)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("pausing text messages: %w", err)
	}
	for _, s := range paused {
		g.Log.Warn("text messages to a block of numbers are paused: next to no codes come back",
			"country", s.country, "block", s.fingerprint(), "sent", s.sent, "validated", s.validated, "until", g.pauseEnd(now))
		g.Observe(PrefixPaused, s.country)
	}
	return nil
}

// pauseBlock pauses a suspicious block if its vouched messages say so, whose tally s has
// then.
func (g *Guard) pauseBlock(ctx context.Context, tx *store.Tx, s *scopeTally, now time.Time) (first bool, err error) {
	if s.isCountry() {
		return false, nil
	}
	vouched, err := g.vouched(ctx, tx, s.scope, now)
	if err != nil || !g.Policy.Conversion.pauses(vouched) {
		return false, err
	}
	s.tally = vouched.tally
	return putPause(ctx, tx, *s, now, g.pauseEnd(now))
}

func (g *Guard) pauseEnd(now time.Time) time.Time { return now.Add(g.Policy.Conversion.PauseFor) }

// marks are the shares of a cap, in percent, of which an operator is told.
var marks = []int64{50, 80, 100}

// watchSpending tells once each, for a period and a cap, which shares are passed.
func (g *Guard) watchSpending(ctx context.Context, now time.Time, p Period) error {
	limit, during := g.Policy.limit(p), p.around(now)
	if limit == 0 {
		return nil
	}
	spending, err := selectSpent(ctx, g.DB, p, now)
	if err != nil {
		return err
	}
	for _, mark := range marks {
		if !g.Policy.passed(spending.Spent, limit, mark) {
			return nil
		}
		first, err := insertAlert(ctx, g.DB, fmt.Sprintf("%s from %s, %d %% of %s", p, date(during.from), mark, limit), now)
		if err != nil {
			return err
		}
		if first {
			g.Log.Warn("a cap on what text messages cost is being used up", "period", p, "percent", mark,
				"spent", spending.Spent.String(), "cap", limit.String(), "until", during.to)
			g.Observe(CapAlert, "")
		}
	}
	return nil
}

// passed tells whether a share of a cap is spent. All of it is when not even the
// cheapest message can follow: the cap itself is hardly ever met to the micro.
func (p Policy) passed(spent, limit Money, percent int64) bool {
	if spent >= limit || percent == 100 && limit-spent < p.cheapest() {
		return true
	}
	return int64(spent)*100 >= int64(limit)*percent
}

func date(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// Sweep forgets what no longer counts. Hourly, it is a few hundred rows.
func (g *Guard) Sweep(ctx context.Context) error {
	now := g.Now()
	counted := now.Add(-judged - sweepLate)
	return errors.Join(
		deleteSends(ctx, g.DB, counted),
		deleteVouched(ctx, g.DB, counted),
		deletePauses(ctx, g.DB, counted),
		deleteTotals(ctx, g.DB, now.Add(-spendKept)),
		deleteAlerts(ctx, g.DB, now.Add(-spendKept)),
	)
}
