package quota

import (
	"fmt"
	"testing"
	"time"
)

func TestWhatIsLeased(t *testing.T) {
	for _, test := range []struct {
		limit int
		per   time.Duration
		block int // 0: it is exact
	}{
		{0, time.Second, 0}, {1000, time.Hour, 0}, {24_000, 24 * time.Hour, 0}, {1, 4 * time.Second, 0},
		{1001, time.Hour, 10}, {24_001, 24 * time.Hour, 240}, {1_000_000, time.Hour, 10_000},
		{100, time.Minute, 10}, {50, time.Minute, 5}, {5, time.Second, 1}, {1, time.Second, 1}, // a tenth at most
	} {
		b := Budget{Name: "x", Limit: test.limit, Per: test.per}
		if got := b.leased(); got != (test.block > 0) {
			t.Errorf("%d in %s: leased = %t", test.limit, test.per, got)
		}
		if got := b.block(); test.block > 0 && got != test.block {
			t.Errorf("%d in %s: blocks of %d, want %d", test.limit, test.per, got, test.block)
		}
	}
}

// Subjects come and go; a process keeps only the leases that still matter.
func TestIdleLeasesAreForgotten(t *testing.T) {
	s := newLeases()
	for i := range int64(100_000) { // each is of use for 100 more
		l := s.of(bucket{tag: fmt.Sprint(i)}, i)
		l.refill(balance{n: 1, until: i + 100, full: i + 50})
		if len(s.byBucket) > 2*minLeases {
			t.Fatalf("%d leases are kept", len(s.byBucket))
		}
		if again := s.of(bucket{tag: fmt.Sprint(max(0, i-99))}, i); again.n == 0 {
			t.Fatalf("at %d the lease of %d is forgotten", i, max(0, i-99))
		}
	}
}
