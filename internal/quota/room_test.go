package quota_test

import (
	"testing"
	"time"

	"signet/internal/quota"
)

// Room tells exactly how many more there can be, and charging them all leaves none.
func TestRoom(t *testing.T) {
	each(t, func(w *world) {
		charges := []quota.Charge{one("email.destination", alice), {Budget: "email.deployment", N: 1}}
		want := func(most, want int) {
			w.Helper()
			got, err := w.a.Room(w.Context(), w.db, most, charges...)
			if err != nil || got != want {
				w.Errorf("Room = %d, %v, want %d", got, err, want)
			}
		}
		first, err := w.a.Room(w.Context(), w.db, 1000, charges...)
		if err != nil || first == 0 {
			w.Fatalf("Room = %d, %v", first, err)
		}
		want(2, 2)
		for left := first; left > 0; left-- {
			want(1000, left)
			w.allow(w.a, charges...)
		}
		want(1000, 0)
		w.refuse(w.a, "email.destination", charges...)
		w.clock.Advance(1000 * time.Hour)
		want(1000, first)
	})
}
