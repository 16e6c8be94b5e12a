package keyring

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"signet/internal/matrix"
	"signet/internal/store"
)

var (
	// ErrCurrent says that a key cannot be retired alone.
	ErrCurrent = errors.New("it is the key in use, and there would be none after it; rotate, which makes its successor and retires it")
	// ErrRevoked says that a key is beyond being retired.
	ErrRevoked = errors.New("it is revoked, and a revocation cannot be undone")
	// ErrReason says that a reason cannot be kept.
	ErrReason = errors.New("a reason is 1 to 500 characters of printable text")
)

// maxReason is in characters.
const maxReason = 500

// Rotate makes a new key, which signs from now on, and retires the current one, which is
// believed for what it signed; that of a log goes on signing beside it for LogOverlap. Errors:
// ErrVRFKey, ErrManyLogKeys.
func (r *Ring) Rotate(ctx context.Context) (key Key, err error) {
	if err := r.purpose.changeable(); err != nil {
		return Key{}, err
	}
	err = r.db.Tx(ctx, func(tx *store.Tx) (err error) {
		key, err = r.rotate(ctx, tx)
		return err
	})
	if err != nil {
		return Key{}, fmt.Errorf("rotating the %s key: %w", r.purpose, err)
	}
	return key, nil
}

func (r *Ring) rotate(ctx context.Context, tx *store.Tx) (Key, error) {
	now, ends := r.now(), time.Time{}
	if r.purpose.OfLog() {
		if err := r.checkRoom(ctx, tx); err != nil {
			return Key{}, err
		}
		ends = now.Add(LogOverlap)
	}
	return r.succeed(ctx, tx, now, ends)
}

// succeed makes a new key in the place of the current one, which ends then.
func (r *Ring) succeed(ctx context.Context, tx *store.Tx, now, ends time.Time) (Key, error) {
	if err := r.retireCurrent(ctx, tx, now, ends); err != nil {
		return Key{}, err
	}
	return r.add(ctx, tx)
}

// Retire makes sure that the key signs nothing any more, and returns it. One that is
// retired stays as it is, but that one of a log signs no more beside its successor; the current
// one is never left without a successor. Errors: ErrCurrent, ErrRevoked, ErrUnknownKey,
// ErrVRFKey.
func (r *Ring) Retire(ctx context.Context, id matrix.KeyID) (Key, error) {
	if err := r.purpose.changeable(); err != nil {
		return Key{}, err
	}
	if err := r.end(ctx, r.db, id, r.now()); err != nil {
		return Key{}, fmt.Errorf("retiring the %s key %s: %w", r.purpose, id, err)
	}
	keys, err := r.History(ctx)
	if err != nil {
		return Key{}, err
	}
	for _, k := range keys {
		switch {
		case k.ID != id:
			continue
		case !k.Revoked.IsZero():
			return Key{}, ErrRevoked
		case k.Retired.IsZero():
			return Key{}, ErrCurrent
		}
		return k, nil
	}
	return Key{}, ErrUnknownKey
}

// Revoke says, for good, that the key must not be believed: it was stolen, or may have
// been. The current one is rotated first. The private half is destroyed; that of a log's key
// not before the log has an entry about it, by Forget. One that is revoked keeps its time and
// its reason. Errors: ErrReason, ErrUnknownKey, ErrVRFKey.
func (r *Ring) Revoke(ctx context.Context, id matrix.KeyID, reason string) (key Key, err error) {
	if err := r.purpose.changeable(); err != nil {
		return Key{}, err
	}
	if !validReason(reason) {
		return Key{}, ErrReason
	}
	err = r.db.Tx(ctx, func(tx *store.Tx) (err error) {
		key, err = r.revoke(ctx, tx, id, reason)
		return err
	})
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return Key{}, ErrUnknownKey
	case err != nil:
		return Key{}, fmt.Errorf("revoking the %s key %s: %w", r.purpose, id, err)
	}
	return key, nil
}

func (r *Ring) revoke(ctx context.Context, tx *store.Tx, id matrix.KeyID, reason string) (Key, error) {
	key, err := r.selectRevoked(ctx, tx, id)
	if !errors.Is(err, sql.ErrNoRows) {
		return key, err
	}
	if key, err = r.selectKey(ctx, tx, id); err != nil {
		return Key{}, err
	}
	if !key.Revoked.IsZero() {
		return key, nil // and the log is to say so yet
	}
	if key.Retired.IsZero() { // there is room for its successor, since it signs no more itself
		if _, err := r.succeed(ctx, tx, r.now(), time.Time{}); err != nil {
			return Key{}, err
		}
	}
	if r.purpose.OfLog() {
		if err := r.markRevoked(ctx, tx, id, reason, r.now()); err != nil {
			return Key{}, err
		}
		return r.selectKey(ctx, tx, id)
	}
	if err := r.moveToRevoked(ctx, tx, id, reason, r.now()); err != nil {
		return Key{}, err
	}
	return r.selectRevoked(ctx, tx, id)
}

func validReason(s string) bool {
	return strings.TrimSpace(s) != "" && utf8.RuneCountInString(s) <= maxReason && utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}
