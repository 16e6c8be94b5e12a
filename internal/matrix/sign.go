package matrix

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"regexp"

	"github.com/go-json-experiment/json"
	"github.com/matrix-org/gomatrixserverlib"
)

// KeyID names a signing key, algorithm:version, such as ed25519:0.
type KeyID string

// ErrSignature is the error of a signature that is missing or does not verify.
var ErrSignature = errors.New("signature is missing or wrong")

// keyID is as long as identifiers may be, 255 octets (specification, appendices, "Opaque
// Identifiers").
var keyID = regexp.MustCompile(`^ed25519:[0-9A-Za-z_]{1,247}$`)

// ParseKeyID reads the id of an ed25519 key; other algorithms are unknown to the
// specification.
func ParseKeyID(s string) (KeyID, bool) { return KeyID(s), keyID.MatchString(s) }

// SigningKey is an ed25519 key with the name it signs under.
type SigningKey struct {
	ID      KeyID
	Private ed25519.PrivateKey
}

// Public is the half that verifies.
func (k SigningKey) Public() ed25519.PublicKey { return k.Private.Public().(ed25519.PublicKey) }

// Sign adds the signature of server to a JSON object and returns its canonical
// form. Signatures and unsigned data that the object already has are kept
// (specification, appendices, "Signing JSON").
func (k SigningKey) Sign(server ServerName, object []byte) ([]byte, error) {
	signed, err := gomatrixserverlib.SignJSON(server.String(), gomatrixserverlib.KeyID(k.ID), k.Private, object)
	if err != nil {
		return nil, fmt.Errorf("signing JSON: %w", err)
	}
	return signed, nil
}

// SignValue is Sign for a Go value that marshals to a JSON object.
func (k SigningKey) SignValue(server ServerName, value any) ([]byte, error) {
	object, err := json.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("marshalling for signature: %w", err)
	}
	return k.Sign(server, object)
}

// Verify checks that server signed the JSON object with the key named id. The
// object is parsed strictly first: a name given twice could be read one way by
// the signer and another by us.
func Verify(server ServerName, id KeyID, key ed25519.PublicKey, object []byte) error {
	if len(key) != ed25519.PublicKeySize {
		return ErrSignature
	}
	var members map[string]any
	if err := json.Unmarshal(object, &members); err != nil {
		return ErrSignature
	}
	if err := gomatrixserverlib.VerifyJSON(server.String(), gomatrixserverlib.KeyID(id), key, object); err != nil {
		return ErrSignature
	}
	return nil
}

// CanonicalJSON writes JSON in the one form that is signed and hashed
// (specification, appendices, "Canonical JSON").
func CanonicalJSON(input []byte) ([]byte, error) {
	canonical, err := gomatrixserverlib.CanonicalJSON(input)
	if err != nil {
		return nil, fmt.Errorf("canonical JSON: %w", err)
	}
	return canonical, nil
}
