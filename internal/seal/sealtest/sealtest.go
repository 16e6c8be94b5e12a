// Package sealtest founds a vault for a test.
package sealtest

import (
	"context"
	"crypto/rand"
	"path/filepath"
	"testing"
	"time"

	"signet/internal/seal"
	"signet/internal/store"
)

// Vault opens the vault of db under a new key-encryption key.
func Vault(t testing.TB, db *store.DB, now func() time.Time) *seal.Vault {
	t.Helper()
	kek, err := seal.CreateKEK(filepath.Join(t.TempDir(), "kek"), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	vault, err := seal.Open(context.Background(), db, kek, now)
	if err != nil {
		t.Fatal(err)
	}
	return vault
}
