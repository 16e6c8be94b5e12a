package remotetest

import (
	"crypto/ed25519"

	"signet/internal/fedclient"
	"signet/internal/matrix"
	"signet/internal/serverkeys"
)

// keysIn reads a document of keys.
func keysIn(server matrix.ServerName, text []byte) (fedclient.ServerKeys, error) {
	d, err := serverkeys.Parse(server, text)
	if err != nil {
		return fedclient.ServerKeys{}, err
	}
	keys := fedclient.ServerKeys{Server: server, ValidUntil: d.ValidUntil, Verify: map[matrix.KeyID]ed25519.PublicKey{}, Old: map[matrix.KeyID]fedclient.OldKey{}}
	for id, key := range d.Verify {
		keys.Verify[id] = key
	}
	for id, key := range d.Old {
		keys.Old[id] = fedclient.OldKey{Key: key.Key, Expired: key.Expired}
	}
	return keys, nil
}
