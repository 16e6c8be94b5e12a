package people

import (
	"context"

	"signet/internal/store"
	"signet/keys/value"
)

// QueueAll queues first versions as Publish does that was let through, in one transaction.
func (p *People) QueueAll(ctx context.Context, objects [][]byte) error {
	return p.DB.Tx(ctx, func(tx *store.Tx) error {
		for _, o := range objects {
			u, err := value.ParseUser(o)
			if err != nil {
				return err
			}
			if err := p.queue(ctx, tx, change{User: u, tag: p.tagOf(u.Label), how: value.ByToken, json: o}, Published); err != nil {
				return err
			}
		}
		return nil
	})
}
