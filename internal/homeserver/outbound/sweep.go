package outbound

import (
	"context"
	"fmt"
	"time"

	"signet/internal/store"
)

// keepFor is how long something waits for a server that does not come back.
const keepFor = 30 * 24 * time.Hour

// Sweep forgets what has waited for too long.
func (o *Outbound) Sweep(ctx context.Context) error {
	err := o.DB.Tx(ctx, func(tx *store.Tx) error { return deleteStale(ctx, tx, o.Now().Add(-keepFor)) })
	if err != nil {
		return fmt.Errorf("sweeping the queue to other servers: %w", err)
	}
	return nil
}
