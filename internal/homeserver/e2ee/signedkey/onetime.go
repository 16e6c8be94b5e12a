package signedkey

import (
	"crypto/ed25519"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/matrix"
)

// SignedCurve25519 is the one algorithm of one-time and fallback keys (client-server
// API, "Key algorithms").
const SignedCurve25519 = "signed_curve25519"

// maxOneTimeID is how many octets the name of a one-time key may have.
const maxOneTimeID = 64

// OneTime is a one-time or a fallback key.
type OneTime struct {
	Algorithm string
	ID        string
	JSON      jsontext.Value // with the one signature that counts
}

// Name is algorithm:id, as the key is called on the wire.
func (k OneTime) Name() string { return k.Algorithm + ":" + k.ID }

// Signer is the device that a one-time key must be signed by.
type Signer struct {
	User   matrix.UserID
	Device string
	Key    ed25519.PublicKey
}

// ParseOneTime reads a one-time key by its name.
func ParseOneTime(name string, raw []byte, signer Signer) (OneTime, error) {
	return parseOneTime(name, raw, signer, false)
}

// ParseFallback reads a fallback key, which says of itself, under the signature, that it
// is one.
func ParseFallback(name string, raw []byte, signer Signer) (OneTime, error) {
	return parseOneTime(name, raw, signer, true)
}

func parseOneTime(name string, raw []byte, signer Signer, fallback bool) (OneTime, error) {
	algorithm, id, _ := strings.Cut(name, ":")
	switch {
	case algorithm != SignedCurve25519:
		return OneTime{}, ErrAlgorithm
	case id == "" || len(id) > maxOneTimeID || strings.ContainsFunc(id, unseen):
		return OneTime{}, ErrMalformed
	}
	object, err := ParseObject(raw)
	if err != nil {
		return OneTime{}, err
	}
	var key struct {
		Key      string `json:"key"`
		Fallback bool   `json:"fallback"`
	}
	if err := json.Unmarshal(raw, &key); err != nil || key.Fallback != fallback {
		return OneTime{}, ErrMalformed
	}
	if _, err := parsePublic(key.Key); err != nil {
		return OneTime{}, err
	}
	if !object.SignedBy(signer.User, signer.Device, signer.Key) {
		return OneTime{}, ErrSignature
	}
	return OneTime{Algorithm: algorithm, ID: id, JSON: object.Only(signer.User, signer.Device).JSON()}, nil
}
