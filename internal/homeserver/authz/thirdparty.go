package authz

import (
	"crypto/ed25519"

	"signet/internal/homeserver/event"
	"signet/internal/matrix"
)

// maxTries bounds the signatures that are verified for one invitation: an event has room
// for hundreds of signatures, and its invitation for hundreds of keys.
const maxTries = 256

// publicKeys are the keys of an m.room.third_party_invite: its public_key, then those of
// its public_keys.
func publicKeys(invite *event.Event) []ed25519.PublicKey {
	values := []event.Value{invite.Field("public_key")}
	list, _ := invite.Field("public_keys").Elements()
	for _, entry := range list {
		values = append(values, entry.Field("public_key"))
	}
	var keys []ed25519.PublicKey
	for _, value := range values {
		if key := decoded(value); len(key) == ed25519.PublicKeySize {
			keys = append(keys, ed25519.PublicKey(key))
		}
	}
	return keys
}

// signedByAny tells whether any signature of the object, whoever it says it is of, is by
// one of the keys.
func signedByAny(object event.Value, keys []ed25519.PublicKey) bool {
	message := object.Without("signatures", "unsigned")
	tries := 0
	for _, server := range object.Field("signatures").Members() {
		for _, value := range server.Members() {
			signature := decoded(value)
			for _, key := range keys {
				if tries++; tries > maxTries {
					return false
				}
				if ed25519.Verify(key, message, signature) {
					return true
				}
			}
		}
	}
	return false
}

// decoded is what a base64 string holds, nothing if the value is none.
func decoded(value event.Value) []byte {
	text, _ := value.Text()
	b, err := matrix.DecodeBase64(text)
	if err != nil {
		return nil
	}
	return b
}
