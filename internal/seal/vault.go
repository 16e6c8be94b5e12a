package seal

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"signet/internal/store"
)

// ErrWrongKEK is the error of a database whose secrets were sealed under another
// key-encryption key.
var ErrWrongKEK = errors.New("the database was sealed with another key-encryption key; give the one it was created with (key_file, or the environment variable in its place)")

// Vault opens the secrets of one database. It is safe for concurrent use.
type Vault struct {
	db  *store.DB
	box Box // under the KEK
	now func() time.Time
}

// probe is the secret that proves, before anything else is read, that the KEK is
// the right one.
const probe = "probe"

// Open opens the vault in db, or founds it under kek when it is empty. The error
// is ErrWrongKEK when another key founded it.
func Open(ctx context.Context, db *store.DB, kek KEK, now func() time.Time) (*Vault, error) {
	v := &Vault{db: db, box: newBox(kek.key[:], "key-encryption key"), now: now}
	if _, err := v.secret(ctx, probe); err != nil {
		return nil, err
	}
	return v, nil
}

// Box returns the encryption tool for purpose, such as "verify address".
func (v *Vault) Box(ctx context.Context, purpose string) (Box, error) {
	key, err := v.secret(ctx, "box "+purpose)
	if err != nil {
		return Box{}, err
	}
	return newBox(key, purpose), nil
}

// Index returns the blind index for purpose.
func (v *Vault) Index(ctx context.Context, purpose string) (Index, error) {
	key, err := v.secret(ctx, "index "+purpose)
	return Index{tag{key}}, err
}

// MAC returns the tool that remembers codes and tokens for purpose.
func (v *Vault) MAC(ctx context.Context, purpose string) (MAC, error) {
	key, err := v.secret(ctx, "mac "+purpose)
	return MAC{tag{key}}, err
}

// Secret returns the 32 random octets named name, for what is derived elsewhere,
// such as a lookup pepper.
func (v *Vault) Secret(ctx context.Context, name string) ([]byte, error) {
	return v.secret(ctx, "secret "+name)
}

// secret returns the named secret, made on first use. Of several processes that
// make it at once, all return the one that was stored first.
func (v *Vault) secret(ctx context.Context, name string) ([]byte, error) {
	fresh := make([]byte, keySize)
	rand.Read(fresh)
	sealed, err := getOrPut(ctx, v.db, name, v.box.Seal(fresh, []byte(name)), v.now())
	if err != nil {
		return nil, fmt.Errorf("reading the secret %q: %w", name, err)
	}
	secret, err := v.box.Open(sealed, []byte(name))
	if err != nil {
		return nil, ErrWrongKEK
	}
	return secret, nil
}
