package room

import (
	"context"
	"fmt"

	"signet/internal/homeserver/authz"
	"signet/internal/homeserver/event"
)

// What push rules ask of a room, as it is now.

// JoinedCount is how many have joined a room.
func (rs *Rooms) JoinedCount(ctx context.Context, r *Room) (int, error) {
	l, err := rs.load(ctx, r)
	if err != nil {
		return 0, err
	}
	l.view.mu.RLock()
	defer l.view.mu.RUnlock()
	return l.view.joined, nil
}

// PowerLevels is who may do what in a room.
func (rs *Rooms) PowerLevels(ctx context.Context, r *Room) (*authz.PowerLevels, error) {
	l, err := rs.load(ctx, r)
	if err != nil {
		return nil, err
	}
	events, err := rs.places(ctx, r, l, event.Key{Type: createType}, event.Key{Type: levelsType})
	if err != nil {
		return nil, err
	}
	levels, err := authz.Levels(r.version, stateOf(events))
	if err != nil {
		return nil, fmt.Errorf("reading power levels: %w", err)
	}
	return levels, nil
}

// stateOf is a few events of a state.
type stateOf []*Stored

func (s stateOf) Event(typ, stateKey string) *event.Event {
	for _, e := range s {
		if e.key() == (event.Key{Type: typ, StateKey: stateKey}) {
			return e.Event
		}
	}
	return nil
}
