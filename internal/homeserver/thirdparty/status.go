package thirdparty

import (
	"context"
	"fmt"
	"time"

	"signet/internal/matrix"
	"signet/internal/store"
)

// Status is how many claims are still to be fulfilled.
type Status struct {
	Waiting int64
	Oldest  time.Time // when that was taken which waits for longest; zero if none does
}

// Status reads how many claims wait.
func (i *Invites) Status(ctx context.Context) (Status, error) {
	s, err := selectStatus(ctx, i.DB)
	if err != nil {
		return s, fmt.Errorf("counting invitations of addresses: %w", err)
	}
	return s, nil
}

// Leaver is the account.Leaver by which nothing is kept of who has ended their account.
type Leaver struct{}

// Leave forgets the user's claims.
func (Leaver) Leave(ctx context.Context, tx *store.Tx, user matrix.UserID, _ bool) error {
	if err := deleteOf(ctx, tx, user); err != nil {
		return fmt.Errorf("forgetting invitations of addresses: %w", err)
	}
	return nil
}
