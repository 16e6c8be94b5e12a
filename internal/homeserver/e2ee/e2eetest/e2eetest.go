// Package e2eetest makes the keys that clients upload, for tests. The same names give the
// same keys.
package e2eetest

import (
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/matrix"
)

// Key is the signing key of that name.
func Key(name string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte(name))
	return ed25519.NewKeyFromSeed(seed[:])
}

// Name is the public half in base64, as cross-signing keys are called.
func Name(key ed25519.PrivateKey) string {
	return matrix.EncodeBase64(key.Public().(ed25519.PublicKey))
}

// Sign adds a signature of the user to an object, by the key of that name.
func Sign(user matrix.UserID, name string, key ed25519.PrivateKey, object jsontext.Value) jsontext.Value {
	signed, err := matrix.SigningKey{ID: matrix.KeyID("ed25519:" + name), Private: key}.Sign(matrix.ServerName(user), object)
	if err != nil {
		panic(err)
	}
	return signed
}

// Object is a Go value as JSON.
func Object(value any) jsontext.Value {
	text, err := json.Marshal(value, json.Deterministic(true))
	if err != nil {
		panic(err)
	}
	return text
}

// Phone is a device with its signing key.
type Phone struct {
	User matrix.UserID
	ID   string
	Key  ed25519.PrivateKey
}

// NewPhone is the user's device of that id.
func NewPhone(user matrix.UserID, id string) Phone {
	return Phone{User: user, ID: id, Key: Key(user.String() + id)}
}

func (p Phone) sign(object any) jsontext.Value { return Sign(p.User, p.ID, p.Key, Object(object)) }

// Unsigned is the device keys without a signature.
func (p Phone) Unsigned() jsontext.Value {
	return Object(map[string]any{
		"user_id": p.User, "device_id": p.ID, "signatures": map[string]any{},
		"algorithms": []string{"m.olm.v1.curve25519-aes-sha2", "m.megolm.v1.aes-sha2"},
		"keys":       map[string]string{"ed25519:" + p.ID: Name(p.Key), "curve25519:" + p.ID: curve(p.ID)},
	})
}

// Keys is the device keys.
func (p Phone) Keys() jsontext.Value { return Sign(p.User, p.ID, p.Key, p.Unsigned()) }

// curve is something that looks like a Curve25519 key.
func curve(name string) string {
	sum := sha256.Sum256([]byte("curve" + name))
	return matrix.EncodeBase64(sum[:])
}

// OneTime is the one-time key of that id, without its algorithm.
func (p Phone) OneTime(id string) jsontext.Value {
	return p.sign(map[string]any{"key": curve(p.ID + id)})
}

// OneTimes are n one-time keys by their names, from the one numbered first on.
func (p Phone) OneTimes(first, n int) map[string]jsontext.Value {
	keys := map[string]jsontext.Value{}
	for i := first; i < first+n; i++ {
		id := fmt.Sprintf("%06d", i)
		keys["signed_curve25519:"+id] = p.OneTime(id)
	}
	return keys
}

// Fallback is a fallback key by its name.
func (p Phone) Fallback(id string) map[string]jsontext.Value {
	return map[string]jsontext.Value{
		"signed_curve25519:" + id: p.sign(map[string]any{"key": curve(p.ID + id), "fallback": true}),
	}
}

// Identity is a user's three cross-signing keys.
type Identity struct {
	User                 matrix.UserID
	Master, Self, Others ed25519.PrivateKey
}

// NewIdentity is the user's n-th.
func NewIdentity(user matrix.UserID, n int) Identity {
	name := fmt.Sprint(user, n)
	return Identity{User: user, Master: Key(name + "master"), Self: Key(name + "self"), Others: Key(name + "others")}
}

func (i Identity) public(usage string, key ed25519.PrivateKey) jsontext.Value {
	return Object(map[string]any{
		"user_id": i.User, "usage": []string{usage}, "keys": map[string]string{"ed25519:" + Name(key): Name(key)},
	})
}

// MasterKey is the public master key, unsigned.
func (i Identity) MasterKey() jsontext.Value { return i.public("master", i.Master) }

// SelfSigningKey is signed by the master key.
func (i Identity) SelfSigningKey() jsontext.Value {
	return Sign(i.User, Name(i.Master), i.Master, i.public("self_signing", i.Self))
}

// UserSigningKey is signed by the master key.
func (i Identity) UserSigningKey() jsontext.Value {
	return Sign(i.User, Name(i.Master), i.Master, i.public("user_signing", i.Others))
}
