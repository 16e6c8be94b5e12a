package quota_test

import (
	"fmt"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"signet/internal/quota"
	"signet/internal/seal/sealtest"
	"signet/internal/store/storetest"
)

// subjectsOf are the budgets of one request as an e-mail's are, and how many subjects the
// requests have between them: 0 is one for each request, and 1 is the whole deployment.
var subjectsOf = []struct {
	group    string
	budgets  int
	subjects int64
}{
	{"destination", 3, 0}, {"account", 3, 10_000}, {"network", 2, 5000}, {"site", 2, 1000},
	{"homeserver", 1, 200}, {"domain", 1, 100}, {"deployment", 2, 1},
}

// Nothing is ever refused.
func BenchmarkChargeOf14Budgets(b *testing.B) {
	tenYears := 10 * 365 * 24 * time.Hour
	for _, deployment := range []struct {
		name string
		per  time.Duration
	}{{"exact", tenYears}, {"leased", time.Hour}} {
		var budgets []quota.Budget
		for _, s := range subjectsOf {
			per := tenYears
			if s.subjects == 1 {
				per = deployment.per
			}
			for slot := range s.budgets {
				budgets = append(budgets, quota.Budget{Name: fmt.Sprint(s.group, ".", slot), Group: s.group, Slot: slot, Limit: 50_000_000, Per: per})
			}
		}
		b.Run(deployment.name, func(b *testing.B) {
			b.Run("sqlite", func(b *testing.B) { chargeOf14(b, storetest.SQLite(b), budgets) })
			if os.Getenv(storetest.PostgresURL) != "" {
				b.Run("postgres", func(b *testing.B) { chargeOf14(b, storetest.PostgreSQL(b), budgets) })
			}
		})
	}
}

func chargeOf14(b *testing.B, url string, budgets []quota.Budget) {
	db := storetest.Open(b, url, []string{"seal", "quota"})
	q, err := quota.New(b.Context(), quota.Options{DB: db, Vault: sealtest.Vault(b, db, time.Now), Now: time.Now, Budgets: budgets})
	if err != nil {
		b.Fatal(err)
	}
	var requests atomic.Int64
	charge := func() {
		var charges []quota.Charge
		r := requests.Add(1)
		for _, s := range subjectsOf {
			subject := r
			if s.subjects > 0 {
				subject %= s.subjects
			}
			for slot := range s.budgets {
				charges = append(charges, quota.Charge{Budget: fmt.Sprint(s.group, ".", slot), Subject: fmt.Sprint(subject), N: 1})
			}
		}
		if err := q.Charge(b.Context(), charges...); err != nil {
			b.Error(err)
		}
	}
	b.Run("alone", func(b *testing.B) {
		for b.Loop() {
			charge()
		}
	})
	b.Run("parallel", func(b *testing.B) {
		b.SetParallelism(4)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				charge()
			}
		})
	})
}
