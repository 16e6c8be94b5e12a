package vrf

import (
	"bytes"
	"crypto/sha512"
	"errors"

	"filippo.io/edwards25519"
)

// Lengths in octets (RFC 9381, section 5.5).
const (
	SeedLen      = 32
	PublicKeyLen = 32
	ProofLen     = 80 // Gamma 32, c 16, s 32
	OutputLen    = 64
)

var (
	// ErrPublicKey is the error of octets that are no public key.
	ErrPublicKey = errors.New("not a valid VRF public key")
	// ErrSeed is the error of a seed that has not 32 octets.
	ErrSeed = errors.New("a VRF seed has 32 octets")
)

// PublicKey verifies proofs. It comes from ParsePublicKey or from a private key,
// does not change, and may be used by many at a time.
type PublicKey struct {
	encoded  [PublicKeyLen]byte
	negative *edwards25519.Point // -Y, as verifying needs it
}

// ParsePublicKey reads a public key of 32 octets: a point in its one canonical
// encoding, and not of low order (ECVRF_validate_key, section 5.4.5), so that not
// even a key made with malice has two outputs for one input.
func ParsePublicKey(encoded []byte) (*PublicKey, error) {
	y, _, ok := decode(encoded)
	if !ok {
		return nil, ErrPublicKey
	}
	return newPublicKey(encoded, y), nil
}

func newPublicKey(encoded []byte, y *edwards25519.Point) *PublicKey {
	return &PublicKey{[PublicKeyLen]byte(encoded), new(edwards25519.Point).Negate(y)}
}

// Bytes is the key in 32 octets. ParsePublicKey reads it back.
func (k *PublicKey) Bytes() []byte { return bytes.Clone(k.encoded[:]) }

// PrivateKey computes outputs and proves them. It does not change and may be used
// by many at a time.
type PrivateKey struct {
	x      *edwards25519.Scalar
	nonces []byte // the half of the hashed seed that nonces are made from
	public *PublicKey
}

// NewPrivateKey derives the key of a secret seed of 32 octets, as Ed25519 does
// (RFC 8032, section 5.1.5).
func NewPrivateKey(seed []byte) (*PrivateKey, error) {
	if len(seed) != SeedLen {
		return nil, ErrSeed
	}
	hashed := sha512.Sum512(seed)
	x, err := new(edwards25519.Scalar).SetBytesWithClamping(hashed[:32])
	if err != nil {
		return nil, err
	}
	y := new(edwards25519.Point).ScalarBaseMult(x)
	return &PrivateKey{x, hashed[32:], newPublicKey(y.Bytes(), y)}, nil
}

// Public is the half that verifies.
func (k *PrivateKey) Public() *PublicKey { return k.public }
