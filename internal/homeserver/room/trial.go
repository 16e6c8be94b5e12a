package room

import (
	"context"
	"fmt"
)

// MaySend tells whether the room would take an event now, which is not sent: before somebody
// else is told of it. Errors: those of Send.
func (rs *Rooms) MaySend(ctx context.Context, s Sending) error {
	r, err := rs.Room(s.Room)
	if err != nil {
		return err
	}
	signer, err := rs.Signer(ctx)
	if err != nil {
		return fmt.Errorf("reading the signing key: %w", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	l, err := rs.loadLocked(ctx, r)
	if err != nil {
		return err
	}
	_, _, err = rs.build(ctx, r, &l.tip, s.draft(), signer)
	return err
}
