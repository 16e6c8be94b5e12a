package keyring

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"signet/internal/matrix"
	"signet/internal/seal"
	"signet/internal/store"
)

// Ring is a server's set of signing keys. It is safe for concurrent use.
type Ring struct {
	db  *store.DB
	box seal.Box
	now func() time.Time
}

// Key is what may be known of a signing key. Retired is zero for the current one.
type Key struct {
	ID      matrix.KeyID
	Public  ed25519.PublicKey
	Created time.Time
	Retired time.Time
}

// Open opens the ring in db and makes its first key if it has none.
func Open(ctx context.Context, db *store.DB, vault *seal.Vault, now func() time.Time) (*Ring, error) {
	box, err := vault.Box(ctx, "signing keys")
	if err != nil {
		return nil, err
	}
	r := &Ring{db: db, box: box, now: now}
	err = db.Tx(ctx, func(tx *store.Tx) error {
		_, err := selectCurrent(ctx, tx)
		if !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		_, err = r.add(ctx, tx)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("making the first signing key: %w", err)
	}
	return r, nil
}

// Current returns the key that signs now.
func (r *Ring) Current(ctx context.Context) (matrix.SigningKey, error) {
	row, err := selectCurrent(ctx, r.db)
	if err != nil {
		return matrix.SigningKey{}, fmt.Errorf("reading the signing key: %w", err)
	}
	seed, err := r.box.Open(row.sealed, []byte(row.id))
	if err != nil {
		return matrix.SigningKey{}, fmt.Errorf("opening the signing key %s: %w", row.id, err)
	}
	return matrix.SigningKey{ID: row.id, Private: ed25519.NewKeyFromSeed(seed)}, nil
}

// List returns all keys, the newest first.
func (r *Ring) List(ctx context.Context) ([]Key, error) {
	keys, err := selectKeys(ctx, r.db)
	if err != nil {
		return nil, fmt.Errorf("listing the signing keys: %w", err)
	}
	return keys, nil
}

// Rotate makes a new key, which signs from now on, and retires the current one.
func (r *Ring) Rotate(ctx context.Context) (key Key, err error) {
	err = r.db.Tx(ctx, func(tx *store.Tx) (err error) {
		if err := retireCurrent(ctx, tx, r.now()); err != nil {
			return err
		}
		key, err = r.add(ctx, tx)
		return err
	})
	if err != nil {
		return Key{}, fmt.Errorf("rotating the signing key: %w", err)
	}
	return key, nil
}

// add makes a key with a random id: a server set up anew must not give an old id
// to another key, which the caches of others would hold against it.
func (r *Ring) add(ctx context.Context, tx *store.Tx) (Key, error) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return Key{}, err
	}
	key := Key{
		ID:      matrix.KeyID("ed25519:" + strings.ToLower(rand.Text()[:8])),
		Public:  public,
		Created: r.now(),
	}
	return key, insertKey(ctx, tx, key, r.box.Seal(private.Seed(), []byte(key.ID)))
}
