package quota_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"signet/internal/quota"
	"signet/internal/store"
	"signet/internal/store/storetest"
)

// windows are four budgets that share rows, one of them in a dry run and one leased.
var windows = []quota.Budget{
	{Name: "window.10min", Group: "window", Slot: 0, Limit: 3, Per: 10 * time.Minute},
	{Name: "window.hour", Group: "window", Slot: 2, Limit: 5, Per: time.Hour, DryRun: true},
	{Name: "window.day", Group: "window", Slot: 3, Limit: 10, Per: 24 * time.Hour},
	{Name: "window.leased", Group: "window", Slot: 1, Limit: 40, Per: time.Minute},
}

// apart are the same budgets, each in rows of its own.
func apart() []quota.Budget {
	all := slices.Clone(windows)
	for i := range all {
		all[i].Group, all[i].Slot = "", 0
	}
	return all
}

func window(per string) quota.Charge { return one("window."+per, alice) }

func TestBudgetsOfAGroupShareARow(t *testing.T) {
	each(t, func(w *world) {
		q := w.replicaOf(w.db, windows)
		w.allow(q, window("10min"), window("day"))
		w.allow(q, window("leased"))
		w.allow(q, one("window.day", "bob"))
		if rows := w.rows(); len(rows) != 2 || rows[0].budget != "window" || rows[1].budget != "window" {
			w.Errorf("%v, want a row for alice and one for bob", rows)
		}
		w.allow(q, window("10min"), window("10min"))
		w.refuse(q, "window.10min", window("10min"))
		w.allow(q, quota.Charge{Budget: "window.day", Subject: alice, N: 9})
		w.refuse(q, "window.day", window("day"))
	})
}

// Whatever is asked for, budgets of a group answer as they would apart: who is refused and
// for how long, what shares are told, what is observed, and who has used how much.
func TestAGroupIsAsItsBudgetsApart(t *testing.T) {
	each(t, func(w *world) {
		pair := []*quota.Quota{w.replicaOf(w.db, windows), w.replicaOf(w.db, apart())}
		random := rand.New(rand.NewPCG(7, 8))
		var met strings.Builder
		for i := range 400 {
			w.clock.Advance(time.Duration(random.Int64N(int64(6 * time.Minute))))
			if i%25 == 0 {
				w.clock.Advance(24 * time.Hour)
			}
			var charges []quota.Charge
			for _, b := range windows {
				if random.IntN(3) > 0 {
					charges = append(charges, quota.Charge{Budget: b.Name, Subject: fmt.Sprint(random.IntN(2)), N: 1 + random.IntN(2)})
				}
			}
			fate := random.IntN(6)
			got, want := w.meet(pair[0], fate, charges), w.meet(pair[1], fate, charges)
			if got != want {
				w.Fatalf("%d, %v: a group says\n%s\nand its budgets apart\n%s", i, charges, got, want)
			}
			met.WriteString(want)
		}
		for _, told := range []string{"window.10min allowed", "window.10min refused", "window.hour allowed", "window.hour would_refuse", "window.day allowed", "window.day refused", "window.leased allowed"} {
			if n := strings.Count(met.String(), told+":"); n < 5 {
				w.Errorf("%s was observed after %d of 400 requests, which tells little", told, n)
			}
		}
	})
}

// meet tells all that charges meet with, which come to nothing, are kept, or are given
// back afterwards.
func (w *world) meet(q *quota.Quota, fate int, charges []quota.Charge) string {
	w.Helper()
	w.seen = map[string]int{}
	r := w.reserve(q, charges...)
	var undone error
	if fate == 0 {
		undone = errors.New("undone")
	}
	err := w.inTx(r, undone)
	shares := r.Shares()
	if undone == nil {
		r.Keep() // which is Release if they were refused
	}
	r.Release()
	if fate == 1 && err == nil {
		if err := q.Refund(w.Context(), charges...); err != nil {
			w.Fatal(err)
		}
	}
	left, shareErr := q.Share(w.Context(), w.db, charges...)
	uses, useErr := q.Usage(w.Context(), 0)
	if err := errors.Join(shareErr, useErr); err != nil {
		w.Fatal(err)
	}
	var used []string
	for _, u := range uses { // whose subjects have other tags
		used = append(used, fmt.Sprintf("%s %.9f %d", u.Budget, u.Share, u.Full.UnixNano()))
	}
	slices.Sort(used)
	return fmt.Sprintf("%v\n%v\n%v\n%v\n%v\n", err, shares, left, used, w.seen)
}

// Leases of one row are of one budget each.
func TestLeasesInARow(t *testing.T) {
	each(t, func(w *world) {
		q := w.replicaOf(w.db, []quota.Budget{
			{Name: "window.few", Group: "window", Slot: 0, Limit: 40, Per: time.Minute},
			{Name: "window.many", Group: "window", Slot: 1, Limit: 100, Per: time.Minute},
		})
		for range 40 {
			w.allow(q, window("few"), window("many"))
		}
		w.refuse(q, "window.few", window("few"), window("many"))
		for range 60 {
			w.allow(q, window("many"))
		}
		w.refuse(q, "window.many", window("many"))
	})
}

// Those who charge different budgets of one row lose nothing of each other's.
func TestRivalsInARow(t *testing.T) {
	each(t, func(w *world) {
		var several []quota.Budget
		for slot, per := range []string{"a", "b", "c", "d"} {
			several = append(several, quota.Budget{Name: "window." + per, Group: "windows", Slot: slot, Limit: 20 - slot, Per: time.Hour})
		}
		replicas := []*quota.Quota{w.replicaOf(w.db, several), w.replicaOf(storetest.Open(w, w.url, nil), several)}
		var allowed [4]atomic.Int64
		var rivals sync.WaitGroup
		for i := range 120 {
			rivals.Go(func() {
				err := replicas[i%2].Charge(w.Context(), window([]string{"a", "b", "c", "d"}[i%4]))
				if err == nil {
					allowed[i%4].Add(1)
				} else if !errors.As(err, new(quota.Exhausted)) {
					w.Error(err)
				}
			})
		}
		rivals.Wait()
		for slot := range allowed {
			if got := allowed[slot].Load(); got != int64(20-slot) {
				w.Errorf("%d of slot %d were allowed, want %d", got, slot, 20-slot)
			}
		}
		if rows := w.rows(); len(rows) != 1 {
			w.Errorf("%v, want one row", rows)
		}
	})
}

// A row is kept for as long as the last of its buckets is not full, whichever that is.
func TestARowIsForgottenWhenAllItsBucketsAreFull(t *testing.T) {
	each(t, func(w *world) {
		for slot := range 4 {
			long := quota.Budget{Name: "window.long", Group: "windows", Slot: slot, Limit: 1, Per: 24 * time.Hour}
			short := quota.Budget{Name: "window.short", Group: "windows", Slot: (slot + 1) % 4, Limit: 1, Per: time.Minute}
			q := w.replicaOf(w.db, []quota.Budget{long, short})
			w.allow(q, window("long"), window("short"))
			for _, left := range []int{1, 0} {
				w.clock.Advance(13 * time.Hour)
				if err := q.Sweep(w.Context()); err != nil || len(w.rows()) != left {
					w.Errorf("slot %d: %v, with %d rows left, want %d", slot, err, len(w.rows()), left)
				}
				if left == 1 {
					w.refuse(q, "window.long", window("long"))
				}
			}
		}
	})
}

// Whoever runs with other budgets in the group, as an older version does, neither reads
// nor writes those that it does not know as its own.
func TestAnotherBudgetInTheGroupRefillsNothing(t *testing.T) {
	each(t, func(w *world) {
		q := w.replicaOf(w.db, windows)
		w.allow(q, quota.Charge{Budget: "window.10min", Subject: alice, N: 3}, quota.Charge{Budget: "window.day", Subject: alice, N: 10})
		want, err := q.Share(w.Context(), w.db, window("10min"), window("hour"), window("day"))
		if err != nil {
			w.Fatal(err)
		}
		older := w.replicaOf(w.db, windows[1:2])
		w.allow(older, window("hour"), window("hour"))
		want["window.hour"] = 0.4
		got, err := q.Share(w.Context(), w.db, window("10min"), window("hour"), window("day"))
		if err != nil || !maps.EqualFunc(got, want, near) {
			w.Errorf("Share = %v, %v; want %v", got, err, want)
		}
		w.wantShares(w.replicaOf(w.db, windows[2:]), w.db, map[string]float64{"window.day": 1}, window("day"))
	})
}

// What was used of a budget before rows had room for more than one is still used.
func TestRowsOfBeforeGroups(t *testing.T) {
	each(t, func(w *world) {
		w.allow(w.a, quota.Charge{Budget: "email.destination", Subject: alice, N: 3})
		if _, err := w.db.Exec(w.Context(), `UPDATE quota_buckets SET full2_ns = 0, full3_ns = 0, full4_ns = 0`); err != nil {
			w.Fatal(err)
		}
		before := w.rows()
		w.clock.Advance(w.refuse(w.b, "email.destination", one("email.destination", alice)))
		w.allow(w.b, one("email.destination", alice))
		if after := w.rows(); len(after) != 1 || reflect.DeepEqual(before, after) {
			w.Errorf("the table went from %v to %v", before, after)
		}
		err := w.db.Tx(w.Context(), func(tx *store.Tx) error { return w.a.RefundIn(w.Context(), tx, one("email.destination", alice)) })
		if err != nil {
			w.Error(err)
		}
		w.allow(w.a, one("email.destination", alice))
	})
}
