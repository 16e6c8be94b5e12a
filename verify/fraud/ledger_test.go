package fraud_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"signet/internal/threepid"
	"signet/verify/fraud"
)

func capped(day, month fraud.Money) fraud.Policy {
	p := policy
	p.CapPerDay, p.CapPerMonth = day, month
	return p
}

// full tells whether an error is a cap's, with the wait until then.
func full(w *world, period fraud.Period, then time.Time) func(error) bool {
	return func(err error) bool {
		wait := then.Sub(w.clock.Now())
		reached, ok := errors.AsType[fraud.CapReached](err)
		return ok && reached == fraud.CapReached{Period: period, RetryAfter: wait} && errors.Is(err, fraud.ErrCap)
	}
}

// The clock shows 22:13 on the 14th of November.
var (
	midnight = time.Date(2023, time.November, 15, 0, 0, 0, 0, time.UTC)
	december = time.Date(2023, time.December, 1, 0, 0, 0, 0, time.UTC)
)

func TestADayIsFullAndAnotherBegins(t *testing.T) {
	each(t, capped(130_000, 0), func(w *world) {
		gb, de := number(w, "447400123456"), number(w, "4915123456789")
		w.allow(w.a, gb)
		w.allow(w.b, gb)
		w.refuse(w.a, de, full(w, fraud.Day, midnight)) // 80,000 and 70,001
		w.allow(w.a, gb)
		w.refuse(w.b, gb, full(w, fraud.Day, midnight))

		w.clock.Advance(midnight.Sub(w.clock.Now()) - time.Millisecond)
		w.refuse(w.b, gb, full(w, fraud.Day, midnight))
		w.clock.Advance(time.Millisecond)
		w.allow(w.a, gb)
		w.wantSeen(map[string]int{"admitted GB": 4, "refused_cap DE": 1, "refused_cap GB": 2})
	})
}

func TestACapMayBeMetToTheMicro(t *testing.T) {
	each(t, capped(80_000, 0), func(w *world) {
		gb := number(w, "447400123456")
		w.allow(w.a, gb)
		w.allow(w.a, gb)
		w.refuse(w.a, gb, full(w, fraud.Day, midnight))
		under := w.replica(capped(119_999, 0))
		w.refuse(under, gb, full(w, fraud.Day, midnight))
		w.allow(w.replica(capped(120_000, 0)), gb)
	})
}

func TestAMonthIsFullAndAnotherBegins(t *testing.T) {
	each(t, capped(80_000, 130_000), func(w *world) {
		gb := number(w, "447400123456")
		w.allow(w.a, gb)
		w.allow(w.a, gb)
		w.refuse(w.a, gb, full(w, fraud.Day, midnight)) // the month has room
		w.clock.Advance(24 * time.Hour)
		w.allow(w.a, gb)
		w.refuse(w.a, gb, full(w, fraud.Month, december)) // of both, the longer wait
		w.clock.Advance(december.Sub(w.clock.Now()) - time.Millisecond)
		w.refuse(w.a, gb, full(w, fraud.Month, december))
		w.clock.Advance(time.Millisecond)
		w.allow(w.a, gb)
	})
}

// A server whose clock stands in another zone books the same days.
func TestDaysAreUTC(t *testing.T) {
	each(t, capped(75_000, 0), func(w *world) {
		gb := number(w, "447400123456")
		kiribati := time.FixedZone("+14", 14*3600)
		g, err := fraud.New(w.Context(), fraud.Options{DB: w.db, Vault: w.vault, Policy: capped(75_000, 0),
			Now: func() time.Time { return w.clock.Now().In(kiribati) }})
		if err != nil {
			w.Fatal(err)
		}
		w.allow(&replica{g, w.db}, gb)
		w.refuse(w.a, gb, full(w, fraud.Day, midnight))
	})
}

func TestARefundIsBookedToItsDay(t *testing.T) {
	each(t, capped(80_000, 120_000), func(w *world) {
		gb := number(w, "447400123456")
		w.allow(w.a, gb)
		late := w.allow(w.a, gb)
		w.clock.Advance(2 * time.Hour) // past midnight
		w.allow(w.a, gb)
		w.refuse(w.a, gb, full(w, fraud.Month, december))
		w.do(w.b.Refund(w.Context(), w.db, late))
		w.allow(w.a, gb)
		w.refuse(w.a, gb, full(w, fraud.Month, december))
		if yesterday := w.count(`SELECT micros FROM fraud_totals WHERE period = 'day' AND country = '' ORDER BY start_ms LIMIT 1`); yesterday != 40_000 {
			w.Errorf("%d micros stand for yesterday, want 40000", yesterday)
		}
	})
}

// A verdict that outlives its month is taken back from there, by a replica that has not
// charged anything yet.
func TestARefundIsBookedToItsMonth(t *testing.T) {
	each(t, capped(0, 80_000), func(w *world) {
		gb := number(w, "447400123456")
		w.clock.Advance(december.Sub(w.clock.Now()) - time.Millisecond)
		w.allow(w.a, gb)
		late := w.allow(w.a, gb)
		w.clock.Advance(time.Millisecond)
		w.do(w.b.Refund(w.Context(), w.db, late))
		if n := w.count(`SELECT COUNT(*) FROM fraud_totals WHERE micros = 40000 AND messages = 1`); n != 3 {
			w.Errorf("the refund left\n%s", w.dump())
		}
		w.allow(w.a, gb)
		w.allow(w.b, gb)
		w.refuse(w.a, gb, full(w, fraud.Month, time.Date(2024, time.January, 1, 0, 0, 0, 0, time.UTC)))
	})
}

func TestNoRefundLeavesLessThanNothing(t *testing.T) {
	each(t, policy, func(w *world) {
		v := w.allow(w.a, number(w, "447400123456"))
		dear := v
		dear.Price++
		elsewhere, before := v, v
		elsewhere.Country = "DE"
		before.Charged = v.Charged.Add(-24 * time.Hour)
		long := v
		long.Segments++
		for _, wrong := range []fraud.Verdict{dear, elsewhere, before, long, {}} {
			w.do(w.a.Refund(w.Context(), w.db, wrong))
		}
		if left := w.count(`SELECT COUNT(*) FROM fraud_totals WHERE micros = 40000 AND messages = 1 AND segments = 1`); left != 3 {
			w.Errorf("after wrong refunds there is\n%s", w.dump())
		}
		for range 3 {
			w.do(w.a.Refund(w.Context(), w.db, v))
		}
		if left := w.count(`SELECT COUNT(*) FROM fraud_totals WHERE messages <> 0 OR segments <> 0 OR micros <> 0`); left != 0 {
			w.Errorf("after too many refunds there is\n%s", w.dump())
		}
	})
}

// A message in two alphabets can take three times the money of a short one.
func TestEverySegmentIsPaidFor(t *testing.T) {
	each(t, capped(250_000, 0), func(w *world) {
		gb := number(w, "447400123456")
		long, err := w.a.Admit(w.Context(), gb, 4)
		if err != nil || long.Segments != 4 || long.Price != 160_000 {
			w.Errorf("Admit of four segments = %+v, %v, want them at 0.16", long, err)
		}
		if _, err := w.b.Admit(w.Context(), gb, 3); !full(w, fraud.Day, midnight)(err) {
			w.Errorf("Admit of three segments = %v, want the cap reached", err)
		}
		w.allow(w.a, gb)
		wantSpent := func(want fraud.Spending) {
			w.Helper()
			want.Cap = 250_000
			if r, err := w.b.Report(w.Context()); err != nil || r.Today != want {
				w.Errorf("spent today %+v, %v; want %+v", r.Today, err, want)
			}
		}
		wantSpent(fraud.Spending{Messages: 2, Segments: 5, Spent: 200_000})
		w.do(w.b.Refund(w.Context(), w.db, long))
		wantSpent(fraud.Spending{Messages: 1, Segments: 1, Spent: 40_000})
		if _, err := w.a.Admit(w.Context(), gb, 5); err != nil {
			w.Errorf("Admit of five segments = %v, want them to fit to the last", err)
		}
	})
}

func TestNoMessageHasNoSegment(t *testing.T) {
	each(t, policy, func(w *world) {
		for _, segments := range []int{0, -1, math.MinInt, 256, math.MaxInt} {
			if v, err := w.a.Admit(w.Context(), number(w, "447400123456"), segments); err == nil || v != (fraud.Verdict{}) {
				w.Errorf("Admit of %d segments = %+v, %v", segments, v, err)
			}
		}
		if w.dump() != "" {
			w.Errorf("it was booked:\n%s", w.dump())
		}
	})
}

// standing is the dump without totals that came to nothing, which no report shows.
func (w *world) standing() string {
	w.Helper()
	var lines strings.Builder
	for line := range strings.Lines(w.dump()) {
		if !strings.Contains(line, " messages=0 segments=0 micros=0") {
			lines.WriteString(line)
		}
	}
	return lines.String()
}

// A message whose receiver wants none is not sent, but whoever asked is told what they
// would have been told, and nobody can see the difference in what is left.
func TestADecoyIsToldTheSameAndCostsNothing(t *testing.T) {
	each(t, capped(410_000, 410_000), func(w *world) {
		gb, de := block(w, north, 1), block(w, other, 1)
		decoy := func(n threepid.Address) (v fraud.Verdict, err error) {
			w.Helper()
			before := w.standing()
			if v, err = w.a.Admit(w.Context(), n, 2); err == nil {
				w.do(w.a.Refund(w.Context(), w.db, v))
			}
			w.watch()
			if after := w.standing(); after != before {
				w.Errorf("a decoy changed the tables from\n%s\nto\n%s", before, after)
			}
			return v, err
		}
		like := func(n threepid.Address) {
			w.Helper()
			told, err := decoy(n)
			got, gotErr := w.b.Admit(w.Context(), n, 2)
			if told != got || fmt.Sprint(err) != fmt.Sprint(gotErr) {
				w.Errorf("a decoy is told %+v, %v where a message is told %+v, %v", told, err, got, gotErr)
			}
			w.watch()
		}
		for range 20 { // far more than the cap has room for
			if _, err := decoy(gb); err != nil {
				w.Errorf("a decoy is told %v", err)
			}
		}
		if n := strings.Count(w.log.String(), "a cap on what"); n != 0 || w.standing() != "" {
			w.Errorf("decoys alone made %d alerts and left\n%s", n, w.dump())
		}
		if r, err := w.b.Report(w.Context()); err != nil || len(r.Countries) != 0 {
			w.Errorf("the report shows the country of decoys: %+v, %v", r.Countries, err)
		}
		like(gb)
		like(de)
		like(gb)
		like(gb) // 380,002 are spent
		like(gb) // refused
		if r, err := w.b.Report(w.Context()); err != nil || r.Today.Messages != 4 || r.Today.Spent != 380_002 {
			w.Errorf("spent %+v, %v; want four messages", r.Today, err)
		}
		w.send(north, 40, 4)
		w.ripen()
		w.clock.Advance(3 * time.Hour) // another day
		like(gb)
	})
}

func TestTheOperatorIsToldOnceOfEachShare(t *testing.T) {
	each(t, capped(410_000, 0), func(w *world) { // ten messages, and not enough for another
		gb := number(w, "447400123456")
		told := func(n int) {
			w.Helper()
			w.watch()
			w.watch()
			if got := strings.Count(w.log.String(), "a cap on what text messages cost"); got != n {
				w.Errorf("told %d times, want %d:\n%s", got, n, w.log.String())
			}
		}
		for sent := 1; sent <= 10; sent++ {
			w.allow(w.a, gb)
			told(map[int]int{6: 1, 7: 1, 8: 1, 9: 2, 10: 3}[sent])
		}
		for _, percent := range []string{"percent=50", "percent=80", "percent=100"} {
			if strings.Count(w.log.String(), percent) != 1 {
				w.Errorf("%s was not told once:\n%s", percent, w.log.String())
			}
		}
		w.clock.Advance(3 * time.Hour) // another day
		told(3)
		for range 10 {
			w.allow(w.b, gb)
		}
		told(6)
		w.wantSeen(map[string]int{"admitted GB": 20, "cap_alert ": 6})
	})
}
