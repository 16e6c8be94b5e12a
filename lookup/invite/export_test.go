package invite

import (
	"context"

	"signet/internal/outbox"
)

// Notify makes one attempt of a notice, for a process that dies before the outbox learns
// of it.
func (i *Invites) Notify(ctx context.Context, payload []byte) error {
	return i.notify(ctx, outbox.Job{Payload: payload, Attempt: 1})
}

// Proof is what the page shows of a private key.
var Proof = proofOf
