package keyring_test

import (
	"sync"
	"testing"
	"time"

	"signet/internal/keyring"
	"signet/internal/matrix"
	"signet/internal/seal/sealtest"
	"signet/internal/store"
	"signet/internal/store/storetest"
)

var (
	owners = []string{"seal", "keyring"}
	now    = func() time.Time { return time.UnixMilli(1_700_000_000_000) }
)

// Replicas that start on an empty database at the same moment end with one key.
func TestReplicasMakeOneFirstKey(t *testing.T) {
	storetest.Each(t, owners, func(t *testing.T, db *store.DB) {
		vault := sealtest.Vault(t, db, now)
		const replicas = 6
		keys := make([]matrix.SigningKey, replicas)
		var wg sync.WaitGroup
		for i := range replicas {
			wg.Go(func() {
				ring, err := keyring.Open(t.Context(), db, vault, now)
				if err != nil {
					t.Error(err)
					return
				}
				if keys[i], err = ring.Current(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		for i, k := range keys {
			if k.ID != keys[0].ID || !k.Private.Equal(keys[0].Private) {
				t.Errorf("replica %d signs with %s, replica 0 with %s", i, k.ID, keys[0].ID)
			}
		}
	})
}

// A rotation is seen by a ring that was open before; the retired key is still
// listed, and what it signed still verifies.
func TestRotate(t *testing.T) {
	storetest.Each(t, owners, func(t *testing.T, db *store.DB) {
		vault := sealtest.Vault(t, db, now)
		running, err := keyring.Open(t.Context(), db, vault, now)
		if err != nil {
			t.Fatal(err)
		}
		old, err := running.Current(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		command, err := keyring.Open(t.Context(), db, vault, now)
		if err != nil {
			t.Fatal(err)
		}
		rotated, err := command.Rotate(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		current, err := running.Current(t.Context())
		if err != nil || current.ID != rotated.ID || current.ID == old.ID {
			t.Errorf("after the rotation to %s the running server signs with %s, %v", rotated.ID, current.ID, err)
		}
		keys, err := running.List(t.Context())
		if err != nil || len(keys) != 2 {
			t.Fatalf("List = %v, %v; want two keys", keys, err)
		}
		if keys[0].ID != rotated.ID || !keys[0].Retired.IsZero() || keys[1].ID != old.ID || keys[1].Retired.IsZero() {
			t.Errorf("List = %v, want the new key first and the old one retired", keys)
		}
		if !keys[1].Public.Equal(old.Public()) {
			t.Error("the retired key's public half has changed")
		}
	})
}
