package people

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"signet/keys/log"
	"signet/keys/proof"
)

// Await returns the proof of a value that was promised, or of a later one, once it is in the
// log. Errors: ErrHeldDown while a recovery waits, ErrVersion when it came to nothing.
func (p *People) Await(ctx context.Context, t Ticket) (*proof.Lookup, error) {
	for {
		v, err := selectVersion(ctx, p.DB, p.tagOf(t.Label), t.Version)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			return nil, p.absent(ctx, t)
		case err != nil:
			return nil, fmt.Errorf("reading a version: %w", err)
		case v.position > 0:
			if _, err := p.tiles.Await(ctx, v.position+1); err != nil {
				return nil, err
			}
			return p.Lookup(ctx, t.Label, 0)
		}
		if err := p.awaitNext(ctx); err != nil {
			return nil, err
		}
	}
}

// absent is why a version that was promised is not there.
func (p *People) absent(ctx context.Context, t Ticket) error {
	waits, err := p.Waiting(ctx, t.Label)
	if err == nil && waits != nil && waits.Version == t.Version {
		return ErrHeldDown
	}
	return errors.Join(err, ErrVersion)
}

// awaitNext waits for a checkpoint after the newest.
func (p *People) awaitNext(ctx context.Context) error {
	c, err := p.tiles.Checkpoint(ctx)
	if err != nil && !errors.Is(err, log.ErrNotFound) {
		return err
	}
	_, err = p.tiles.Await(ctx, c.N+1)
	return err
}
