package value

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"regexp"
	"slices"
	"strings"

	"filippo.io/edwards25519"
)

// KeyID names a key of a person: kind, colon and a name. The names master, self_signing and
// user_signing are those of the cross-signing keys (client-server API, "Cross-signing"); any
// other is the id of a device.
type KeyID string

// The cross-signing keys of a user.
const (
	Master      KeyID = "ed25519:master"
	SelfSigning KeyID = "ed25519:self_signing"
	UserSigning KeyID = "ed25519:user_signing"
)

// keyName is what names a key beside its kind: what base64 and device ids are made of.
var keyName = regexp.MustCompile(`^[0-9A-Za-z+/=._-]{1,128}$`)

// Kind is a kind of public keys.
type Kind interface {
	// Check fails unless the octets are a whole key of this kind, in its one encoding, that
	// does what keys of this kind are for.
	Check(key []byte) error
}

// Signing is a Kind whose keys sign, and so have to show that somebody has them.
type Signing interface {
	Kind
	// Verify tells whether a key that Check took has signed a message.
	Verify(key, message, signature []byte) bool
}

// kinds are those that there are, by the first part of a KeyID.
var kinds = map[string]Kind{"ed25519": ed25519Kind{}, "curve25519": curve25519Kind{}}

// Kind is the kind of a key, nil if it is not known or the rest is no name.
func (id KeyID) Kind() Kind {
	kind, name, _ := strings.Cut(string(id), ":")
	if !keyName.MatchString(name) {
		return nil
	}
	return kinds[kind]
}

var (
	errKeyLen = errors.New("it has not 32 octets")
	errPoint  = errors.New("it is no point in canonical form")
	errOrder  = errors.New("it is of low order")
)

// ed25519Kind are the keys of RFC 8032.
type ed25519Kind struct{}

// Check takes a point in its canonical encoding. One of low order would take signatures that
// fit any message.
func (ed25519Kind) Check(key []byte) error {
	if len(key) != ed25519.PublicKeySize {
		return errKeyLen
	}
	p, err := new(edwards25519.Point).SetBytes(key)
	if err != nil || !bytes.Equal(p.Bytes(), key) {
		return errPoint
	}
	if new(edwards25519.Point).MultByCofactor(p).Equal(edwards25519.NewIdentityPoint()) == 1 {
		return errOrder
	}
	return nil
}

func (ed25519Kind) Verify(key, message, signature []byte) bool {
	return ed25519.Verify(key, message, signature)
}

// curve25519Kind are the keys of RFC 7748, section 6.1.
type curve25519Kind struct{}

// prime is 2^255-19, big-endian.
var prime = slices.Concat([]byte{0x7f}, bytes.Repeat([]byte{0xff}, 30), []byte{0xed})

// lowOrder are the u-coordinates below the prime of the points of order 1, 2, 4 and 8 on the
// curve and on its twist (RFC 7748, section 6.1, refuses what they come to), little-endian:
// whoever used such a key would agree on zero.
var lowOrder = [][]byte{
	make([]byte, 32),
	append([]byte{1}, make([]byte, 31)...),
	slices.Concat([]byte{0xec}, bytes.Repeat([]byte{0xff}, 30), []byte{0x7f}),
	{0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f, 0xc4, 0x6a,
		0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00},
	{0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1, 0x55, 0x9c, 0x83, 0xef, 0x5b,
		0x04, 0x44, 0x5c, 0xc4, 0x58, 0x1c, 0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f, 0x11, 0x57},
}

// Check takes a u-coordinate below the prime. RFC 7748 would read others too, as a second
// spelling of the same key.
func (curve25519Kind) Check(key []byte) error {
	if len(key) != 32 {
		return errKeyLen
	}
	bigEndian := slices.Clone(key)
	slices.Reverse(bigEndian)
	if bytes.Compare(bigEndian, prime) >= 0 {
		return errPoint
	}
	for _, low := range lowOrder {
		if bytes.Equal(key, low) {
			return errOrder
		}
	}
	return nil
}

// octets reads unpadded base64 in the standard alphabet, in its one spelling.
func octets(s string) ([]byte, bool) {
	b, err := base64.RawStdEncoding.DecodeString(s)
	return b, err == nil && base64.RawStdEncoding.EncodeToString(b) == s
}
