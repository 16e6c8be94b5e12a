package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
)

// ErrOpen is the error of sealed data that was not sealed by this box for this
// row, or was changed since.
var ErrOpen = errors.New("sealed data does not open")

// Box encrypts and authenticates with AES-256-GCM under random nonces, which one
// key may draw 2^32 times (NIST SP 800-38D, section 8.3).
type Box struct{ aead cipher.AEAD }

func newBox(secret []byte, purpose string) Box {
	key, err := hkdf.Key(sha256.New, secret, nil, "signet/seal/1 "+purpose, keySize)
	if err != nil {
		panic(err) // only for a length that SHA-256 cannot give
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err) // only for a key that is not 16, 24 or 32 octets
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err) // only for a block size that is not 16
	}
	return Box{aead}
}

// Seal encrypts plain. row names where the result will stand (a key of its row),
// so that sealed values cannot be swapped between rows.
func (b Box) Seal(plain, row []byte) []byte { return b.aead.Seal(nil, nil, plain, row) }

// Open is the inverse of Seal for the same row. The error is ErrOpen.
func (b Box) Open(sealed, row []byte) ([]byte, error) { return b.AppendOpen(nil, sealed, row) }

// AppendOpen is Open that appends to dst, for many values one after another.
func (b Box) AppendOpen(dst, sealed, row []byte) ([]byte, error) {
	plain, err := b.aead.Open(dst, nil, sealed, row)
	if err != nil {
		return nil, ErrOpen
	}
	return plain, nil
}

// Index finds a value without storing it: equal values have equal tags, and a tag
// says nothing without the key.
type Index struct{ tag }

// MAC remembers a code or token that need only be recognised. Tags are compared
// with Equal, in constant time, or found by an index of the database.
type MAC struct{ tag }

// tag is HMAC-SHA-256 over parts, each with its length before it, so that no two
// lists of parts share a tag by concatenation.
type tag struct{ key []byte }

// Of returns the tag of the parts, 32 octets.
func (t tag) Of(parts ...string) []byte {
	h := hmac.New(sha256.New, t.key)
	var length [8]byte
	for _, part := range parts {
		binary.BigEndian.PutUint64(length[:], uint64(len(part)))
		h.Write(length[:])
		h.Write([]byte(part))
	}
	return h.Sum(nil)
}

// Equal tells whether tag is the tag of the parts, in constant time.
func (m MAC) Equal(tag []byte, parts ...string) bool { return hmac.Equal(tag, m.Of(parts...)) }
