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

// room is the most that may have been spent before a message of this price.
func (p Policy) room(period Period, price Money) Money {
	if p.limit(period) == 0 {
		return math.MaxInt64
	}
	return p.limit(period) - price
}

// charge books one message with its segments and price, or tells which cap it would pass: of both,
// the one that takes longer to end.
func (g *Guard) charge(ctx context.Context, tx *store.Tx, v Verdict) error {
	e := entry{Verdict: v, day: Day.around(v.Charged), month: Month.around(v.Charged),
		dayRoom: g.Policy.room(Day, v.Price), monthRoom: g.Policy.room(Month, v.Price)}
	charged, err := insertSpend(ctx, tx, e)
	if err != nil || charged {
		return err
	}
	month, err := selectSpent(ctx, tx, e.month)
	if err != nil {
		return err
	}
	full, reached := e.day, Day
	if month.Spent > e.monthRoom {
		full, reached = e.month, Month
	}
	return CapReached{Period: reached, RetryAfter: until(v.Charged, full.to)}
}

// until rounds up to whole milliseconds, so that nobody is told to come too early.
func until(now, then time.Time) time.Duration { return then.Sub(now.Truncate(time.Millisecond)) }

// Refund takes back what Admit charged for a message that was not sent, from the day
// that it was charged to, and leaves no trace of it there. Of v, Suspicious and Risky do
// not count. Each is taken back at most once.
func (g *Guard) Refund(ctx context.Context, tx *store.Tx, v Verdict) error {
	day := Day.around(v.Charged)
	err := refundSpend(ctx, tx, day, v)
	if err == nil {
		err = deleteUnspent(ctx, tx, day, v.Country)
	}
	if err != nil {
		return fmt.Errorf("refunding a text message: %w", err)
	}
	return nil
}
