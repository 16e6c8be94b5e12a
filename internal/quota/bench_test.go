package quota_test

import (
	"fmt"
	"testing"
	"time"

	"signet/internal/quota"
	"signet/internal/seal/sealtest"
	"signet/internal/store/storetest"
)

// One request's budgets: its address, its account and the whole deployment.
func BenchmarkChargeOfThreeBudgets(b *testing.B) {
	db := storetest.Open(b, storetest.SQLite(b), []string{"seal", "quota"})
	q, err := quota.New(b.Context(), quota.Options{DB: db, Vault: sealtest.Vault(b, db, time.Now), Now: time.Now, Budgets: []quota.Budget{
		{Name: "destination", Limit: 5, Per: time.Hour},
		{Name: "account", Limit: 1_000_000_000, Per: time.Hour},
		{Name: "deployment", Limit: 1_000_000_000, Per: time.Hour},
	}})
	if err != nil {
		b.Fatal(err)
	}
	i := 0
	for b.Loop() {
		i++
		err := q.Charge(b.Context(), one("destination", fmt.Sprint(i)), one("account", fmt.Sprint(i%1000)), one("deployment", ""))
		if err != nil {
			b.Fatal(err)
		}
	}
}
