package people

import (
	"context"

	"signet/internal/store"
	"signet/keys/entry"
	"signet/keys/value"
)

// Remembered counts the proofs of a label that are in memory.
func (p *People) Remembered(l entry.Label) (n int) {
	p.prover.mu.Lock()
	defer p.prover.mu.Unlock()
	for of := range p.prover.made {
		if of.tag == p.tagOf(l) {
			n++
		}
	}
	return n
}

// ForgetErased is what Run does once a second.
func (p *People) ForgetErased(ctx context.Context) error { return p.forgetErased(ctx) }

// EndRevoked is what each pass begins with.
func (p *People) EndRevoked(ctx context.Context) error { return p.endRevoked(ctx) }

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
