package fraud_test

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"signet/internal/store"
	"signet/internal/threepid"
	"signet/verify/fraud"
)

// race starts n goroutines at once, in turn on the replicas, and waits for them.
func (w *world) race(n int, replicas []*replica, do func(r *replica, i int)) {
	start := make(chan struct{})
	var rivals sync.WaitGroup
	for i := range n {
		rivals.Go(func() {
			<-start
			do(replicas[i%len(replicas)], i)
		})
	}
	close(start)
	rivals.Wait()
}

// looksFor looks for rows without a pause, and at its end tells how often there were any.
func (w *world) looksFor(query string) (end func() int) {
	stop, found := make(chan struct{}), make(chan int)
	go func() {
		seen := 0
		for {
			select {
			case <-stop:
				found <- seen
				return
			default:
				if w.count(query) > 0 {
					seen++
				}
			}
		}
	}()
	return func() int { close(stop); return <-found }
}

// spent is the money of a day or month that the clock shows.
func (w *world) spent(period fraud.Period) fraud.Spending {
	w.Helper()
	r, err := w.a.Report(w.Context())
	w.do(err)
	if period == fraud.Month {
		return r.ThisMonth
	}
	return r.Today
}

// Whoever is admitted was admitted by a cap, however many ask at the same time: of the
// day, of the month, or of both, with messages of different prices and lengths. Nobody is
// told anything but that, and those who come again one by one spend the rest.
func TestRivalsSpendNoMicroMoreThanTheCap(t *testing.T) {
	const limit = 50*40_000 + 30*70_001
	for periods, p := range map[string]fraud.Policy{"'day'": capped(limit, 0), "'month'": capped(0, limit), "'day', 'month'": capped(limit, limit)} {
		t.Run(periods, func(t *testing.T) {
			each(t, p, func(w *world) {
				to := []threepid.Address{number(w, "447400123456"), number(w, "4915123456789"), number(w, "12015550123")}
				var admitted, refused, spent atomic.Int64
				over := w.looksFor(fmt.Sprintf(`SELECT COUNT(*) FROM fraud_totals WHERE country = '' AND period IN (%s) AND micros > %d`, periods, limit))
				w.race(200, []*replica{w.a, w.b, w.replica(p), w.replica(p)}, func(r *replica, i int) {
					v, err := r.Admit(w.Context(), to[i%3], 1+i%2)
					switch {
					case err == nil:
						admitted.Add(1)
						spent.Add(int64(v.Price))
					case errors.Is(err, fraud.ErrCap):
						refused.Add(1)
					default:
						w.Error(err)
					}
				})
				if n := over(); n > 0 {
					w.Errorf("a total was seen beyond the cap %d times", n)
				}
				if admitted.Load()+refused.Load() != 200 || spent.Load() > limit {
					w.Errorf("%d admitted at %d micros of %d, %d refused", admitted.Load(), spent.Load(), int64(limit), refused.Load())
				}
				got := w.spent(fraud.Month)
				if got.Messages != admitted.Load() || int64(got.Spent) != spent.Load() {
					w.Errorf("%+v are booked, %d messages at %d were admitted", got, admitted.Load(), spent.Load())
				}
				for range 80 { // whoever was refused for what another took back comes again
					if _, err := w.a.admit(w.Context(), to[0]); errors.Is(err, fraud.ErrCap) {
						break
					}
				}
				if left := limit - w.spent(fraud.Month).Spent; left < 0 || left >= 40_000 {
					w.Errorf("%s is left, want less than the price of one message", left)
				}
				w.refuse(w.b, to[0], is(fraud.ErrCap))
			})
		})
	}
}

// Rivals send, count, change their minds and come back, while Run looks and the operator
// reads: what stands in the end is what was not taken back, and nobody failed.
func TestNobodyFailsForARival(t *testing.T) {
	each(t, policy, func(w *world) {
		stop := make(chan struct{})
		var watching sync.WaitGroup
		watching.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					w.watch()
					w.do(w.a.Sweep(w.Context()))
				}
			}
		})
		now := w.clock.Now()
		w.race(64, []*replica{w.a, w.b}, func(r *replica, i int) {
			for j := range 10 {
				n := block(w, []string{north, south, other}[j%3], i*10+j)
				v, err := r.admit(w.Context(), n)
				if err != nil {
					w.Errorf("Admit = %v", err)
					return
				}
				if j%5 == 0 {
					err = r.Refund(w.Context(), r.db, v)
				} else {
					err = errors.Join(r.Sent(w.Context(), n, now, true), r.Validated(w.Context(), n, now, true))
				}
				if err != nil {
					w.Error(err)
				}
			}
		})
		close(stop)
		watching.Wait()
		if got := w.spent(fraud.Day); got.Messages != 512 || got.Segments != 512 {
			w.Errorf("%+v are booked, want 512 messages", got)
		}
		if n := w.count(`SELECT CAST(SUM(validated) AS BIGINT) FROM fraud_sends WHERE scope = country AND validated = sent`); n != 512 {
			w.Errorf("%d are counted, want 512", n)
		}
	})
}

// Whoever looked before others booked, and books after them, finds one of the totals full:
// the others must be as they were.
func TestABookingThatFitsByHalvesIsTakenBack(t *testing.T) {
	for name, test := range map[string]struct {
		policy fraud.Policy
		period fraud.Period
		until  time.Time
	}{
		"the day is full":   {capped(100_000, 0), fraud.Day, midnight},
		"the month is full": {capped(200_000, 100_000), fraud.Month, december},
		"both are full":     {capped(100_000, 110_000), fraud.Month, december},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, test.policy, func(w *world) {
				w.allow(w.a, number(w, "447400123456"))
				v := w.allow(w.a, number(w, "447400123456"))
				german := v
				german.Country = "DE" // whose total there is not yet
				before := w.standing()
				for _, late := range []fraud.Verdict{v, german} {
					if err := fraud.Book(w.b.Guard, w.Context(), late); !full(w, test.period, test.until)(err) {
						w.Errorf("booking = %v, want the cap of the %s reached", err, test.period)
					}
				}
				if after := w.standing(); after != before {
					w.Errorf("it changed\n%s\nto\n%s", before, after)
				}
			})
		})
	}
}

// The first message of a day finds no total that its price is compared with.
func TestTheFirstMessageMayBeTooDear(t *testing.T) {
	each(t, capped(100_000, 0), func(w *world) {
		n := number(w, "447400123456")
		if _, err := w.a.Admit(w.Context(), n, 3); !full(w, fraud.Day, midnight)(err) || w.dump() != "" {
			w.Errorf("Admit of 0.12 = %v where the cap is 0.1, and left\n%s", err, w.dump())
		}
		dear := fraud.Verdict{Country: "GB", Segments: 3, Price: 120_000, Charged: w.clock.Now()}
		if err := fraud.Book(w.a.Guard, w.Context(), dear); !full(w, fraud.Day, midnight)(err) || w.standing() != "" {
			w.Errorf("booking 0.12 = %v where the cap is 0.1, and left\n%s", err, w.standing())
		}
		w.allow(w.b, n)
	})
}

// A refund in a transaction stands or falls with it.
func TestARefundIsPartOfATransaction(t *testing.T) {
	each(t, policy, func(w *world) {
		v, undone := w.allow(w.a, number(w, "447400123456")), errors.New("undone")
		refund := func(err error) error {
			return w.b.db.Tx(w.Context(), func(tx *store.Tx) error {
				return errors.Join(w.b.Refund(w.Context(), tx, v), err)
			})
		}
		if err := refund(undone); !errors.Is(err, undone) || w.spent(fraud.Day).Messages != 1 {
			w.Errorf("%v, and %+v are booked; want it undone", err, w.spent(fraud.Day))
		}
		w.do(refund(nil))
		if got := w.spent(fraud.Day); got != (fraud.Spending{}) {
			w.Errorf("%+v are booked after a refund", got)
		}
	})
}
