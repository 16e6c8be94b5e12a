package store_test

import (
	"testing"
	"time"

	"signet/internal/store"
)

// Names sort by the millisecond in which they were made, and no two are alike.
func TestIDsStandInTheOrderOfTime(t *testing.T) {
	now := time.UnixMilli(1_700_000_000_000)
	last, seen := "", map[string]bool{}
	for range 5000 {
		id := store.NewID(now)
		if id[:10] < last || seen[id] || len(id) != 36 {
			t.Fatalf("%q after one that began with %q", id, last)
		}
		last, seen[id] = id[:10], true
		now = now.Add(time.Millisecond)
	}
}
