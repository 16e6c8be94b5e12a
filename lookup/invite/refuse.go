package invite

import (
	"context"
	"crypto/hmac"
	"encoding/base64"
	"fmt"
	"time"

	"signet/internal/threepid"
)

// A "never again" link carries the keyed tag of an inbox and a proof that we wrote it, so
// that it works for as long as the message is kept, and tells whoever reads a log of
// addresses of the web nothing.
const (
	tagSize   = 32
	proofSize = 12
)

// NeverToken is the token of the "never again" link of an address, for whoever receives
// what is sent there.
func (i *Invites) NeverToken(a threepid.Address) string {
	tag := i.inboxTag(a)
	return base64.RawURLEncoding.EncodeToString(append(tag, i.neverProof(tag)...))
}

func (i *Invites) neverProof(tag []byte) []byte { return i.mac.Of("never", string(tag))[:proofSize] }

// inboxOf reads the token of a "never again" link. The error is ErrNoLink.
func (i *Invites) inboxOf(token string) ([]byte, error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(b) != tagSize+proofSize {
		return nil, ErrNoLink
	}
	tag, proof := b[:tagSize], b[tagSize:]
	if !hmac.Equal(proof, i.neverProof(tag)) {
		return nil, ErrNoLink
	}
	return tag, nil
}

// Refusing tells since when the inbox of a "never again" link gets no invitations; the
// zero time: it gets them. It changes nothing: mail programs open every link. The error
// is ErrNoLink.
func (i *Invites) Refusing(ctx context.Context, token string) (time.Time, error) {
	tag, err := i.inboxOf(token)
	if err != nil {
		return time.Time{}, err
	}
	since, err := selectRefusal(ctx, i.DB, tag)
	if err != nil {
		return time.Time{}, fmt.Errorf("reading a refusal: %w", err)
	}
	return since, nil
}

// Refuse keeps all invitations from the inbox of a "never again" link, whoever they are
// from, until Allow. Senders are not told. The error is ErrNoLink.
func (i *Invites) Refuse(ctx context.Context, token string) error {
	tag, err := i.inboxOf(token)
	if err != nil {
		return err
	}
	if err := insertRefusal(ctx, i.DB, tag, i.Now()); err != nil {
		return fmt.Errorf("writing a refusal: %w", err)
	}
	return nil
}

// Allow lets invitations come to the inbox of a "never again" link again. The error is
// ErrNoLink.
func (i *Invites) Allow(ctx context.Context, token string) error {
	tag, err := i.inboxOf(token)
	if err != nil {
		return err
	}
	return deleteRefusal(ctx, i.DB, tag)
}
