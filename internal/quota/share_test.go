package quota_test

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"testing"
	"time"

	"signet/internal/quota"
	"signet/internal/store"
)

func TestSharesAreSeenWithoutCharging(t *testing.T) {
	each(t, func(w *world) {
		charges := []quota.Charge{one("email.deployment", ""), one("email.network", "1"), one("email.network", "2"), country(1),
			one("sms.country", "de"), one("email.account", alice)}
		w.allow(w.a, quota.Charge{Budget: "email.deployment", N: 15}, country(1), quota.Charge{Budget: "email.network", Subject: "2", N: 250})
		w.clock.Advance(9 * time.Minute) // 3 of the deployment's 20 come back, 150 of the network's 1000, and all that is leased
		want := map[string]float64{"email.deployment": 0.6, "email.network": 0.1, "email.country": 0, "sms.country": 1, "email.account": 0}
		before := w.rows()
		w.wantShares(w.b, w.db, want, charges...)
		_ = w.db.Tx(w.Context(), func(tx *store.Tx) error { w.wantShares(w.a, tx, want, charges...); return nil })
		if after := w.rows(); !reflect.DeepEqual(before, after) {
			w.Errorf("asking changed the table from %v to %v", before, after)
		}
		if _, err := w.a.Share(w.Context(), w.db, one("unheard of", "")); !errors.Is(err, quota.ErrBudget) {
			w.Errorf("Share of no budget = %v, want ErrBudget", err)
		}
	})
}

func (w *world) wantShares(q *quota.Quota, from store.Queryer, want map[string]float64, charges ...quota.Charge) {
	w.Helper()
	if got, err := q.Share(w.Context(), from, charges...); err != nil || !maps.EqualFunc(got, want, near) {
		w.Errorf("Share = %v, %v; want %v", got, err, want)
	}
}

func near(a, b float64) bool { return a-b < 1e-6 && b-a < 1e-6 }

// What a charge has seen is what is in the database afterwards, whether it was refused
// or not.
func TestAChargeTellsShares(t *testing.T) {
	each(t, func(w *world) {
		for i := range 25 {
			charges := []quota.Charge{one("email.deployment", ""), one("email.network", fmt.Sprint(i%2)), country(1), one("sms.tried", "")}
			r := w.reserve(w.a, charges...)
			defer r.Release()
			err := w.db.Tx(w.Context(), func(tx *store.Tx) error { _ = r.ChargeIn(w.Context(), tx); return nil })
			if err != nil {
				w.Fatal(err)
			}
			shares := r.Shares()
			if d := shares["email.deployment"]; !near(d, min(1, float64(i+1)/20)) {
				w.Errorf("charge %d saw %v of the deployment used", i, d)
			}
			w.wantShares(w.b, w.db, shares, charges...)
		}
	})
}
