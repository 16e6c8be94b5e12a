package serverkeys

import (
	"context"
	"errors"
	"time"

	"signet/internal/keyring"
	"signet/internal/matrix"
)

// Life is how far ahead our own document is valid: others ask again after half of it,
// so that a rotated key is known everywhere within the day.
const Life = 24 * time.Hour

// members are the document's own; signatures come to it.
type members struct {
	ServerName    matrix.ServerName             `json:"server_name"`
	VerifyKeys    map[matrix.KeyID]verifyKey    `json:"verify_keys"`
	OldVerifyKeys map[matrix.KeyID]oldVerifyKey `json:"old_verify_keys"`
	ValidUntilTS  int64                         `json:"valid_until_ts"` // milliseconds
}

type verifyKey struct {
	Key string `json:"key"`
}

type oldVerifyKey struct {
	Key       string `json:"key"`
	ExpiredTS int64  `json:"expired_ts"` // milliseconds
}

// handover is for how long a key that has been retired signs the document beside its successor:
// as long as anybody may believe the document of before (server-server API, valid_until_ts).
// maxHandover is how many do so at most, the newest.
const (
	handover    = 7 * 24 * time.Hour
	maxHandover = 4
)

// Publish writes the document of a ring's keys, signed by the current one, in canonical
// JSON. Those that it has followed on of late sign too, so that whoever believes in one of them
// need not ask whether somebody else has taken the name over.
func Publish(ctx context.Context, ring *keyring.Ring, name matrix.ServerName, now time.Time) ([]byte, error) {
	signing, old, err := ring.Published(ctx)
	if err != nil {
		return nil, err
	}
	document, err := signing.SignValue(name, members{
		ServerName:    name,
		VerifyKeys:    map[matrix.KeyID]verifyKey{signing.ID: {matrix.EncodeBase64(signing.Public())}},
		OldVerifyKeys: retired(old),
		ValidUntilTS:  now.Add(Life).UnixMilli(),
	})
	for _, k := range old[:min(len(old), maxHandover)] {
		if err == nil && now.Before(k.Retired.Add(handover)) {
			document, err = vouch(ctx, ring, name, k, document)
		}
	}
	return document, err
}

// vouch adds the signature of a key that is retired, unless it was revoked just now.
func vouch(ctx context.Context, ring *keyring.Ring, name matrix.ServerName, k keyring.Key, document []byte) ([]byte, error) {
	former, err := ring.Signing(ctx, k.Public)
	if errors.Is(err, keyring.ErrUnknownKey) {
		return document, nil
	}
	if err != nil {
		return nil, err
	}
	return former.Sign(name, document)
}

// retired is the keys that sign no longer. A revoked one is not among them, so that
// nobody learns it any more; those who know it forget it when their copy ends.
func retired(keys []keyring.Key) map[matrix.KeyID]oldVerifyKey {
	old := map[matrix.KeyID]oldVerifyKey{}
	for _, k := range keys {
		old[k.ID] = oldVerifyKey{matrix.EncodeBase64(k.Public), k.Retired.UnixMilli()}
	}
	return old
}
