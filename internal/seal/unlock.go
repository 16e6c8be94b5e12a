package seal

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"signet/internal/store"
)

// What is wrong with the key-encryption key that Unlock is given.
var (
	ErrNoKEK   = errors.New("the database is sealed and its key-encryption key is missing; put the key file back, or give the key in the environment")
	ErrTwoKEKs = errors.New("a key-encryption key is given both by file and by environment; remove one")
)

// Unlock opens the vault in db with the key-encryption key text, from the
// environment, or else that of the file at path. With neither, a new database gets a
// new key, written to path, and a database that is sealed already is refused with
// ErrNoKEK: a new key could not open it.
func Unlock(ctx context.Context, db *store.DB, path, text string, now func() time.Time) (*Vault, error) {
	kek, made, err := findKEK(ctx, db, path, text)
	if err != nil {
		return nil, err
	}
	v, err := Open(ctx, db, kek, now)
	if made && errors.Is(err, ErrWrongKEK) { // another machine has founded the database since we looked
		return nil, errors.Join(err, os.Remove(path))
	}
	return v, err
}

func findKEK(ctx context.Context, db *store.DB, path, text string) (kek KEK, made bool, err error) {
	kek, err = ReadKEK(path)
	switch {
	case text != "" && errors.Is(err, fs.ErrNotExist):
		kek, err = ParseKEK(text)
		return kek, false, err
	case text != "":
		return KEK{}, false, ErrTwoKEKs
	case !errors.Is(err, fs.ErrNotExist):
		return kek, false, err
	}
	sealed, err := anySecret(ctx, db)
	if err != nil {
		return KEK{}, false, fmt.Errorf("looking for sealed secrets: %w", err)
	}
	if sealed {
		return KEK{}, false, ErrNoKEK
	}
	kek, err = CreateKEK(path, rand.Reader)
	return kek, true, err
}
