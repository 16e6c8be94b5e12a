package room

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"signet/internal/homeserver/stream"
)

// History stores events that came before what is here, the oldest first, and returns what
// became of each. What is missing for one of them ends it there: its verdict has the error
// MissingEvents. Errors: ErrUnknownRoom, ErrOtherRoom.
func (rs *Rooms) History(ctx context.Context, roomID string, arrivals []Arrival) ([]Verdict, error) {
	r, err := rs.Room(roomID)
	if err != nil {
		return nil, err
	}
	landed, err := rs.arrivals.Take(ctx, historyOf(r))
	if err != nil {
		return nil, err
	}
	defer landed()
	ids := make([]string, len(arrivals))
	for i, a := range arrivals {
		ids[i] = a.Event.ID()
	}
	places, err := rs.makeRoom(ctx, r, ids)
	if err != nil {
		return nil, err
	}
	verdicts := make([]Verdict, len(arrivals))
	s := &stretch{rooms: rs, room: r, after: map[string]*antecedent{}}
	for i, a := range arrivals {
		err := s.add(ctx, a, places[i], &verdicts[i])
		if _, missing := errors.AsType[MissingEvents](err); missing || errors.Is(err, ErrOtherRoom) {
			verdicts[i] = Verdict{Why: err}
			continue
		}
		if err != nil {
			return nil, err
		}
	}
	return verdicts, s.settle(ctx)
}

func (rs *Rooms) pastOne(ctx context.Context, r *Room, a Arrival, place stream.Pos) (Verdict, error) {
	landed, err := rs.arrivals.Take(ctx, a.Event.ID())
	if err != nil {
		return Verdict{}, err
	}
	defer landed()
	j, err := rs.vet(ctx, r, a)
	if err != nil || j.known {
		return Verdict{Outcome: Known}, err
	}
	return rs.past(ctx, r, j, place)
}

// historyOf names the flight of what is stored of a room's history: two that were stored at
// the same time could be given the same places.
func historyOf(r *Room) string { return "history of " + r.id }

// pastNext is past at the place of an event that another follows which is here. The event's
// own flight has begun.
func (rs *Rooms) pastNext(ctx context.Context, r *Room, j *judgement) (v Verdict, err error) {
	landed, err := rs.arrivals.Take(ctx, historyOf(r))
	if err != nil {
		return v, err
	}
	defer landed()
	places, err := rs.makeRoom(ctx, r, []string{j.Event.ID()})
	if err != nil {
		return v, err
	}
	return rs.past(ctx, r, j, places[0])
}

// reserveBelow makes room for events before all that is here, and returns the lowest place.
func (rs *Rooms) reserveBelow(ctx context.Context, r *Room, n int) (stream.Pos, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	l, err := rs.loadLocked(ctx, r)
	if err != nil {
		return 0, err
	}
	l.tip.floor -= stream.Pos(n)
	return l.tip.floor, nil
}

// past stores an event of history at a place.
func (rs *Rooms) past(ctx context.Context, r *Room, j *judgement, place stream.Pos) (v Verdict, err error) {
	b, err := rs.before(ctx, r, j)
	if err != nil {
		return v, err
	}
	j.isPast = true
	err = rs.again(ctx, func() (*stream.Ticket, error) {
		op, err := rs.pastOperation(ctx, r, j, b, place)
		if err != nil {
			return nil, err
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		if op.loaded, err = rs.loadLocked(ctx, r); err != nil {
			return nil, err
		}
		j.stored = op.past[0]
		ticket, _, err := rs.add(op)
		return ticket, err
	})
	if err == nil {
		rs.recall.keepAfter(j.stored, b)
	}
	return j.verdict(), err
}

func (rs *Rooms) pastOperation(ctx context.Context, r *Room, j *judgement, b *antecedent, place stream.Pos) (*operation, error) {
	s, groups, err := rs.standing(ctx, r, j, b)
	if err != nil {
		return nil, err
	}
	if s.Pos = place; s.moved == place {
		return nil, fmt.Errorf("event %d of room %d is at its place already", place, r.nid)
	}
	op := &operation{room: r, past: []*Stored{s}, groups: groups, then: func(*tip) {}}
	op.aside.gaps, op.aside.filled = b.gaps, []string{s.ID()}
	if was := s.Replaced; was != nil {
		was.pos, was.of = was.of.row(), nil
	}
	if s.changes {
		op.groups = append(op.groups, s.group) // numbered by itself
		s.changes, s.in.pos = false, s.row()
	}
	if j.refused == nil {
		err = rs.redactions(ctx, r, op, s, &b.tip)
	}
	return op, err
}

// Unknown are the ids, among some, of events that are not here.
func (rs *Rooms) Unknown(ctx context.Context, roomID string, ids []string) (unknown []string, err error) {
	return rs.lacking(ctx, roomID, ids, func(_ placeRow, here bool) bool { return !here })
}

// Stateless are the ids, among some, of events after which the state is not known.
func (rs *Rooms) Stateless(ctx context.Context, roomID string, ids []string) (stateless []string, err error) {
	return rs.lacking(ctx, roomID, ids, func(row placeRow, here bool) bool { return !here || row.group == 0 || row.fate&outlier != 0 })
}

func (rs *Rooms) lacking(ctx context.Context, roomID string, ids []string, lacks func(placeRow, bool) bool) (found []string, err error) {
	r, err := rs.Room(roomID)
	if err != nil {
		return nil, err
	}
	for some := range slices.Chunk(readable(ids), askedAtOnce) {
		rows, err := selectPlaces(ctx, rs.DB, r.nid, some)
		if err != nil {
			return nil, fmt.Errorf("looking for events: %w", err)
		}
		for _, id := range some {
			if row, here := rows[id]; lacks(row, here) {
				found = append(found, id)
			}
		}
	}
	return found, nil
}

// Extremities are the ids of the events that nothing follows, and the least depth of them.
func (rs *Rooms) Extremities(ctx context.Context, roomID string) (ids []string, depth int64, err error) {
	r, err := rs.Room(roomID)
	if err != nil {
		return nil, 0, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	l, err := rs.loadLocked(ctx, r)
	if err != nil {
		return nil, 0, err
	}
	for i, s := range l.tip.extremities {
		ids = append(ids, s.ID())
		if i == 0 || s.Depth() < depth {
			depth = s.Depth()
		}
	}
	return ids, depth, nil
}

// Gaps are events that are not here and that others follow, those of the earliest first.
func (rs *Rooms) Gaps(ctx context.Context, roomID string, limit int) ([]string, error) {
	return rs.GapsIn(ctx, roomID, whole, limit)
}

// GapsIn is Gaps for those that events in a span follow.
func (rs *Rooms) GapsIn(ctx context.Context, roomID string, in Span, limit int) ([]string, error) {
	r, err := rs.Room(roomID)
	if err != nil {
		return nil, err
	}
	gaps, err := selectGaps(ctx, rs.DB, r.nid, in, limit)
	if err != nil {
		return nil, fmt.Errorf("looking for gaps: %w", err)
	}
	return gaps, nil
}
