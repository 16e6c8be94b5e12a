// Package keyringtest opens one ring for a test.
package keyringtest

import (
	"context"
	"testing"
	"time"

	"signet/internal/keyring"
	"signet/internal/seal"
	"signet/internal/store"
)

// Open opens the ring for purpose, as a program that has no other purpose does.
func Open(t testing.TB, db *store.DB, vault *seal.Vault, now func() time.Time, purpose keyring.Purpose) *keyring.Ring {
	t.Helper()
	rings, err := keyring.Open(context.Background(), keyring.Options{DB: db, Vault: vault, Now: now, Purposes: []keyring.Purpose{purpose}})
	if err != nil {
		t.Fatal(err)
	}
	return rings[0]
}
