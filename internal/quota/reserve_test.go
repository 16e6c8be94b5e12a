package quota_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"testing"
	"time"

	"signet/internal/quota"
	"signet/internal/store"
)

func country(n int) quota.Charge {
	return quota.Charge{Budget: "email.country", Subject: "de", N: n}
}

// drain spends all that the replicas can get of the country's 2000, and tells how many.
func (w *world) drain() (n int) {
	w.Helper()
	for _, q := range []*quota.Quota{w.a, w.b} {
		for _, step := range []int{100, 1} {
			for {
				err := q.Charge(w.Context(), country(step))
				if errors.As(err, new(quota.Exhausted)) {
					break
				} else if err != nil {
					w.Fatal(err)
				}
				n += step
			}
		}
	}
	return n
}

// inTx charges a reservation in a transaction of its own, which commits unless end is an
// error.
func (w *world) inTx(r *quota.Reservation, end error) error {
	return w.db.Tx(w.Context(), func(tx *store.Tx) error {
		return errors.Join(r.ChargeIn(w.Context(), tx), end)
	})
}

func TestAHundredAtOnceGetAllOrNone(t *testing.T) {
	each(t, func(w *world) {
		var rivals sync.WaitGroup
		for i := range 100 {
			rivals.Go(func() {
				q := []*quota.Quota{w.a, w.b}[i%2]
				err := q.Charge(w.Context(), one("email.deployment", ""), country(1), one("email.network", fmt.Sprint(i%7)))
				if err != nil && !errors.As(err, new(quota.Exhausted)) {
					w.Error(err)
				}
			})
		}
		rivals.Wait()
		w.wantSeen(map[string]int{"email.deployment allowed": 20, "email.country allowed": 20, "email.network allowed": 20,
			"email.deployment refused": 80})
		if used := w.used("email.network", time.Hour/1000); used != 20 {
			w.Errorf("20 of 100 used %d of the networks' budgets", used)
		}
		if left := w.drain(); left != 1980 {
			w.Errorf("%d of the country's 2000 are left, want 1980", left)
		}
	})
}

// Transactions that commit, that are undone and that are taken back run at once on two
// replicas; what is left is as if only the first had been.
func TestOnlyWhatStandsIsCharged(t *testing.T) {
	each(t, func(w *world) {
		undone := errors.New("undone")
		var rivals sync.WaitGroup
		for i := range 60 {
			rivals.Go(func() {
				r := w.reserve([]*quota.Quota{w.a, w.b}[i%2], country(1+i%4), one("email.network", fmt.Sprint(i%2)))
				defer r.Release()
				switch i % 3 {
				case 0:
					if err := w.inTx(r, nil); err != nil {
						w.Error(err)
					}
					r.Keep()
				case 1:
					if err := w.inTx(r, undone); !errors.Is(err, undone) {
						w.Error(err)
					}
				case 2:
					err := errors.Join(w.inTx(r, nil), w.db.Tx(w.Context(), func(tx *store.Tx) error { return r.RefundIn(w.Context(), tx) }))
					if err != nil {
						w.Error(err)
					}
				}
			})
		}
		rivals.Wait()
		w.wantSeen(map[string]int{"email.country allowed": 20, "email.network allowed": 20})
		if used := w.used("email.network", time.Hour/1000); used != 20 {
			w.Errorf("20 that stand used %d of the networks' budgets", used)
		}
		if left := w.drain(); left != 1950 {
			w.Errorf("%d of the country's 2000 are left after 20 times 1 to 4, want 1950", left)
		}
	})
}

func TestATransactionThatRunsAgainChargesOnce(t *testing.T) {
	each(t, func(w *world) {
		r := w.reserve(w.a, country(3), one("email.deployment", ""))
		undone := errors.New("undone")
		for range 5 {
			if err := w.inTx(r, undone); !errors.Is(err, undone) {
				w.Fatal(err)
			}
		}
		if err := w.inTx(r, nil); err != nil {
			w.Fatal(err)
		}
		r.Keep()
		r.Release() // which is too late
		w.wantSeen(map[string]int{"email.country allowed": 1, "email.deployment allowed": 1})
		w.allow(w.a, quota.Charge{Budget: "email.deployment", N: 19})
		if left := w.drain(); left != 1997 {
			w.Errorf("%d of the country's 2000 are left, want 1997", left)
		}
	})
}

// Requests that share nothing but a leased budget are no rivals: each runs once, though
// all are in their transactions at the same moment.
func TestWhoSharesALeaseIsNoRival(t *testing.T) {
	each(t, func(w *world) {
		w.allow(w.a, country(1))
		var rivals, all sync.WaitGroup
		all.Add(15)
		for i := range 15 {
			rivals.Go(func() {
				charges := []quota.Charge{country(1)}
				for _, budget := range []string{"email.destination", "email.account", "email.network"} {
					charges = append(charges, one(budget, fmt.Sprint(i)))
				}
				r, runs := w.reserve(w.a, charges...), 0
				defer r.Release()
				err := w.db.Tx(w.Context(), func(tx *store.Tx) error {
					if runs++; runs > 1 {
						return errors.New("it has a rival")
					}
					err := r.ChargeIn(w.Context(), tx)
					all.Done()
					if w.db.Engine() == store.PostgreSQL { // SQLite has one writer
						all.Wait()
					}
					return err
				})
				if err != nil {
					w.Error(err)
				}
			})
		}
		rivals.Wait()
	})
}

// Whoever goes away leaves in the lease what it had taken.
func TestACancelledContextGivesLeasesBack(t *testing.T) {
	each(t, func(w *world) {
		w.allow(w.a, country(1)) // of 20
		before := w.rows()
		gone, leave := context.WithCancel(w.Context())
		leave()
		for i := range 10 { // whose tags come before and after the country's
			for _, other := range []quota.Charge{one("email.country", fmt.Sprint(i)), one("email.account", fmt.Sprint(i))} {
				if err := w.a.Charge(gone, country(19), other); !errors.Is(err, context.Canceled) {
					w.Errorf("Charge = %v, want it cancelled", err)
				}
			}
		}
		w.allow(w.a, country(19))
		if after := w.rows(); !reflect.DeepEqual(before, after) {
			w.Errorf("the lease was lost: the table went from %v to %v", before, after)
		}
		w.wantSeen(map[string]int{"email.country allowed": 2})
	})
}

// A reservation refuses nothing: a request that turns out to have been made before needs
// no charge.
func TestAnExhaustedBudgetCanBeReserved(t *testing.T) {
	each(t, func(w *world) {
		w.allow(w.a, country(2000))
		w.wantSeen(map[string]int{"email.country allowed": 1})
		r := w.reserve(w.a, country(1), one("email.deployment", ""))
		if err := w.inTx(r, nil); !errors.As(err, new(quota.Exhausted)) {
			w.Errorf("ChargeIn = %v, want it exhausted", err)
		}
		r.Release()
		w.wantSeen(map[string]int{"email.country refused": 1})
		r = w.reserve(w.a, country(1))
		r.Release()
		w.wantSeen(nil)
	})
}

func TestEveryShortBudgetIsTold(t *testing.T) {
	each(t, func(w *world) {
		w.allow(w.a, country(1999), quota.Charge{Budget: "email.account", Subject: alice, N: 7}, quota.Charge{Budget: "sms.tried", N: 2})
		charges := []quota.Charge{country(5), one("email.account", alice), one("sms.country", "de"), one("sms.country", "fr"),
			one("email.deployment", ""), one("sms.tried", "")}
		err := w.a.Charge(w.Context(), charges...)
		want := []string{"email.account", "email.country", "sms.country"}
		refused, ok := errors.AsType[quota.Exhausted](err)
		if !ok || !reflect.DeepEqual(refused.Short, want) || refused.Budget != "sms.country" || refused.RetryAfter != time.Hour {
			w.Errorf("Charge = %+v, want all of %v short", err, want)
		}
		r := w.reserve(w.a, charges...)
		defer r.Release()
		if _ = w.db.Tx(w.Context(), func(tx *store.Tx) error { err = r.ChargeIn(w.Context(), tx); return nil }); !reflect.DeepEqual(err, refused) {
			w.Errorf("ChargeIn = %+v, want %+v", err, refused)
		}
	})
}

func TestTheZeroReservationChargesNothing(t *testing.T) {
	each(t, func(w *world) {
		var r quota.Reservation
		if err := w.inTx(&r, nil); err != nil {
			w.Error(err)
		}
		if err := w.db.Tx(w.Context(), func(tx *store.Tx) error { return r.RefundIn(w.Context(), tx) }); err != nil || len(r.Shares()) != 0 {
			w.Errorf("%v, %v", err, r.Shares())
		}
		r.Keep()
		r.Release()
		if rows := w.rows(); len(rows) != 0 {
			w.Errorf("nothing left %v", rows)
		}
	})
}
