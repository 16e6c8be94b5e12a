package resident

import (
	"cmp"
	"context"
	"slices"

	"signet/internal/homeserver/event"
	"signet/internal/homeserver/room"
	"signet/internal/matrix"
)

// Bounds of walks along prev_events.
const (
	maxBackfill = 100 // events of a /backfill
	maxMissing  = 20  // events of a /get_missing_events
	maxNamed    = 100 // events that one request may name
	// maxLooked is how many events a walk looks at for those that it gives.
	maxLooked = 1000
)

// Backfill is the history before events, they included, the latest first (server-server
// API, /backfill). Errors: room.ErrUnknownRoom, ErrDenied, ErrNotInRoom, ErrTooMany.
func (s *Resident) Backfill(ctx context.Context, server matrix.ServerName, roomID string, from []string, limit int) ([]*event.Event, error) {
	g, err := s.member(ctx, server, roomID)
	if err != nil {
		return nil, err
	}
	if len(from) > maxNamed {
		return nil, ErrTooMany
	}
	w := walk{Resident: s, guest: g, limit: min(limit, maxBackfill), seen: map[string]bool{}}
	found, err := w.run(ctx, from)
	if err != nil {
		return nil, err
	}
	return s.shown(ctx, g, found)
}

// Gap is the question of a server that lacks events.
type Gap struct {
	Latest   []string // events that it has, and whose predecessors it may lack
	Earliest []string // events that it has too, where the gap ends
	MinDepth int64
	Limit    int
}

// Missing is what lies between events, the earliest first (server-server API,
// /get_missing_events). Errors: those of Backfill.
func (s *Resident) Missing(ctx context.Context, server matrix.ServerName, roomID string, gap Gap) ([]*event.Event, error) {
	g, err := s.member(ctx, server, roomID)
	if err != nil {
		return nil, err
	}
	if len(gap.Latest) > maxNamed || len(gap.Earliest) > maxNamed {
		return nil, ErrTooMany
	}
	latest, err := s.Rooms.Held(ctx, g.room, gap.Latest)
	if err != nil {
		return nil, err
	}
	w := walk{Resident: s, guest: g, limit: min(gap.Limit, maxMissing), minDepth: gap.MinDepth, seen: map[string]bool{}}
	for _, id := range slices.Concat(gap.Latest, gap.Earliest) {
		w.seen[id] = true
	}
	var from []string
	for _, e := range latest {
		from = append(from, e.PrevEvents()...)
	}
	found, err := w.run(ctx, w.unseen(from))
	if err != nil {
		return nil, err
	}
	slices.Reverse(found)
	return s.shown(ctx, g, found)
}

func (s *Resident) shown(ctx context.Context, g guest, events []*room.Stored) ([]*event.Event, error) {
	sight := s.sight(g)
	shown := make([]*event.Event, len(events))
	for i, e := range events {
		var err error
		if shown[i], err = sight.shown(ctx, e); err != nil {
			return nil, err
		}
	}
	return shown, nil
}

// walk goes back along prev_events.
type walk struct {
	*Resident
	guest
	limit    int
	minDepth int64
	seen     map[string]bool // events that are not to be looked at any more
}

// run gives events of a room from some on backwards, those of greater depth first. Depth
// is what servers say: here it settles the order alone.
func (w *walk) run(ctx context.Context, from []string) (found []*room.Stored, err error) {
	edge, err := w.look(ctx, w.limited(from))
	for err == nil && len(edge) > 0 && len(found) < w.limit {
		slices.SortStableFunc(edge, func(a, b *room.Stored) int { return cmp.Compare(a.Depth(), b.Depth()) })
		e := edge[len(edge)-1]
		if !e.Rejected() { // which is in no history, though what it follows is
			found = append(found, e)
		}
		var more []*room.Stored
		more, err = w.look(ctx, w.unseen(e.PrevEvents()))
		edge = append(edge[:len(edge)-1], more...)
	}
	return found, err
}

func (w *walk) limited(ids []string) []string {
	for _, id := range ids {
		w.seen[id] = true
	}
	return ids
}

// unseen are those ids that were not looked at, which they are from now on.
func (w *walk) unseen(ids []string) (fresh []string) {
	for _, id := range ids {
		if !w.seen[id] && len(w.seen) < maxLooked {
			w.seen[id] = true
			fresh = append(fresh, id)
		}
	}
	return fresh
}

// look reads events, as far as it is known where they stand.
func (w *walk) look(ctx context.Context, ids []string) ([]*room.Stored, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	events, err := w.Rooms.Held(ctx, w.room, ids)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(events, func(e *room.Stored) bool { return e.StateGroup() == 0 || e.Depth() < w.minDepth }), nil
}
