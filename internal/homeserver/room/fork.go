package room

import (
	"context"
	"fmt"

	"signet/internal/homeserver/authz"
	"signet/internal/homeserver/event"
	"signet/internal/homeserver/stateres"
	"signet/internal/homeserver/stream"
)

// resolve is the state after events that nothing follows yet, each of which has a state of
// its own.
func (rs *Rooms) resolve(ctx context.Context, r *Room, events []*Stored) (map[event.Key]*place, error) {
	held := map[string]stream.Pos{} // by id
	var sets []stateres.StateSet
	for _, s := range events {
		rows, err := rs.groupState(ctx, r, s.group.id)
		if err != nil {
			return nil, err
		}
		set := make(stateres.StateSet, len(rows))
		for key, row := range rows {
			set[key], held[row.id] = row.id, row.pos
		}
		sets = append(sets, set)
	}
	resolver := stateres.Resolver{Version: r.version, Source: source{ctx, rs, r}, Check: authz.Check}
	resolved, err := resolver.Resolve(sets)
	if err != nil {
		return nil, fmt.Errorf("resolving a room's state: %w", err)
	}
	state := make(map[event.Key]*place, len(resolved))
	for key, id := range resolved {
		state[key] = &place{id: id, pos: held[id]}
	}
	return state, rs.readPlaces(ctx, r, state)
}

// readPlaces reads the events of a state that was resolved.
func (rs *Rooms) readPlaces(ctx context.Context, r *Room, state map[event.Key]*place) error {
	for key, p := range state {
		if err := rs.read(ctx, r, p); err != nil {
			return err
		}
		if key.Type == memberType {
			p.membership = membershipOf(p.stored.Load().Event)
		}
	}
	return nil
}

// groupState is the whole state of a group.
func (rs *Rooms) groupState(ctx context.Context, r *Room, id stream.Pos) (map[event.Key]stateRow, error) {
	state := map[event.Key]stateRow{}
	for range maxChain + 1 {
		rows, err := selectGroupState(ctx, rs.DB, r.nid, id)
		if err != nil {
			return nil, fmt.Errorf("reading a state: %w", err)
		}
		for _, row := range rows {
			if _, newer := state[row.key]; !newer {
				state[row.key] = row
			}
		}
		prev, chain, err := selectGroup(ctx, rs.DB, id)
		if err != nil {
			return nil, fmt.Errorf("reading a state: %w", err)
		}
		if chain == 0 {
			return state, nil
		}
		id = prev
	}
	return nil, fmt.Errorf("the groups before %d have no beginning", id)
}

// source gives a resolution the events of a room.
type source struct {
	ctx   context.Context
	rooms *Rooms
	room  *Room
}

// askedAtOnce is how many events one statement asks for.
const askedAtOnce = 100

// Events reads events by their ids.
func (s source) Events(ids []string) ([]stateres.Entry, error) {
	byID := make(map[string]stateres.Entry, len(ids))
	for rest := ids; len(rest) > 0; {
		n := min(len(rest), askedAtOnce)
		found, err := s.rooms.storedByIDs(s.ctx, s.room, rest[:n])
		if err != nil {
			return nil, err
		}
		for _, e := range found {
			byID[e.ID()] = stateres.Entry{Event: e.Event, Rejected: e.rejected}
		}
		rest = rest[n:]
	}
	entries := make([]stateres.Entry, len(ids))
	for i, id := range ids {
		entries[i] = byID[id]
	}
	return entries, nil
}

// storedByIDs reads the events of a room that are there, of those named.
func (rs *Rooms) storedByIDs(ctx context.Context, r *Room, ids []string) ([]*Stored, error) {
	args := make([]any, 0, len(ids)+1)
	for _, id := range ids {
		args = append(args, id)
	}
	return rs.stored(ctx, r, fmt.Sprintf(`WHERE e.event_id IN %s AND e.room = $%d`, tuples(1, len(ids)), len(ids)+1), append(args, r.nid)...)
}
