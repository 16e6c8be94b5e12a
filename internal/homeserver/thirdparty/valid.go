package thirdparty

import (
	"context"
	"errors"
	"slices"
	"time"

	"signet/internal/idclient"
)

const (
	// maxAsked is how many key_validity_urls of one invitation are asked: whoever has made it
	// has chosen them.
	maxAsked = 4
	// validityLife is how long that may take.
	validityLife = 15 * time.Second
)

// valid tells whether one of the keys is valid still. A key without a key_validity_url is
// valid for ever (client-server API, m.room.third_party_invite). Errors: ErrRevoked;
// ErrValidity where nobody can be asked.
func (i *Invites) valid(ctx context.Context, keys []publicKey) error {
	ctx, cancel := context.WithTimeout(ctx, validityLife)
	defer cancel()
	var asked []idclient.PublicKey
	unknown := false
	for _, key := range keys {
		if key.ValidityURL == "" {
			return nil
		}
		if slices.Contains(asked, key.PublicKey) {
			continue
		}
		if len(asked) == maxAsked {
			break
		}
		asked = append(asked, key.PublicKey)
		valid, err := i.Identity.KeyValid(ctx, key.PublicKey)
		if valid {
			return nil
		}
		if err != nil {
			i.Log.InfoContext(ctx, "nobody tells whether the key of an invitation is valid", "error", err)
		}
		unknown = unknown || err != nil && !errors.Is(err, idclient.ErrValidityURL)
	}
	if unknown {
		return ErrValidity
	}
	return ErrRevoked
}
