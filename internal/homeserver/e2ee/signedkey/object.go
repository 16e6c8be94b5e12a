package signedkey

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/matrix"
)

// What is wrong with a key.
var (
	ErrMalformed = errors.New("the key is not an object of the form that the specification gives it")
	ErrTooLarge  = errors.New("the key is too large")
	ErrOwner     = errors.New("the key names another user or device")
	ErrAlgorithm = errors.New("the key is of an algorithm that this server does not know")
	ErrSignature = errors.New("a signature is missing or wrong")
)

// MaxSize is how many octets a key may have with its signatures.
const MaxSize = 16 << 10

// ed25519Prefix stands before the names of all keys that sign.
const ed25519Prefix = "ed25519:"

// Signatures are unpadded base64, by who signed and by the name of the key that did,
// which is a device id or a public key in base64 without its algorithm.
type Signatures map[matrix.UserID]map[string]string

// Object is a JSON object, what its signatures cover apart from them.
type Object struct {
	// Signed is canonical JSON without the members signatures and unsigned.
	Signed     []byte
	Signatures Signatures
}

// ParseObject reads an object as it was uploaded. Signatures by other algorithms than
// ed25519 and the member unsigned are dropped.
func ParseObject(raw []byte) (Object, error) {
	if len(raw) > MaxSize {
		return Object{}, ErrTooLarge
	}
	var members map[string]jsontext.Value
	if err := json.Unmarshal(raw, &members); err != nil || members == nil || !integersOnly(raw) {
		return Object{}, ErrMalformed
	}
	signatures, err := parseSignatures(members["signatures"])
	if err != nil {
		return Object{}, err
	}
	delete(members, "signatures")
	delete(members, "unsigned")
	signed, err := canonical(members)
	return Object{Signed: signed, Signatures: signatures}, err
}

func canonical(members map[string]jsontext.Value) ([]byte, error) {
	text, err := json.Marshal(members)
	if err != nil {
		return nil, fmt.Errorf("writing a key: %w", err)
	}
	return matrix.CanonicalJSON(text)
}

// integersOnly tells whether the numbers are such as canonical JSON has: any other is
// written differently by different programs, so that its signature says nothing.
func integersOnly(raw []byte) bool {
	const largest = 1<<53 - 1
	tokens := jsontext.NewDecoder(bytes.NewReader(raw))
	for {
		token, err := tokens.ReadToken()
		if err == io.EOF {
			return true
		}
		if err != nil {
			return false
		}
		if token.Kind() != '0' {
			continue
		}
		n, err := strconv.ParseInt(token.String(), 10, 64)
		if err != nil || n > largest || n < -largest || token.String() == "-0" {
			return false
		}
	}
}

func parseSignatures(raw jsontext.Value) (Signatures, error) {
	signatures := Signatures{}
	if raw == nil {
		return signatures, nil
	}
	var all map[matrix.UserID]map[string]string
	if err := json.Unmarshal(raw, &all); err != nil || all == nil {
		return nil, ErrMalformed
	}
	for user, byKey := range all {
		for id, signature := range byKey {
			if name, known := strings.CutPrefix(id, ed25519Prefix); known {
				signatures.Add(user, name, signature)
			}
		}
	}
	return signatures, nil
}

// Add adds a signature.
func (s Signatures) Add(user matrix.UserID, key, signature string) {
	if s[user] == nil {
		s[user] = map[string]string{}
	}
	s[user][key] = signature
}

// SignedBy tells whether the user signed the object with the named key (appendices,
// "Checking for a Signature").
func (o Object) SignedBy(user matrix.UserID, key string, public ed25519.PublicKey) bool {
	signature, err := matrix.DecodeBase64(o.Signatures[user][key])
	return err == nil && len(public) == ed25519.PublicKeySize && ed25519.Verify(public, o.Signed, signature)
}

// Only is the object with that one signature, which it has.
func (o Object) Only(user matrix.UserID, key string) Object {
	kept := Signatures{}
	kept.Add(user, key, o.Signatures[user][key])
	return Object{Signed: o.Signed, Signatures: kept}
}

// JSON is the object with its signatures, as ParseObject reads it.
func (o Object) JSON() jsontext.Value { return o.with(nil) }

// Named is JSON for a device with a name for people, if it has one.
func (o Object) Named(displayName string) jsontext.Value {
	if displayName == "" {
		return o.with(nil)
	}
	return o.with(map[string]string{"device_display_name": displayName})
}

func (o Object) with(unsigned map[string]string) jsontext.Value {
	wire := map[matrix.UserID]map[string]string{}
	for user, byKey := range o.Signatures {
		wire[user] = map[string]string{}
		for key, signature := range byKey {
			wire[user][ed25519Prefix+key] = signature
		}
	}
	text := bytes.TrimSuffix(o.Signed, []byte("}"))
	if len(text) > 1 {
		text = append(bytes.Clone(text), ',')
	}
	text = appendMember(text, "signatures", wire)
	if unsigned != nil {
		text = appendMember(append(text, ','), "unsigned", unsigned)
	}
	return append(text, '}')
}

// appendMember adds a member whose value is made of strings alone, which marshal.
func appendMember(text []byte, name string, value any) []byte {
	encoded, _ := json.Marshal(value, json.Deterministic(true))
	return append(append(text, `"`+name+`":`...), encoded...)
}

// parsePublic reads a public key of 32 octets.
func parsePublic(text string) ([]byte, error) {
	public, err := matrix.DecodeBase64(text)
	if err != nil || len(public) != ed25519.PublicKeySize {
		return nil, ErrMalformed
	}
	return public, nil
}

// unseen is what no name of a key may have in it.
func unseen(r rune) bool { return r <= ' ' || r > '~' }
