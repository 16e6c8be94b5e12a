package quota_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"signet/internal/clocktest"
	"signet/internal/matrix"
	"signet/internal/quota"
	"signet/internal/seal"
	"signet/internal/seal/sealtest"
	"signet/internal/store"
	"signet/internal/store/storetest"
)

var budgets = []quota.Budget{
	{Name: "email.destination", Limit: 3, Per: 10 * time.Minute},
	{Name: "email.account", Limit: 7, Per: time.Hour}, // one of 7 is no whole number of anything
	{Name: "email.deployment", Limit: 20, Per: time.Hour},
	{Name: "email.network", Limit: 1000, Per: time.Hour}, // the largest that is exact
	{Name: "email.country", Limit: 2000, Per: time.Hour}, // leased, 20 at a time
	{Name: "lookup.account", Limit: 1_000_000, Per: time.Hour},
	{Name: "sms.country", Limit: 0, Per: time.Hour},
	{Name: "sms.tried", Limit: 2, Per: time.Hour, DryRun: true},
	{Name: "lookup.tried", Limit: 40, Per: time.Minute, DryRun: true}, // leased, 4 at a time
}

const alice = "alice@example.org"

// world is a database and two replicas on it, each with a handle of its own.
type world struct {
	*testing.T
	a, b  *quota.Quota
	url   string
	db    *store.DB
	vault *seal.Vault
	clock *clocktest.Clock

	mu   sync.Mutex // guards seen
	seen map[string]int
}

func each(t *testing.T, story func(w *world)) {
	storetest.EachLaidOut(t, []string{"seal", "quota"}, func(t *testing.T, url string) {
		db := storetest.Open(t, url, nil)
		clock := clocktest.New()
		w := &world{T: t, url: url, db: db, vault: sealtest.Vault(t, db, clock.Now), clock: clock, seen: map[string]int{}}
		w.a, w.b = w.replica(db), w.replica(storetest.Open(t, url, nil))
		story(w)
		w.check()
	})
}

func (w *world) replica(db *store.DB) *quota.Quota { return w.replicaOf(db, budgets) }

func (w *world) replicaOf(db *store.DB, budgets []quota.Budget) *quota.Quota {
	w.Helper()
	return w.open(quota.Options{DB: db, Budgets: budgets, Now: w.clock.Now})
}

// replicaAt is one with a clock of its own.
func (w *world) replicaAt(now func() time.Time) *quota.Quota {
	w.Helper()
	return w.open(quota.Options{DB: w.db, Budgets: budgets, Now: now})
}

func (w *world) open(o quota.Options) *quota.Quota {
	w.Helper()
	o.Vault, o.Log, o.Observe = w.vault, slog.New(slog.DiscardHandler), w.observe
	q, err := quota.New(w.Context(), o)
	if err != nil {
		w.Fatal(err)
	}
	return q
}

func (w *world) observe(budget string, outcome quota.Outcome) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen[fmt.Sprint(budget, " ", outcome)]++
}

// wantSeen compares what was observed since the last call.
func (w *world) wantSeen(want map[string]int) {
	w.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if fmt.Sprint(w.seen) != fmt.Sprint(want) {
		w.Errorf("observed %v, want %v", w.seen, want)
	}
	w.seen = map[string]int{}
}

func one(budget, subject string) quota.Charge {
	return quota.Charge{Budget: budget, Subject: subject, N: 1}
}

func (w *world) allow(q *quota.Quota, charges ...quota.Charge) {
	w.Helper()
	if err := q.Charge(w.Context(), charges...); err != nil {
		w.Errorf("Charge(%v) = %v, want it allowed", charges, err)
	}
}

func (w *world) reserve(q *quota.Quota, charges ...quota.Charge) *quota.Reservation {
	w.Helper()
	r, err := q.Reserve(w.Context(), charges...)
	if err != nil {
		w.Fatal(err)
	}
	return r
}

// refuse returns how long the charges were told to wait.
func (w *world) refuse(q *quota.Quota, budget string, charges ...quota.Charge) time.Duration {
	w.Helper()
	err := q.Charge(w.Context(), charges...)
	var refused quota.Exhausted
	if !errors.As(err, &refused) || refused.Budget != budget || refused.RetryAfter <= 0 {
		w.Fatalf("Charge(%v) = %v, want %s exhausted", charges, err, budget)
	}
	if !errors.Is(err, matrix.LimitExceeded{RetryAfter: refused.RetryAfter}) {
		w.Errorf("Charge(%v) = %v, which is no matrix.LimitExceeded", charges, err)
	}
	return refused.RetryAfter
}

// row is a bucket as the table holds it.
type row struct {
	budget string
	tag    []byte
	full   int64
}

func (w *world) rows() []row {
	w.Helper()
	return w.query("SELECT budget, tag, full_ns FROM quota_buckets ORDER BY tag")
}

func (w *world) query(statement string) (found []row) {
	w.Helper()
	rows, err := w.db.Query(context.Background(), statement)
	if err != nil {
		w.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var r row
		if err := rows.Scan(&r.budget, &r.tag, &r.full); err != nil {
			w.Fatal(err)
		}
		found = append(found, r)
	}
	if err := rows.Err(); err != nil {
		w.Fatal(err)
	}
	return found
}

// used is how much of a budget all its subjects together have used, if one comes
// back in each interval.
func (w *world) used(budget string, interval time.Duration) (n int64) {
	w.Helper()
	for _, r := range w.rows() {
		if r.budget == budget {
			n += (r.full - w.clock.Now().UnixNano()) / int64(interval)
		}
	}
	return n
}

// check states what holds at every moment: a bucket is of a known budget, under a
// keyed tag, and nobody has used more than there is.
func (w *world) check() {
	w.Helper()
	now := w.clock.Now().UnixNano()
	for _, r := range w.rows() {
		if r.budget == "fast" || strings.HasPrefix(r.budget, "window") {
			continue // of one story alone
		}
		at := slices.IndexFunc(budgets, func(b quota.Budget) bool { return b.Name == r.budget })
		if at < 0 || len(r.tag) != 32 {
			w.Errorf("a bucket of budget %q with a tag of %d octets", r.budget, len(r.tag))
			continue
		}
		b := budgets[at]
		if debt := r.full - now; debt > int64(b.Per)+int64(b.Limit) {
			w.Errorf("%s is full again only in %s, more than its %s", r.budget, time.Duration(debt), b.Per)
		}
	}
}
