package main

import (
	"slices"
	"testing"
	"time"

	"signet/internal/quota"
	"signet/keys/people"
	"signet/lookup/discovery"
	"signet/verify"
)

func TestQuotaRows(t *testing.T) {
	got := quotaRows(`goos: linux
BenchmarkChargeOf14Budgets/exact/sqlite/alone-2         	     100	   300000 ns/op
BenchmarkChargeOf14Budgets/exact/sqlite/alone-2         	     100	   100000 ns/op
BenchmarkChargeOf14Budgets/exact/sqlite/alone-2         	     100	   200000.5 ns/op
BenchmarkChargeOf14Budgets/leased/sqlite/parallel-2     	     100	   400000 ns/op	   12 B/op
PASS
ok  	signet/internal/quota	1.234s
`)
	want := []row{{name: "quota, exact alone", per: 200 * time.Microsecond}, {name: "quota, leased parallel", per: 400 * time.Microsecond}}
	if !slices.Equal(got, want) {
		t.Errorf("quotaRows = %+v, want %+v", got, want)
	}
}

// The server knows every budget that is raised, each by more than its own limit.
func TestRaisedBudgets(t *testing.T) {
	budgets := slices.Concat(verify.Budgets(false), discovery.Budgets(false), people.Budgets(false))
	if _, err := quota.Override(budgets, raised); err != nil {
		t.Error(err)
	}
	for _, b := range budgets {
		if limit, ok := raised[b.Name]; ok && limit <= b.Limit {
			t.Errorf("%s is raised from %d to %d", b.Name, b.Limit, limit)
		}
	}
}
