package room

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"signet/internal/homeserver/stream"
)

// makeRoom gives events that came before what is here their places, the earliest first: just
// before the event that follows them, where there is room, and before all others where not.
// One that is here already may have none.
func (rs *Rooms) makeRoom(ctx context.Context, r *Room, ids []string) ([]stream.Pos, error) {
	s := &seating{rooms: rs, room: r, known: map[string]placeRow{}, gaps: map[string]stream.Pos{}, free: map[stream.Pos]opening{}}
	if err := s.look(ctx, ids); err != nil {
		return nil, fmt.Errorf("looking for gaps: %w", err)
	}
	places := make([]stream.Pos, len(ids))
	var others []int
	for i, id := range slices.Backward(ids) {
		place, err := s.next(ctx, id)
		if err != nil {
			return nil, fmt.Errorf("looking for the room in a gap: %w", err)
		}
		if places[i] = place; place == 0 && !s.isKnown(id) {
			others = append(others, i)
		}
	}
	lowest, err := rs.reserveBelow(ctx, r, len(others))
	for n, i := range others {
		places[i] = lowest + stream.Pos(len(others)-1-n)
	}
	return places, err
}

// seating is the search for places, from the latest event to the earliest.
type seating struct {
	rooms *Rooms
	room  *Room
	known map[string]placeRow    // those that are here, perhaps as outliers
	gaps  map[string]stream.Pos  // the places of those that follow them
	free  map[stream.Pos]opening // what is left before those places
	at    stream.Pos             // whose opening the next event is in, 0 for none
}

// opening is the places that are free between two events, both left out.
type opening struct{ after, before stream.Pos }

func (s *seating) look(ctx context.Context, ids []string) error {
	for some := range slices.Chunk(readable(ids), askedAtOnce) {
		known, err := selectPlaces(ctx, s.rooms.DB, s.room.nid, some)
		if err != nil {
			return err
		}
		gaps, err := selectGapPlaces(ctx, s.rooms.DB, s.room.nid, some)
		if err != nil {
			return err
		}
		maps.Copy(s.known, known)
		maps.Copy(s.gaps, gaps)
	}
	return nil
}

func (s *seating) isKnown(id string) bool {
	row, here := s.known[id]
	return here && row.fate&outlier == 0
}

// next is the place of an event that precedes the last one, or fills a gap; 0 if it has none
// in a gap.
func (s *seating) next(ctx context.Context, id string) (stream.Pos, error) {
	if s.isKnown(id) {
		s.at = 0
		return 0, nil
	}
	if err := s.enter(ctx, id); err != nil || s.at == 0 {
		return 0, err
	}
	o := s.free[s.at]
	if o.after == 0 || o.before-1 <= o.after {
		return 0, nil
	}
	o.before--
	s.free[s.at] = o
	return o.before, nil
}

// enter goes to the gap that an event fills, if it does.
func (s *seating) enter(ctx context.Context, id string) error {
	place, fills := s.gaps[id]
	if !fills {
		return nil
	}
	if s.at = max(place, 0); s.at == 0 {
		return nil
	}
	if _, entered := s.free[place]; entered {
		return nil
	}
	after, err := selectLastBefore(ctx, s.rooms.DB, s.room.nid, place)
	s.free[place] = opening{after, place}
	return err
}
