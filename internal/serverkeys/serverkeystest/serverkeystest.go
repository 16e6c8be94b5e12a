// Package serverkeystest writes the key documents of servers that are played in tests.
package serverkeystest

import (
	"crypto/ed25519"
	"crypto/sha256"
	"testing"
	"time"

	"signet/internal/matrix"
)

// Key is the key of that id. Another seed gives other octets.
func Key(id matrix.KeyID, seed string) matrix.SigningKey {
	sum := sha256.Sum256([]byte(seed))
	return matrix.SigningKey{ID: id, Private: ed25519.NewKeyFromSeed(sum[:])}
}

// Doc is what a server says of its keys.
type Doc struct {
	Server  matrix.ServerName
	Until   time.Time
	Keys    []matrix.SigningKey
	Old     []matrix.SigningKey
	Expired time.Time           // of Old
	More    map[string]any      // members to add or replace
	By      []matrix.SigningKey // sign; nil: Keys
}

// JSON is the document, signed.
func (d Doc) JSON(t testing.TB) []byte {
	t.Helper()
	verify, old := map[string]any{}, map[string]any{}
	for _, k := range d.Keys {
		verify[string(k.ID)] = map[string]any{"key": matrix.EncodeBase64(k.Public())}
	}
	for _, k := range d.Old {
		old[string(k.ID)] = map[string]any{"key": matrix.EncodeBase64(k.Public()), "expired_ts": d.Expired.UnixMilli()}
	}
	members := map[string]any{"server_name": d.Server, "valid_until_ts": d.Until.UnixMilli(), "verify_keys": verify, "old_verify_keys": old}
	for name, value := range d.More {
		members[name] = value
	}
	signers := d.By
	if signers == nil {
		signers = d.Keys
	}
	return Sign(t, d.Server, members, signers...)
}

// Sign signs members in the name of a server.
func Sign(t testing.TB, server matrix.ServerName, members map[string]any, keys ...matrix.SigningKey) []byte {
	t.Helper()
	var signed []byte
	var err error
	for i, k := range keys {
		if i == 0 {
			signed, err = k.SignValue(server, members)
		} else {
			signed, err = k.Sign(server, signed)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return signed
}
