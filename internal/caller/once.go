package caller

import (
	"context"
	"errors"
	"fmt"
	"time"

	"signet/internal/matrix"
	"signet/internal/store"
)

// Why a signed call is not taken although its signature holds.
var (
	// ErrNonce says that the nonce is missing or keeps no form.
	ErrNonce = errors.New("a nonce is 8 to 64 characters of 0-9 A-Z a-z . = _ -")
	// ErrStale says that the call's time is missing or too far from ours.
	ErrStale = errors.New("the call's time is more than 5 minutes from this server's")
	// ErrReplayed says that the same server has used the nonce before.
	ErrReplayed = errors.New("this call was made before")
)

const (
	minNonce, maxNonce = 8, 64
	// onceWithin is how far a call's time may lie from ours, either way.
	onceWithin = 5 * time.Minute
	// nonceKept is how much longer a nonce is kept than its time allows the call:
	// the clocks of replicas differ.
	nonceKept = time.Hour
)

// Once lets a signed call through one time: nil for the first call of that server
// with the nonce, made within 5 minutes of our clock, on whichever replica it
// arrives. Time and nonce must stand in the signed body. The nonce is used up even
// if the caller fails afterwards. Errors: ErrNonce, ErrStale, ErrReplayed, and
// matrix.LimitExceeded for a budget used up. A call that is not let through costs nothing
// and leaves nothing.
func (g *Gate) Once(ctx context.Context, origin matrix.ServerName, made time.Time, nonce string) error {
	if len(nonce) < minNonce || len(nonce) > maxNonce || !matrix.ValidOpaque(nonce) {
		return ErrNonce
	}
	if away := g.Now().Sub(made).Abs(); away > onceWithin {
		return ErrStale
	}
	held, err := g.Quota.Reserve(ctx, visitor{server: origin}.charges(callBudgets)...)
	if err != nil {
		return err
	}
	defer held.Release()
	err = g.DB.Tx(ctx, func(tx *store.Tx) error {
		if err := held.ChargeIn(ctx, tx); err != nil {
			return err
		}
		return useUp(ctx, tx, origin, nonce, made.Add(onceWithin))
	})
	if err == nil {
		held.Keep()
	}
	return err
}

func useUp(ctx context.Context, tx *store.Tx, origin matrix.ServerName, nonce string, expires time.Time) error {
	first, err := insertNonce(ctx, tx, origin, nonce, expires)
	if err != nil {
		return fmt.Errorf("remembering a nonce: %w", err)
	}
	if !first {
		return ErrReplayed
	}
	return nil
}
