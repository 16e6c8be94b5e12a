package account

import (
	"context"
	"testing"
	"time"

	"signet/internal/matrix"
	"signet/internal/store"
)

// Occupy takes all hashers until leave is called.
func Occupy(a *Accounts) (leave func()) {
	var leaves []func()
	for range cap(a.hasher.slots) {
		leave, err := a.hasher.enter(context.Background())
		if err != nil {
			panic(err)
		}
		leaves = append(leaves, leave)
	}
	return func() {
		for _, leave := range leaves {
			leave()
		}
	}
}

// Remember is that of Accounts, at the pace of next.
func Remember(ctx context.Context, a *Accounts, next <-chan time.Time) error {
	return a.remember(ctx, next)
}

// Waiting is how many wait for a hasher.
func Waiting(a *Accounts) int { return int(a.hasher.waiting.Load()) }

// SetHash gives the user another password, without any of a.hasher.
func SetHash(t testing.TB, a *Accounts, user matrix.UserID) {
	t.Helper()
	err := a.DB.Tx(t.Context(), func(tx *store.Tx) error {
		_, err := updatePassword(t.Context(), tx, user, newHash(a.hasher.cost))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
