package signedkey

import (
	"crypto/ed25519"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"

	"signet/internal/matrix"
)

// Usage is what a cross-signing key is for (client-server API, "Cross-signing").
type Usage string

// The three keys of a user.
const (
	Master      Usage = "master"
	SelfSigning Usage = "self_signing"
	UserSigning Usage = "user_signing"
)

// CrossSigning is one of a user's cross-signing keys.
type CrossSigning struct {
	Object
	Usage Usage
	// Name is the public key in unpadded base64, by which the key is called.
	Name    string
	Ed25519 ed25519.PublicKey
}

// maxUsages is how many purposes a key may name.
const maxUsages = 10

// ParseCrossSigning reads the key of a user for a purpose. Its signatures are for the
// caller to judge.
func ParseCrossSigning(raw []byte, user matrix.UserID, usage Usage) (CrossSigning, error) {
	object, err := ParseObject(raw)
	if err != nil {
		return CrossSigning{}, err
	}
	var key struct {
		User  *matrix.UserID    `json:"user_id"`
		Usage []Usage           `json:"usage"`
		Keys  map[string]string `json:"keys"`
	}
	if err := json.Unmarshal(raw, &key); err != nil || key.User == nil || len(key.Keys) != 1 || len(key.Usage) > maxUsages {
		return CrossSigning{}, ErrMalformed
	}
	if *key.User != user {
		return CrossSigning{}, ErrOwner
	}
	if !slices.Contains(key.Usage, usage) {
		return CrossSigning{}, ErrMalformed
	}
	for id, text := range key.Keys {
		name, known := strings.CutPrefix(id, ed25519Prefix)
		if !known {
			return CrossSigning{}, ErrAlgorithm
		}
		public, err := parsePublic(text)
		if err != nil || name != text || matrix.EncodeBase64(public) != text {
			return CrossSigning{}, ErrMalformed
		}
		return CrossSigning{Object: object, Usage: usage, Name: name, Ed25519: public}, nil
	}
	return CrossSigning{}, ErrMalformed
}
