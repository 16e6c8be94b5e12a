package logkeys

import (
	"encoding/base64"
	"fmt"
	"maps"
	"slices"

	"golang.org/x/mod/sumdb/note"
)

// CheckNext tells whether next follows on c: it names c, at least one key, and the same VRF's
// key; exactly the keys that either of the two names have signed it; and what it revokes is a
// key of c that it names no more. The error is ErrVouched.
func (c Config) CheckNext(next Config) error {
	switch {
	case len(c.VKeys) == 0 || len(next.VKeys) == 0:
		return fmt.Errorf("%w: one of the two names no key", ErrVouched)
	case next.Prev != c.hash():
		return fmt.Errorf("%w: it follows on another", ErrVouched)
	case next.VRF != c.VRF:
		return fmt.Errorf("%w: it has another VRF key, which stays for the log's life", ErrVouched)
	}
	for vkey := range next.Revoked {
		if !slices.Contains(c.VKeys, vkey) || slices.Contains(next.VKeys, vkey) {
			return fmt.Errorf("%w: it revokes %.80q, which is no key before it or is one after it", ErrVouched, vkey)
		}
	}
	return next.checkSigned(append(c.Verifiers(), next.verifiers...), append(slices.Clone(c.VKeys), next.VKeys...))
}

// CheckPlace tells whether what it revokes is revoked from its own position on. The error is
// ErrVouched.
func (c Config) CheckPlace(position int64) error {
	for vkey, size := range c.Revoked {
		if size != position {
			return fmt.Errorf("%w: it stands at %d and revokes %.80q from %d on", ErrVouched, position, vkey, size)
		}
	}
	return nil
}

// CheckSelf tells whether it is signed by each key that it names, as each CONFIG after the
// first is. The error is ErrVouched.
func (c Config) CheckSelf() error {
	for i, v := range c.verifiers {
		if err := c.checkSignature(v, c.VKeys[i]); err != nil {
			return err
		}
	}
	return nil
}

// SignedBy tells whether a key has signed it.
func (c Config) SignedBy(v note.Verifier) bool {
	return slices.ContainsFunc(slices.Collect(maps.Keys(c.Signatures)), func(vkey string) bool { return c.checkSignature(v, vkey) == nil })
}

// checkSigned holds the signatures against those who should have signed, and no others.
func (c Config) checkSigned(by []note.Verifier, named []string) error {
	for i, v := range by {
		if err := c.checkSignature(v, named[i]); err != nil {
			return err
		}
	}
	for vkey := range c.Signatures {
		if !slices.Contains(named, vkey) {
			return fmt.Errorf("%w: %.80q has signed and is no key of the log", ErrVouched, vkey)
		}
	}
	return nil
}

func (c Config) checkSignature(v note.Verifier, vkey string) error {
	text, has := c.Signatures[vkey]
	if !has {
		return fmt.Errorf("%w: %s has not signed", ErrVouched, vkey)
	}
	octets, err := c.signed()
	if err != nil {
		return err
	}
	signature, err := base64.RawStdEncoding.Strict().DecodeString(text)
	if err != nil || !v.Verify(octets, signature) {
		return fmt.Errorf("%w: the signature of %s is wrong", ErrVouched, vkey)
	}
	return nil
}
