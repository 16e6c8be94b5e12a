package quota_test

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"signet/internal/clocktest"
	"signet/internal/matrix"
	"signet/internal/quota"
)

// metered is a meter of the budgets of the other tests, and what it has seen.
func metered(t *testing.T) (*quota.Meter, *clocktest.Clock, map[string]int) {
	t.Helper()
	clock, seen := clocktest.New(), map[string]int{}
	m, err := quota.NewMeter(quota.MeterOptions{Budgets: budgets, Now: clock.Now,
		Observe: func(budget string, outcome quota.Outcome) { seen[budget+" "+string(outcome)]++ }})
	if err != nil {
		t.Fatal(err)
	}
	return m, clock, seen
}

// A budget of three in ten minutes has three at once, and one more every 200 seconds.
func TestAMeter(t *testing.T) {
	m, clock, _ := metered(t)
	for range 3 {
		if err := m.Charge(one("email.destination", alice)); err != nil {
			t.Error(err)
		}
	}
	err := m.Charge(one("email.destination", alice))
	exhausted, refused := errors.AsType[quota.Exhausted](err)
	if !refused || exhausted.RetryAfter != 200*time.Second || exhausted.Budget != "email.destination" || !errors.As(err, new(matrix.LimitExceeded)) {
		t.Errorf("the fourth: %v", err)
	}
	if err := m.Charge(one("email.destination", "bob@example.org")); err != nil {
		t.Errorf("somebody else: %v", err)
	}
	clock.Advance(200*time.Second - time.Nanosecond)
	if err := m.Charge(one("email.destination", alice)); err == nil {
		t.Error("a moment too early it is allowed")
	}
	clock.Advance(time.Nanosecond)
	if err := m.Charge(one("email.destination", alice)); err != nil {
		t.Errorf("at last: %v", err)
	}
}

// Of charges that are refused together none stands; one in a dry run refuses nothing.
func TestAMeterChargesAllOrNone(t *testing.T) {
	m, _, seen := metered(t)
	for range 5 {
		if err := m.Charge(one("email.deployment", ""), quota.Charge{Budget: "email.destination", Subject: alice, N: 4}, one("sms.country", "1")); err == nil {
			t.Error("more than there ever is is allowed")
		} else if e, _ := errors.AsType[quota.Exhausted](err); !reflect.DeepEqual(e.Short, []string{"email.destination", "sms.country"}) || e.RetryAfter != time.Hour {
			t.Errorf("refused are %v", e)
		}
	}
	for range 20 {
		if err := m.Charge(one("email.deployment", ""), one("sms.tried", alice)); err != nil {
			t.Error(err)
		}
	}
	if err := m.Charge(one("email.deployment", "")); err == nil {
		t.Error("the 21st of 20 is allowed")
	}
	want := map[string]int{"email.destination refused": 5, "sms.country refused": 5, "email.deployment allowed": 20, "sms.tried allowed": 2, "sms.tried would_refuse": 18, "email.deployment refused": 1}
	if !maps.Equal(seen, want) {
		t.Errorf("seen were %v, want %v", seen, want)
	}
	for _, c := range []quota.Charge{{Budget: "nothing", N: 1}, {Budget: "email.account", N: 0}, {Budget: "email.account", N: -1}} {
		if err := m.Charge(c); !errors.Is(err, quota.ErrBudget) {
			t.Errorf("Charge(%v) = %v, want %v", c, err, quota.ErrBudget)
		}
	}
}

func TestRivalsOfAMeter(t *testing.T) {
	clock := clocktest.New()
	m, err := quota.NewMeter(quota.MeterOptions{Budgets: budgets, Now: clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	var allowed atomic.Int64
	var rivals sync.WaitGroup
	for i := range 5000 { // so many that full buckets are forgotten meanwhile
		rivals.Go(func() {
			if m.Charge(one("email.deployment", ""), one("email.network", fmt.Sprint(i))) == nil {
				allowed.Add(1)
			}
			if err := m.Charge(one("lookup.account", fmt.Sprint(i))); err != nil {
				t.Error(err)
			}
			clock.Advance(time.Microsecond)
		})
	}
	rivals.Wait()
	if allowed.Load() != 20 {
		t.Errorf("%d were allowed of 20", allowed.Load())
	}
}

func TestWhatIsNoMeter(t *testing.T) {
	for _, b := range [][]quota.Budget{{{Name: "x", Limit: -1, Per: time.Hour}}, {{Name: "x", Limit: 1, Per: time.Hour}, {Name: "x", Limit: 2, Per: time.Hour}}} {
		if _, err := quota.NewMeter(quota.MeterOptions{Budgets: b, Now: time.Now}); !errors.Is(err, quota.ErrBudget) {
			t.Errorf("NewMeter(%v) = %v, want %v", b, err, quota.ErrBudget)
		}
	}
}

func BenchmarkMeter(b *testing.B) {
	m, err := quota.NewMeter(quota.MeterOptions{Budgets: []quota.Budget{{Name: "a", Limit: 1e6, Per: time.Hour}, {Name: "b", Limit: 1e6, Per: time.Hour}}, Now: time.Now})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		_ = m.Charge(one("a", alice), one("b", "192.0.2.1/32"))
	}
}
