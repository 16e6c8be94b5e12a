package signedkey

import (
	"crypto/ed25519"
	"strings"

	"github.com/go-json-experiment/json"

	"signet/internal/matrix"
)

// Device is the identity keys of a device.
type Device struct {
	Object
	Ed25519 ed25519.PublicKey
}

const (
	maxAlgorithms = 50
	maxDeviceKeys = 20
)

// deviceKeys is what device keys must have (client-server API, "Device keys").
type deviceKeys struct {
	User       *matrix.UserID               `json:"user_id"`
	Device     *string                      `json:"device_id"`
	Algorithms []string                     `json:"algorithms"`
	Keys       map[string]string            `json:"keys"`
	Signatures map[string]map[string]string `json:"signatures"`
}

// ParseDevice reads the device keys of a user's device. A signature by the device's own
// key must be right. One that is missing is let pass, as the specification lets the
// member be empty: others see it and do not use such a device, and until it has signed
// something there is no sign that it holds its key. Signatures by other keys are kept as
// they are, for the caller to judge.
func ParseDevice(raw []byte, user matrix.UserID, device string) (Device, error) {
	object, err := ParseObject(raw)
	if err != nil {
		return Device{}, err
	}
	var keys deviceKeys
	if err := json.Unmarshal(raw, &keys); err != nil || keys.User == nil || keys.Device == nil {
		return Device{}, ErrMalformed
	}
	if *keys.User != user || *keys.Device != device {
		return Device{}, ErrOwner
	}
	public, err := keys.ed25519(device)
	if err != nil {
		return Device{}, err
	}
	d := Device{Object: object, Ed25519: public}
	if _, signed := object.Signatures[user][device]; signed && !object.SignedBy(user, device, public) {
		return Device{}, ErrSignature
	}
	return d, nil
}

// ed25519 is the device's signing key, if the rest is as it should be.
func (k deviceKeys) ed25519(device string) (ed25519.PublicKey, error) {
	if k.Algorithms == nil || k.Keys == nil || k.Signatures == nil || len(k.Algorithms) > maxAlgorithms || len(k.Keys) > maxDeviceKeys {
		return nil, ErrMalformed
	}
	for id, text := range k.Keys {
		algorithm, name, found := strings.Cut(id, ":")
		if !found || algorithm == "" || name != device {
			return nil, ErrMalformed
		}
		if algorithm != "ed25519" && algorithm != "curve25519" {
			continue // of an algorithm to come
		}
		if _, err := parsePublic(text); err != nil {
			return nil, err
		}
	}
	return parsePublic(k.Keys[ed25519Prefix+device])
}
