package room

import (
	"context"
	"fmt"

	"signet/internal/homeserver/stream"
	"signet/internal/matrix"
	"signet/internal/store"
)

// welcome tells of the users of this server who come into rooms in which others are. Who was
// in the room before and goes and comes in one batch has never been away.
func (w writer) welcome(ctx context.Context, tx *store.Tx, ops []stream.Placed[*operation]) error {
	if w.Came == nil {
		return nil
	}
	for _, p := range ops {
		for _, s := range p.Op.events {
			for _, t := range s.turns() {
				if !w.isNew(p.Op, t) || !w.meets(p.Op, s) {
					continue
				}
				user, room := matrix.UserID(t.key.StateKey), matrix.RoomID(p.Op.room.id)
				if err := w.Came(ctx, tx, s.Pos, user, room); err != nil {
					return fmt.Errorf("telling of a newcomer: %w", err)
				}
			}
		}
	}
	return nil
}

// isNew tells whether an operation lets a user of this server into its room.
func (w writer) isNew(op *operation, t placed) bool {
	user := t.key.StateKey
	return t.key.Type == memberType && w.local(user) && t.in.member() == Join && w.stay(matrix.UserID(user), op.room).Membership != Join
}

// meets tells whether other servers are in the room of an event: they are sent it, or come to
// be known with it, as where this server comes in, or were there before.
func (w writer) meets(op *operation, s *Stored) bool {
	if len(s.addresses.to) > 0 {
		return true
	}
	for _, t := range s.turns() {
		if t.key.Type == memberType && t.in.member() == Join && !w.local(t.key.StateKey) {
			return true
		}
	}
	v := &op.loaded.view
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.joined > len(v.local)
}
