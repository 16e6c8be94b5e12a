package keyring

import (
	"context"
	"crypto/ed25519"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"signet/internal/matrix"
	"signet/internal/store"
)

const (
	// LogOverlap is how long a retired key of a log signs beside its successor: clients and
	// auditors that come by within that time learn of the new one from the old.
	LogOverlap = 30 * 24 * time.Hour
	// MaxLogKeys is how many keys of a log sign at the same time, at most.
	MaxLogKeys = 8
)

// ErrManyLogKeys is the error of one rotation more than fit into LogOverlap.
var ErrManyLogKeys = fmt.Errorf("%d keys of the log sign already; retire one first, or wait until one has ended", MaxLogKeys)

var errNoLog = errors.New("the key is of no log")

// LogKeys returns the keys of a log whose private halves are here, the newest first: those
// that sign, those that have ended, and revoked ones that the log does not know of yet.
func (r *Ring) LogKeys(ctx context.Context) ([]Key, error) {
	rows, err := r.logRows(ctx)
	keys := make([]Key, len(rows))
	for i, row := range rows {
		keys[i] = row.Key
	}
	return keys, err
}

// LogKey returns the private half of one of LogKeys. The error is ErrUnknownKey of another.
func (r *Ring) LogKey(ctx context.Context, public ed25519.PublicKey) (ed25519.PrivateKey, error) {
	rows, err := r.logRows(ctx)
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		if row.Public.Equal(public) {
			key, err := r.signing(row)
			return key.Private, err
		}
	}
	return nil, ErrUnknownKey
}

func (r *Ring) logRows(ctx context.Context) ([]keyRow, error) {
	if !r.purpose.OfLog() {
		return nil, errNoLog
	}
	rows, err := r.selectKeys(ctx, r.db, true)
	if err != nil {
		return nil, fmt.Errorf("listing the %s keys: %w", r.purpose, err)
	}
	return rows, nil
}

// Forget destroys the private half of a revoked key, which nothing has to be signed with any
// more. It does nothing to another.
func (r *Ring) Forget(ctx context.Context, id matrix.KeyID) error {
	err := r.db.Tx(ctx, func(tx *store.Tx) error {
		key, err := r.selectKey(ctx, tx, id)
		if err != nil || key.Revoked.IsZero() {
			return err
		}
		return r.moveToRevoked(ctx, tx, id, key.Reason, key.Revoked)
	})
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("forgetting the %s key %s: %w", r.purpose, id, err)
	}
	return nil
}

// checkRoom leaves no more than MaxLogKeys to sign after a rotation.
func (r *Ring) checkRoom(ctx context.Context, tx *store.Tx) error {
	rows, err := r.selectKeys(ctx, tx, false)
	if err != nil {
		return err
	}
	signing, now := 0, r.now()
	for _, row := range rows {
		if row.Retired.IsZero() || row.Ends.After(now) {
			signing++
		}
	}
	if signing >= MaxLogKeys {
		return ErrManyLogKeys
	}
	return nil
}
