package verify

import (
	"context"
	"fmt"
	"time"

	"signet/internal/store"
)

// ownerLife is how long control of an address that was shown on the owner's page opens it:
// a browser that was left open is somebody else's soon.
const ownerLife = 30 * time.Minute

// ProveOwner returns the proof of a session that was opened on the owner's page and
// validated within half an hour. Errors: ErrNoSession, ErrOtherPurpose, ErrNotValidated,
// ErrExpired.
func (v *Verifier) ProveOwner(ctx context.Context, c Credentials) (Proof, error) {
	p, err := v.Prove(ctx, c, Page)
	if err != nil {
		return Proof{}, err
	}
	if err := p.For(Manage); err != nil {
		return Proof{}, err
	}
	if !v.Now().Before(p.validated.Add(ownerLife)) {
		return Proof{}, ErrExpired
	}
	return p, nil
}

// RefusedUntil is until when the owner of the address wants no messages; the zero time if
// they come.
func (v *Verifier) RefusedUntil(ctx context.Context, p Proof) (time.Time, error) {
	until, err := v.silentUntil(ctx, v.DB, p.address)
	if err != nil {
		return time.Time{}, fmt.Errorf("reading a suppression: %w", err)
	}
	return until, nil
}

// Refuse sends the address of the proof nothing for 30 days, whoever asks, but a few
// messages for the owner's page. The error is ErrOtherPurpose unless it was shown there.
func (v *Verifier) Refuse(ctx context.Context, p Proof) error {
	return v.putRefusal(ctx, p, v.Now().Add(ownersSilence))
}

// Allow lets messages come to the address of the proof again. The error is ErrOtherPurpose
// unless it was shown on the owner's page.
func (v *Verifier) Allow(ctx context.Context, p Proof) error {
	return v.putRefusal(ctx, p, time.Time{})
}

func (v *Verifier) putRefusal(ctx context.Context, p Proof, until time.Time) error {
	if err := p.For(Manage); err != nil {
		return err
	}
	err := v.DB.Tx(ctx, func(tx *store.Tx) error {
		return putSuppression(ctx, tx, v.mailboxTag(p.address), byOwner, until)
	})
	if err != nil {
		return fmt.Errorf("recording what an owner wants: %w", err)
	}
	return nil
}
