package invite

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"fmt"

	"signet/internal/matrix"
	"signet/internal/store"
)

// ephemeralID is the name of every ephemeral key, which no two of them share a signature
// under.
const ephemeralID matrix.KeyID = "ed25519:0"

// acceptance is what the ephemeral key signs (identity service API, POST /sign-ed25519).
type acceptance struct {
	MXID   matrix.UserID `json:"mxid"`
	Sender matrix.UserID `json:"sender"`
	Token  string        `json:"token"`
}

// Sign signs with the private key, which must be that of the token's invitation, that the
// user accepts it, and returns signed JSON. Whoever has the key could sign so alone, so it
// matters not whose call it is. The first user claims the invitation: asked again for the
// same, Sign answers the same, and for another ErrToken. Errors: ErrKey, ErrToken, also
// once the invitation is over.
func (i *Invites) Sign(ctx context.Context, user matrix.UserID, token, privateKey string) ([]byte, error) {
	key, err := parseSecret(privateKey)
	if err != nil {
		return nil, err
	}
	var sender matrix.UserID
	err = i.DB.Tx(ctx, func(tx *store.Tx) error {
		v, err := i.selectByToken(ctx, tx, token)
		if err != nil {
			return err
		}
		sender = v.Sender
		return i.claim(ctx, tx, v, user, key)
	})
	if err != nil {
		return nil, fmt.Errorf("signing for an invitation: %w", err)
	}
	return matrix.SigningKey{ID: ephemeralID, Private: key}.SignValue(i.Name, acceptance{MXID: user, Sender: sender, Token: token})
}

func (i *Invites) claim(ctx context.Context, tx *store.Tx, v *invitation, user matrix.UserID, key ed25519.PrivateKey) error {
	if !bytes.Equal(v.keyIndex, i.keyTag(key.Public().(ed25519.PublicKey))) {
		return ErrToken
	}
	tag := i.userTag(user)
	switch state := v.now(i.Now()); {
	case state == Claimed && bytes.Equal(v.claimedBy, tag):
		return nil
	case state != Pending:
		return ErrToken
	}
	if err := i.withdraw(ctx, tx, v); err != nil {
		return err
	}
	return finish(ctx, tx, v, Claimed, tag, "", i.Now())
}

// KeyValid tells whether public, in base64 of either alphabet, is the ephemeral key of an
// invitation that lives, or was signed for within the hour: that is when the servers of a
// room ask.
func (i *Invites) KeyValid(ctx context.Context, public string) (bool, error) {
	key, err := matrix.DecodeBase64(public)
	if err != nil || len(key) != ed25519.PublicKeySize {
		return false, nil
	}
	v, found, err := selectByKey(ctx, i.DB, i.keyTag(key))
	if err != nil {
		return false, fmt.Errorf("checking an ephemeral key: %w", err)
	}
	now := i.Now()
	switch {
	case !found:
		return false, nil
	case v.now(now) == Claimed:
		return v.ended.Add(keyLingers).After(now), nil
	}
	return v.now(now) == Pending, nil
}
