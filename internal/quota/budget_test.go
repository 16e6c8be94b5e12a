package quota_test

import (
	"errors"
	"reflect"
	"slices"
	"testing"

	"signet/internal/quota"
)

func TestAnOperatorSetsLimits(t *testing.T) {
	got, err := quota.Override(budgets, map[string]int{"email.account": 70, "sms.country": 5})
	want := slices.Clone(budgets)
	for i := range want {
		switch want[i].Name {
		case "email.account":
			want[i].Limit = 70
		case "sms.country":
			want[i].Limit = 5
		}
	}
	if err != nil || !reflect.DeepEqual(got, want) || reflect.DeepEqual(got, budgets) {
		t.Errorf("Override = %v, %v; want %v, and the budgets as they were", got, err, want)
	}
}

func TestAnOperatorIsToldEveryMistake(t *testing.T) {
	_, err := quota.Override(budgets, map[string]int{"email.acount": 1, "sms.county": 2, "email.account": -1, "email.network": 2})
	want := `budget "email.account", -1 in 1h0m0s: ` + quota.ErrBudget.Error() + "\n" +
		`no budget is named "email.acount": ` + quota.ErrBudget.Error() + "\n" +
		`no budget is named "sms.county": ` + quota.ErrBudget.Error()
	if !errors.Is(err, quota.ErrBudget) || err.Error() != want {
		t.Errorf("Override = %v, want %s", err, want)
	}
}
