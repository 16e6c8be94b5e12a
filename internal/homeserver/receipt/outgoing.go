package receipt

import (
	"context"
	"fmt"
	"time"

	"signet/internal/matrix"
	"signet/internal/store"
)

// Outgoing takes receipts for other servers.
type Outgoing interface {
	// Told are the other servers that are told of a user's receipts in a room: none of users
	// who are not of this server.
	Told(ctx context.Context, room matrix.RoomID, user matrix.UserID) ([]matrix.ServerName, error)
	// QueueReceipt stores, in the transaction of a receipt, that servers are told of it. It
	// sends nothing yet, and may run again.
	QueueReceipt(ctx context.Context, tx *store.Tx, to []matrix.ServerName, r Receipt, at time.Time) error
}

// elsewhere are the servers that are told of a receipt: of private ones none.
func (r *Receipts) elsewhere(ctx context.Context, receipt Receipt) ([]matrix.ServerName, error) {
	if r.Outgoing == nil || receipt.Kind != Read {
		return nil, nil
	}
	to, err := r.Outgoing.Told(ctx, receipt.Room, receipt.User)
	if err != nil {
		return nil, fmt.Errorf("reading who is told of a receipt: %w", err)
	}
	return to, nil
}
