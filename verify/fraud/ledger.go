package fraud

import (
	"context"
	"fmt"
	"math"
	"time"

	"signet/internal/store"
)

// Period is what a cap is for.
type Period string

// The periods, both in UTC.
const (
	Day   Period = "day"
	Month Period = "month"
)

// span is the time from its beginning to before its end.
type span struct{ from, to time.Time }

// around is the day or month that t is in.
func (p Period) around(t time.Time) span {
	year, month, day := t.UTC().Date()
	if p == Month {
		from := time.Date(year, month, 1, 0, 0, 0, 0, time.UTC)
		return span{from, from.AddDate(0, 1, 0)}
	}
	from := time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
	return span{from, from.AddDate(0, 0, 1)}
}

func (p Policy) limit(period Period) Money {
	if period == Month {
		return p.CapPerMonth
	}
	return p.CapPerDay
}

// noBound is above all that can be spent.
const noBound Money = math.MaxInt64

// bound is the most that a period's total may come to.
func (p Policy) bound(period Period) Money {
	if limit := p.limit(period); limit > 0 {
		return limit
	}
	return noBound
}

// total names a running total: of a period and a country, or of all countries.
type total struct {
	period  Period
	startMS int64
	country string
}

// totals are those that a message is part of, in the order in which everybody takes
// them: that of the day, which all rivals queue for, comes first.
func (v Verdict) totals() []total {
	day, month := Day.around(v.Charged).from.UnixMilli(), Month.around(v.Charged).from.UnixMilli()
	return []total{{Day, day, ""}, {Day, day, v.Country}, {Month, month, ""}}
}

// spending is what a message adds to each.
func (v Verdict) spending() Spending {
	return Spending{Messages: 1, Segments: int64(v.Segments), Spent: v.Price}
}

func (s Spending) negative() Spending {
	return Spending{Messages: -s.Messages, Segments: -s.Segments, Spent: -s.Spent}
}

// movement is what is added to totals, none of which may end below nothing or, if it is
// one of all countries, above the bound of its period.
type movement struct {
	totals     []total
	by         Spending
	day, month Money
}

func (m movement) bound(t total) Money {
	switch {
	case t.country != "":
		return noBound
	case t.period == Month:
		return m.month
	}
	return m.day
}

// missed lists the totals that did not move, or moved to where they may not be: a new
// one starts from nothing wherever that leads.
func (m movement) missed(moved map[total]Spending) (missed []total) {
	for _, t := range m.totals {
		s, there := moved[t]
		if !there || s.Messages < 0 || s.Segments < 0 || s.Spent < 0 || s.Spent > m.bound(t) {
			missed = append(missed, t)
		}
	}
	return missed
}

// back undoes a movement where it happened.
func (m movement) back(moved map[total]Spending) movement {
	undo := movement{by: m.by.negative(), day: noBound, month: noBound}
	for _, t := range m.totals {
		if _, there := moved[t]; there {
			undo.totals = append(undo.totals, t)
		}
	}
	return undo
}

// move moves all the totals or, but for a moment, none; it lists those that did not fit.
// No total is ever beyond its bounds, and rivals meet at one row after the other in the
// same order: on a DB each waits for a statement of the others and none fails.
func move(ctx context.Context, q store.Queryer, m movement) (missed []total, err error) {
	moved, err := moveAlone(ctx, q, m)
	if err != nil {
		return nil, err
	}
	missed = m.missed(moved)
	if undo := m.back(moved); len(missed) > 0 && len(undo.totals) > 0 {
		_, err = moveAlone(context.WithoutCancel(ctx), q, undo)
	}
	return missed, err
}

// moveAlone is moveTotals, which on a DB stands by itself.
func moveAlone(ctx context.Context, q store.Queryer, m movement) (moved map[total]Spending, err error) {
	db, alone := q.(*store.DB)
	if !alone {
		return moveTotals(ctx, q, m)
	}
	err = db.Alone(ctx, func(q store.Queryer) (err error) {
		moved, err = moveTotals(ctx, q, m)
		return err
	})
	return moved, err
}

// charge books one message with its segments and price, or tells which cap it would
// pass: of both, the one that takes longer to end. It looks before it books, so that
// nothing is written once the money is spent, which is when most is asked.
func (g *Guard) charge(ctx context.Context, v Verdict) error {
	for _, p := range []Period{Month, Day} {
		spending, err := selectSpent(ctx, g.DB, p, v.Charged)
		if err != nil {
			return err
		}
		if spending.Spent > g.Policy.bound(p)-v.Price {
			return v.over(p)
		}
	}
	return g.book(ctx, v)
}

// book is what holds the caps.
func (g *Guard) book(ctx context.Context, v Verdict) error {
	missed, err := move(ctx, g.DB, movement{v.totals(), v.spending(), g.Policy.bound(Day), g.Policy.bound(Month)})
	if err != nil || len(missed) == 0 {
		return err
	}
	return v.over(missed[len(missed)-1].period) // a month comes last
}

// over is the error of a message that does not fit into a period.
func (v Verdict) over(p Period) error {
	return CapReached{Period: p, RetryAfter: until(v.Charged, p.around(v.Charged).to)}
}

// until rounds up to whole milliseconds, so that nobody is told to come too early.
func until(now, then time.Time) time.Duration { return then.Sub(now.Truncate(time.Millisecond)) }

// Refund takes back what Admit charged for a message that was not sent, from the day
// that it was charged to; no report shows it any more. Of v, Suspicious and Risky do not
// count. Each is taken back at most once. On a DB it stands by itself and meets no
// conflict; in a Tx it may make that run again, and holds up all rivals until it ends.
func (g *Guard) Refund(ctx context.Context, q store.Queryer, v Verdict) error {
	if v.Segments == 0 {
		return nil // the zero verdict, of a refusal
	}
	if _, err := move(ctx, q, movement{v.totals(), v.spending().negative(), noBound, noBound}); err != nil {
		return fmt.Errorf("refunding a text message: %w", err)
	}
	return nil
}
