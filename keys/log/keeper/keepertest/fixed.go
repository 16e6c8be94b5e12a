// Package keepertest has keys of a log for tests that need no key ring.
package keepertest

import (
	"context"
	"crypto/ed25519"

	"signet/internal/keyring"
	"signet/internal/matrix"
	"signet/keys/log/keeper"
)

// Fixed is a key that never changes.
type Fixed ed25519.PrivateKey

var _ keeper.Ring = Fixed(nil)

// LogKeys is that of keeper.Ring.
func (f Fixed) LogKeys(context.Context) ([]keyring.Key, error) {
	return []keyring.Key{{ID: "ed25519:fixed", Public: ed25519.PrivateKey(f).Public().(ed25519.PublicKey)}}, nil
}

// LogKey is that of keeper.Ring.
func (f Fixed) LogKey(_ context.Context, public ed25519.PublicKey) (ed25519.PrivateKey, error) {
	if !public.Equal(ed25519.PrivateKey(f).Public()) {
		return nil, keyring.ErrUnknownKey
	}
	return ed25519.PrivateKey(f), nil
}

// History is that of keeper.Ring.
func (f Fixed) History(ctx context.Context) ([]keyring.Key, error) { return f.LogKeys(ctx) }

// Forget is that of keeper.Ring.
func (f Fixed) Forget(context.Context, matrix.KeyID) error { return nil }
