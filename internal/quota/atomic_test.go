package quota_test

import (
	"errors"
	"fmt"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"signet/internal/quota"
	"signet/internal/store"
	"signet/internal/store/storetest"
)

func TestRivalsGetNoMoreThanThereIs(t *testing.T) {
	each(t, func(w *world) {
		var allowed, refused atomic.Int64
		var rivals sync.WaitGroup
		for i := range 50 {
			q := []*quota.Quota{w.a, w.b}[i%2]
			charges := []quota.Charge{one("email.deployment", ""), one("email.network", fmt.Sprint(i%3))}
			if i%4 < 2 { // some name them the other way round
				charges[0], charges[1] = charges[1], charges[0]
			}
			rivals.Go(func() {
				err := q.Charge(w.Context(), charges...)
				switch {
				case err == nil:
					allowed.Add(1)
				case errors.As(err, new(quota.Exhausted)):
					refused.Add(1)
				default:
					w.Error(err)
				}
			})
		}
		rivals.Wait()
		if allowed.Load() != 20 || refused.Load() != 30 {
			w.Errorf("%d allowed and %d refused of 50 at once, want 20 and 30", allowed.Load(), refused.Load())
		}
		w.wantSeen(map[string]int{"email.deployment allowed": 20, "email.network allowed": 20, "email.deployment refused": 30})
		if used := w.used("email.network", time.Hour/1000); used != 20 {
			w.Errorf("those allowed used %d of the other budget, want 20", used)
		}
	})
}

func TestAllOrNone(t *testing.T) {
	each(t, func(w *world) {
		w.allow(w.a, quota.Charge{Budget: "email.destination", Subject: alice, N: 3}, one("email.account", "@a:x"), one("email.deployment", ""))
		before := w.rows()
		for range 50 {
			w.refuse(w.a, "email.destination", one("email.deployment", ""), one("email.account", "@a:x"), one("email.destination", alice))
		}
		if after := w.rows(); !reflect.DeepEqual(before, after) {
			w.Errorf("refused charges changed the table\nfrom %v\nto   %v", before, after)
		}
		w.clock.Advance(time.Hour)
		w.allow(w.a, quota.Charge{Budget: "email.deployment", N: 20}, quota.Charge{Budget: "email.account", Subject: "@a:x", N: 7})
	})
}

func TestARefusalWithinATransactionLeavesItUsable(t *testing.T) {
	each(t, func(w *world) {
		w.allow(w.a, quota.Charge{Budget: "email.destination", Subject: alice, N: 3})
		refused := w.reserve(w.a, one("email.deployment", ""), one("email.account", "@a:x"), one("email.destination", alice))
		allowed := w.reserve(w.a, quota.Charge{Budget: "email.deployment", N: 19})
		err := w.db.Tx(w.Context(), func(tx *store.Tx) error {
			err := refused.ChargeIn(w.Context(), tx)
			if !errors.As(err, new(quota.Exhausted)) {
				w.Errorf("ChargeIn = %v, want it refused", err)
			}
			return allowed.ChargeIn(w.Context(), tx)
		})
		if err != nil {
			w.Fatal(err)
		}
		w.allow(w.a, one("email.deployment", ""), quota.Charge{Budget: "email.account", Subject: "@a:x", N: 7})
		w.refuse(w.a, "email.deployment", one("email.deployment", ""))
	})
}

func TestWhatIsUndoneIsNotCharged(t *testing.T) {
	each(t, func(w *world) {
		undone := errors.New("undone")
		r := w.reserve(w.a, one("email.deployment", ""))
		err := w.db.Tx(w.Context(), func(tx *store.Tx) error {
			return errors.Join(r.ChargeIn(w.Context(), tx), undone)
		})
		r.Release()
		if used := w.used("email.deployment", 3*time.Minute); !errors.Is(err, undone) || used != 0 {
			w.Errorf("%v, with %d used; want it undone, with none", err, used)
		}
	})
}

func TestWhatIsNotCommittedIsNotObserved(t *testing.T) {
	each(t, func(w *world) {
		w.allow(w.a, one("email.deployment", ""))
		before := w.rows()
		storetest.FailCommits(w, w.db, "quota_buckets")
		err := w.a.Charge(w.Context(), one("email.deployment", ""))
		if err == nil || errors.As(err, new(quota.Exhausted)) {
			w.Errorf("Charge = %v on a full disk, want that error", err)
		}
		if after := w.rows(); !reflect.DeepEqual(before, after) {
			w.Errorf("the table went from %v to %v", before, after)
		}
		w.wantSeen(map[string]int{"email.deployment allowed": 1})
	})
}

func TestARefundIsAsIfNothingHadBeen(t *testing.T) {
	each(t, func(w *world) {
		c := one("email.destination", alice)
		w.allow(w.a, c)
		w.allow(w.a, c, one("email.account", "@a:x"))
		if err := w.b.Refund(w.Context(), c, one("email.account", "@a:x")); err != nil {
			w.Fatal(err)
		}
		if d, a := w.used("email.destination", 200*time.Second), w.used("email.account", time.Hour/7); d != 1 || a != 0 {
			w.Errorf("after a refund %d and %d are used, want 1 and 0", d, a)
		}
		w.allow(w.a, c, c, quota.Charge{Budget: "email.account", Subject: "@a:x", N: 7})
		w.refuse(w.a, "email.destination", c)

		// What never fitted was never taken.
		if err := w.b.Refund(w.Context(), quota.Charge{Budget: c.Budget, Subject: alice, N: 4}, one("sms.country", "DE")); err != nil {
			w.Fatal(err)
		}
		w.refuse(w.a, "email.destination", c)

		// A refund of what has come back by itself fills no bucket above the brim.
		w.clock.Advance(time.Hour)
		if err := w.b.Refund(w.Context(), c, c, c); err != nil {
			w.Fatal(err)
		}
		w.allow(w.a, c, c, c)
		w.refuse(w.a, "email.destination", c)
	})
}
