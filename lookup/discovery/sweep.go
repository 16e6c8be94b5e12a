package discovery

import (
	"context"
	"fmt"
)

// sweptAtATime keeps those who look up from waiting long behind a sweep.
const sweptAtATime = 500

// Sweep forgets what was asked for in epochs that are over, but for the last, by which the
// next one's grants are made. It forgets all copies in memory too: another replica may have
// erased what they are of.
func (d *Discovery) Sweep(ctx context.Context, epoch int64) error {
	d.known.forgetAll()
	if err := d.sweep(ctx, epoch-1); err != nil {
		return fmt.Errorf("forgetting what was looked up: %w", err)
	}
	return nil
}

// sweep walks the table in the order of its key: an index of epochs would cost every look-up
// more than the walk does in an hour.
func (d *Discovery) sweep(ctx context.Context, before int64) error {
	for after := []byte{}; ; {
		last, err := lastOf(ctx, d.DB, after, sweptAtATime)
		if err != nil {
			return err
		}
		if last == nil {
			return deleteRest(ctx, d.DB, after, before)
		}
		if err := deleteMemory(ctx, d.DB, after, last, before); err != nil {
			return err
		}
		after = last
	}
}
