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

// One request's budgets as an e-mail's are: of its destination, its account, its
// network, its homeserver, and the last two of the whole deployment, which every
// request charges. Nothing is ever refused.
func BenchmarkChargeOf14Budgets(b *testing.B) {
	tenYears := 10 * 365 * 24 * time.Hour
	for _, deployment := range []struct {
		name string
		per  time.Duration
	}{{"exact", tenYears}, {"leased", time.Hour}} {
		var budgets []quota.Budget
		for i := range 14 {
			budgets = append(budgets, quota.Budget{Name: fmt.Sprint("budget.", i), Limit: 50_000_000, Per: tenYears})
		}
		budgets[12].Per, budgets[13].Per = deployment.per, deployment.per
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
		for i, one := range budgets {
			subject := fmt.Sprint(r) // of five budgets that each request has to itself
			switch {
			case i >= 12:
				subject = ""
			case i >= 5:
				subject = fmt.Sprint(r % (100 << (i - 5)))
			}
			charges = append(charges, quota.Charge{Budget: one.Name, Subject: subject, N: 1})
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
