package quota_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"signet/internal/quota"
)

func TestARestartRefillsNothing(t *testing.T) {
	each(t, func(w *world) {
		c := one("email.destination", alice)
		w.allow(w.a, c, c, c)
		wait := w.refuse(w.a, "email.destination", c)
		if again := w.refuse(w.replica(w.db), "email.destination", c); again != wait {
			w.Errorf("RetryAfter = %s after a restart, %s before", again, wait)
		}
	})
}

func TestTheTableHoldsNoSubject(t *testing.T) {
	each(t, func(w *world) {
		w.allow(w.a, one("email.account", alice), one("email.destination", alice))
		rows := w.rows()
		if len(rows) != 2 || reflect.DeepEqual(rows[0].tag, rows[1].tag) {
			w.Fatalf("%v; want two rows that do not tell that their subject is the same", rows)
		}
		for _, r := range rows {
			if dump := fmt.Sprintf("%s %s", r.budget, r.tag); strings.Contains(dump, "alice") || strings.Contains(dump, "example") {
				w.Errorf("the table holds %q", dump)
			}
		}
	})
}

func TestUsageTellsWhoIsNearALimit(t *testing.T) {
	each(t, func(w *world) {
		w.allow(w.a, quota.Charge{Budget: "email.deployment", N: 15}, one("email.account", alice), quota.Charge{Budget: "email.destination", Subject: alice, N: 3})
		uses, err := w.b.Usage(w.Context(), 0.75)
		if err != nil || len(uses) != 2 || uses[0].Budget != "email.destination" || uses[1].Budget != "email.deployment" {
			w.Fatalf("Usage(0.75) = %v, %v", uses, err)
		}
		full := uses[1]
		if full.Share != 0.75 || !full.Full.Equal(w.clock.Now().Add(45*time.Minute)) || len(full.Fingerprint) != 8 {
			w.Errorf("Usage(0.75) has %+v, want 0.75 for 45 minutes", full)
		}
		w.clock.Advance(45 * time.Minute)
		if uses, err := w.b.Usage(w.Context(), 0); err != nil || len(uses) != 0 {
			w.Errorf("Usage(0) then = %v, %v; want none", uses, err)
		}
	})
}

func TestFullBucketsAreForgotten(t *testing.T) {
	each(t, func(w *world) {
		w.allow(w.a, one("email.destination", alice), quota.Charge{Budget: "email.deployment", N: 20})
		for _, step := range []struct {
			after time.Duration
			left  int
		}{{0, 2}, {time.Hour, 2}, {10 * time.Minute, 1}, {time.Hour, 0}} {
			w.clock.Advance(step.after)
			if err := w.a.Sweep(w.Context()); err != nil {
				w.Fatal(err)
			}
			if got := len(w.rows()); got != step.left {
				w.Errorf("%s later %d buckets are left, want %d", step.after, got, step.left)
			}
		}
	})
}

func TestASweepForgetsMoreThanItTakesAtATime(t *testing.T) {
	each(t, func(w *world) {
		var many []quota.Charge
		for i := range 2500 {
			many = append(many, one("email.destination", fmt.Sprint(i)))
		}
		w.allow(w.a, many...)
		w.clock.Advance(2 * time.Hour)
		w.allow(w.a, many[:30]...) // which are anywhere among them
		if err := w.a.Sweep(w.Context()); err != nil || len(w.rows()) != 30 {
			w.Errorf("%v, with %d buckets of 2500 left, want 30", err, len(w.rows()))
		}
	})
}

func TestWrongBudgetsAreNotKept(t *testing.T) {
	each(t, func(w *world) {
		hour := quota.Budget{Name: "a", Limit: 1, Per: time.Hour}
		for _, bad := range [][]quota.Budget{
			{{Limit: 1, Per: time.Hour}}, {{Name: "a", Limit: 1}}, {{Name: "a", Limit: -1, Per: time.Hour}},
			{{Name: "a", Limit: 2, Per: 1}}, {{Name: "a", Limit: 1, Per: 1 << 62}}, {hour, hour},
			{{Name: "a", Slot: -1, Per: time.Hour}}, {{Name: "a", Slot: 4, Per: time.Hour}},
			{hour, {Name: "b", Group: "a", Per: time.Hour}},
			{{Name: "b", Group: "g", Slot: 2, Per: time.Hour}, {Name: "c", Group: "g", Slot: 2, Per: time.Hour}},
		} {
			if _, err := quota.New(w.Context(), quota.Options{Vault: w.vault, Budgets: bad}); !errors.Is(err, quota.ErrBudget) {
				w.Errorf("New(%v) = %v, want ErrBudget", bad, err)
			}
		}
		for _, bad := range []quota.Charge{{Budget: "email.account"}, {Budget: "email.account", N: -1}, {Budget: "unheard of", N: 1}} {
			if err := w.a.Charge(w.Context(), one("email.deployment", ""), bad); !errors.Is(err, quota.ErrBudget) || errors.As(err, new(quota.Exhausted)) {
				w.Errorf("Charge(%v) = %v, want ErrBudget", bad, err)
			}
			if err := w.a.Refund(w.Context(), bad); !errors.Is(err, quota.ErrBudget) {
				w.Errorf("Refund(%v) = %v, want ErrBudget", bad, err)
			}
		}
		if rows := w.rows(); len(rows) != 0 {
			w.Errorf("wrong charges left %v", rows)
		}
	})
}
