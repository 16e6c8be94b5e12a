package seal

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"

	"signet/internal/store"
)

// Errors of FindKEK.
var (
	ErrNoKEK   = errors.New("the database is sealed and its key-encryption key is missing; put the key file back, or give the key in the environment")
	ErrTwoKEKs = errors.New("a key-encryption key is given both by file and by environment; remove one")
)

// FindKEK returns the key-encryption key: text, from the environment, or else that
// of the file at path. With neither, a new database gets a new key, written to
// path, and a database that is sealed already is refused with ErrNoKEK: a new key
// could not open it.
func FindKEK(ctx context.Context, db *store.DB, path, text string) (KEK, error) {
	kek, err := ReadKEK(path)
	switch {
	case text != "" && errors.Is(err, fs.ErrNotExist):
		return ParseKEK(text)
	case text != "":
		return KEK{}, ErrTwoKEKs
	case !errors.Is(err, fs.ErrNotExist):
		return kek, err
	}
	sealed, err := anySecret(ctx, db)
	if err != nil {
		return KEK{}, fmt.Errorf("looking for sealed secrets: %w", err)
	}
	if sealed {
		return KEK{}, ErrNoKEK
	}
	return CreateKEK(path, rand.Reader)
}
