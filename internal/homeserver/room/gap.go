package room

import (
	"context"
	"fmt"
	"slices"

	"signet/internal/homeserver/stream"
)

// tear is the last event, after since and up to to, before which something is missing that
// other servers have: no timeline goes over it. It is 0 where there is none, or where it is
// longer ago than the view knows. The room's first event here has nothing before it anyway.
func (v *view) tear(since, to stream.Pos) stream.Pos {
	v.mu.RLock()
	defer v.mu.RUnlock()
	for i, s := range slices.Backward(v.ring) {
		switch {
		case s.Pos <= since:
			return 0
		case s.torn && s.Pos <= to && (i > 0 || v.from > 0):
			return s.Pos
		}
	}
	return 0
}

// readTears finds out before which events of a view something is missing.
func (rs *Rooms) readTears(ctx context.Context, r *Room, v *view) error {
	torn, err := selectTorn(ctx, rs.DB, r.nid, v.from)
	if err != nil {
		return fmt.Errorf("looking for gaps: %w", err)
	}
	for _, s := range v.ring {
		s.torn = s.torn || slices.Contains(torn, s.Pos)
	}
	return nil
}
