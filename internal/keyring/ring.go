package keyring

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"signet/internal/matrix"
	"signet/internal/seal"
	"signet/internal/store"
)

// Ring is a server's keys for one purpose. It is safe for concurrent use.
type Ring struct {
	db      *store.DB
	box     seal.Box // of this purpose: a key moved here from another ring does not open
	now     func() time.Time
	purpose Purpose
	at      place
}

// Key is what may be known of a key. Public is 32 octets (RFC 8032, 5.1.5; a VRF's has
// the same form: RFC 9381, 5.5). Retired is zero for the current one, Revoked for one
// that may be believed.
type Key struct {
	ID      matrix.KeyID
	Public  ed25519.PublicKey
	Created time.Time
	Retired time.Time
	Ends    time.Time // of a retired key of a log, until when it signs beside its successor
	Revoked time.Time
	Reason  string // why it was revoked
}

var (
	errSignsNothing = errors.New("the VRF key signs nothing")
	errNoVRF        = errors.New("the key is for signatures, not for a VRF")
)

// Purpose is what its keys are for.
func (r *Ring) Purpose() Purpose { return r.purpose }

// Current returns the key that signs now.
func (r *Ring) Current(ctx context.Context) (matrix.SigningKey, error) {
	if r.purpose == VRF {
		return matrix.SigningKey{}, errSignsNothing
	}
	row, err := r.selectCurrent(ctx, r.db)
	if err != nil {
		return matrix.SigningKey{}, fmt.Errorf("reading the %s key: %w", r.purpose, err)
	}
	return r.signing(row)
}

func (r *Ring) signing(row keyRow) (matrix.SigningKey, error) {
	seed, err := r.seed(row)
	if err != nil {
		return matrix.SigningKey{}, err
	}
	return matrix.SigningKey{ID: row.ID, Private: ed25519.NewKeyFromSeed(seed)}, nil
}

// Signing returns the key with that public half, current or retired: what was made under a
// key may have to be signed with it after its time. Errors: ErrUnknownKey.
func (r *Ring) Signing(ctx context.Context, public ed25519.PublicKey) (matrix.SigningKey, error) {
	if r.purpose == VRF {
		return matrix.SigningKey{}, errSignsNothing
	}
	rows, err := r.selectKeys(ctx, r.db, false)
	if err != nil {
		return matrix.SigningKey{}, fmt.Errorf("listing the %s keys: %w", r.purpose, err)
	}
	for _, row := range rows {
		if row.Public.Equal(public) {
			return r.signing(row)
		}
	}
	return matrix.SigningKey{}, ErrUnknownKey
}

// SecretKey returns the VRF's secret key, 32 octets (SK in RFC 9381, 5.5).
func (r *Ring) SecretKey(ctx context.Context) ([]byte, error) {
	if r.purpose != VRF {
		return nil, errNoVRF
	}
	row, err := r.selectCurrent(ctx, r.db)
	if err != nil {
		return nil, fmt.Errorf("reading the %s key: %w", r.purpose, err)
	}
	return r.seed(row)
}

func (r *Ring) seed(row keyRow) ([]byte, error) {
	seed, err := r.box.Open(row.sealed, []byte(row.ID))
	if err != nil {
		return nil, fmt.Errorf("opening the %s key %s: %w", r.purpose, row.ID, err)
	}
	return seed, nil
}

// List returns the keys that may be believed, the current one and the retired, the
// newest first.
func (r *Ring) List(ctx context.Context) ([]Key, error) {
	rows, err := r.selectKeys(ctx, r.db, false)
	if err != nil {
		return nil, fmt.Errorf("listing the %s keys: %w", r.purpose, err)
	}
	keys := make([]Key, len(rows))
	for i, row := range rows {
		keys[i] = row.Key
	}
	return keys, nil
}

// Published returns the key that signs and the retired ones as they are at one moment:
// asked for one after the other, a key could be told as current that was revoked in
// between.
func (r *Ring) Published(ctx context.Context) (signs matrix.SigningKey, retired []Key, err error) {
	if r.purpose == VRF {
		return matrix.SigningKey{}, nil, errSignsNothing
	}
	rows, err := r.selectKeys(ctx, r.db, false)
	if err != nil {
		return matrix.SigningKey{}, nil, fmt.Errorf("listing the %s keys: %w", r.purpose, err)
	}
	for _, row := range rows {
		if !row.Retired.IsZero() {
			retired = append(retired, row.Key)
			continue
		}
		if signs, err = r.signing(row); err != nil {
			return matrix.SigningKey{}, nil, err
		}
	}
	return signs, retired, nil
}

// History returns all keys that the ring ever had, those that are revoked too, the
// newest first.
func (r *Ring) History(ctx context.Context) ([]Key, error) {
	keys, err := r.selectHistory(ctx, r.db)
	if err != nil {
		return nil, fmt.Errorf("listing the %s keys: %w", r.purpose, err)
	}
	return keys, nil
}

// add makes a key with a random id: a server set up anew must not give an old id
// to another key, which the caches of others would hold against it.
func (r *Ring) add(ctx context.Context, tx *store.Tx) (Key, error) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return Key{}, err
	}
	key := Key{
		ID:      matrix.KeyID(r.purpose.algorithm() + ":" + strings.ToLower(rand.Text()[:8])),
		Public:  public,
		Created: r.now(),
	}
	return key, r.insertKey(ctx, tx, key, r.box.Seal(private.Seed(), []byte(key.ID)))
}
