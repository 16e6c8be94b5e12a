package seal

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// KEK is a key-encryption key of 32 octets. It prints as nothing, so that it
// cannot reach a log.
type KEK struct{ key [keySize]byte }

const keySize = 32

// ErrKEK is the error of text that is not 32 octets in base64.
var ErrKEK = errors.New("a key-encryption key is 32 random octets in base64 (make one with: openssl rand -base64 32)")

// ParseKEK reads a key from base64, as a key file or a variable holds it.
func ParseKEK(text string) (KEK, error) {
	b, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil || len(b) != keySize {
		return KEK{}, ErrKEK
	}
	return KEK{key: [keySize]byte(b)}, nil
}

// String hides the key.
func (KEK) String() string { return "[key-encryption key]" }

// GoString hides the key.
func (k KEK) GoString() string { return k.String() }

// ReadKEK reads the key file at path. The error is os.ErrNotExist when there is
// none.
func ReadKEK(path string) (KEK, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return KEK{}, fmt.Errorf("reading the key file: %w", err)
	}
	k, err := ParseKEK(string(text))
	if err != nil {
		return KEK{}, fmt.Errorf("key file %s: %w", path, err)
	}
	return k, nil
}

// CreateKEK writes a new key from rand to path, readable by its owner alone, and
// returns it. Of two processes that create the same file, both return the key of
// the one that was first: a key never changes once it may have been used.
func CreateKEK(path string, rand io.Reader) (KEK, error) {
	var key [keySize]byte
	if _, err := io.ReadFull(rand, key[:]); err != nil {
		return KEK{}, fmt.Errorf("making a key: %w", err)
	}
	if err := publish(path, base64.StdEncoding.EncodeToString(key[:])+"\n"); err != nil {
		return KEK{}, fmt.Errorf("writing the key file: %w", err)
	}
	return ReadKEK(path)
}

// publish makes a file with all of its text at once, or leaves the one that is
// there. The text is on disk before the name is.
func publish(path, text string) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".kek-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(text)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return syncDir(dir)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
