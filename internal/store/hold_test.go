package store_test

import (
	"errors"
	"testing"

	"signet/internal/store"
	"signet/internal/store/storetest"
)

// Two processes on one database: one has the right, the other is told at once, and gets it
// when the first gives it up or is gone.
func TestOneProcessHoldsARight(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		first, second := storetest.Open(t, url, nil), storetest.Open(t, url, nil)
		release, err := first.Hold(t.Context(), "test")
		if err != nil {
			t.Fatal(err)
		}
		for _, db := range []*store.DB{first, second} {
			if _, err := db.Hold(t.Context(), "test"); !errors.Is(err, store.ErrHeld) {
				t.Errorf("Hold of what is held = %v, want %v", err, store.ErrHeld)
			}
		}
		other, err := second.Hold(t.Context(), "another")
		if err != nil {
			t.Errorf("Hold of another right = %v", err)
		} else {
			defer other()
		}
		release()
		again, err := second.Hold(t.Context(), "test")
		if err != nil {
			t.Fatalf("Hold of what was given up = %v", err)
		}
		again()
	})
}
