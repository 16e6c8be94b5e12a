package store_test

import (
	"testing"

	"signet/internal/store"
)

func TestParameters(t *testing.T) {
	for got, want := range map[string]string{
		store.Parameters(1, 0):    "",
		store.Parameters(1, 1):    "$1",
		store.Parameters(9, 3):    "$9, $10, $11",
		store.RowParameters(0, 2): "",
		store.RowParameters(1, 3): "($1, $2, $3)",
		store.RowParameters(3, 2): "($1, $2), ($3, $4), ($5, $6)",
	} {
		if got != want {
			t.Errorf("parameters %q, want %q", got, want)
		}
	}
}
