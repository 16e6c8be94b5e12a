package room

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"signet/internal/homeserver/authz"
	"signet/internal/homeserver/event"
	"signet/internal/homeserver/stateres"
	"signet/internal/homeserver/stream"
	"signet/internal/store"
)

// stateMap is a state of a room.
type stateMap = map[event.Key]*place

// resolve is the state in which several meet. fresh are events that are not stored yet.
func (rs *Rooms) resolve(ctx context.Context, r *Room, states []stateMap, fresh ...*Stored) (stateMap, error) {
	held := map[string]*place{} // by id
	var sets []stateres.StateSet
	for _, state := range states {
		set := make(stateres.StateSet, len(state))
		for key, p := range state {
			set[key] = p.id
			if known := held[p.id]; known == nil || known.stored.Load() == nil {
				held[p.id] = p
			}
		}
		sets = append(sets, set)
	}
	resolver := stateres.Resolver{Version: r.version, Source: source{ctx, rs, r, fresh}, Check: authz.Check}
	resolved, err := resolver.Resolve(sets)
	if err != nil {
		return nil, fmt.Errorf("resolving a room's state: %w", err)
	}
	state := make(stateMap, len(resolved))
	var others []string // which are in none of the states: what they rest on may win, too
	for key, id := range resolved {
		if state[key] = held[id]; held[id] == nil {
			others = append(others, id)
		}
	}
	places, err := rs.placesOf(ctx, r, others, nil)
	if err != nil {
		return nil, fmt.Errorf("resolving a room's state: %w", err)
	}
	maps.Copy(state, places)
	return state, nil
}

// groupState is the whole state of a group that is stored. It must not be changed.
func (rs *Rooms) groupState(ctx context.Context, r *Room, id stream.Pos) (stateMap, error) {
	if state := rs.recall.group(id); state != nil {
		return state, nil
	}
	rows, err := selectGroupState(ctx, rs.DB, r.nid, id)
	if err != nil {
		return nil, fmt.Errorf("reading a state: %w", err)
	}
	state, empty := stateMap{}, map[event.Key]bool{}
	for _, row := range rows {
		if state[row.key] != nil || empty[row.key] {
			continue
		}
		if row.pos == 0 {
			empty[row.key] = true
			continue
		}
		state[row.key] = &place{id: row.id, pos: row.pos}
	}
	rs.recall.keepGroup(id, state)
	return state, nil
}

// stateAfter are the events of the state after an event.
func (rs *Rooms) stateAfter(ctx context.Context, r *Room, s *Stored) ([]*Stored, error) {
	if !s.aside {
		return rs.StateAt(ctx, r, s.Pos)
	}
	state, err := rs.groupState(ctx, r, s.group.id)
	if err != nil {
		return nil, err
	}
	ids := make([]string, 0, len(state))
	for _, p := range state {
		ids = append(ids, p.id)
	}
	return rs.storedByIDs(ctx, r, ids)
}

// source gives a resolution the events of a room.
type source struct {
	ctx   context.Context
	rooms *Rooms
	room  *Room
	fresh []*Stored
}

// askedAtOnce is how many events one statement asks for.
const askedAtOnce = 100

// Events reads events by their ids.
func (s source) Events(ids []string) ([]stateres.Entry, error) {
	byID, rest := s.rooms.recall.known(ids)
	found, err := s.rooms.storedByIDs(s.ctx, s.room, rest)
	if err != nil {
		return nil, err
	}
	read := entriesOf(found)
	s.rooms.recall.keepEntries(read)
	maps.Copy(byID, read)
	maps.Copy(byID, entriesOf(s.fresh))
	entries := make([]stateres.Entry, len(ids))
	for i, id := range ids {
		entries[i] = byID[id]
	}
	return entries, nil
}

func entriesOf(events []*Stored) map[string]stateres.Entry {
	entries := make(map[string]stateres.Entry, len(events))
	for _, e := range events {
		entries[e.ID()] = stateres.Entry{Event: e.Event, Rejected: e.fate.isRejected()}
	}
	return entries
}

// readable are the ids that may be there: no database looks for one with a zero in it.
func readable(ids []string) []string {
	if !slices.ContainsFunc(ids, hasZero) {
		return ids
	}
	return slices.DeleteFunc(slices.Clone(ids), hasZero)
}

func hasZero(id string) bool { return strings.IndexByte(id, 0) >= 0 }

// storedByIDs reads the events of a room that are there, of those named.
func (rs *Rooms) storedByIDs(ctx context.Context, r *Room, ids []string) (found []*Stored, err error) {
	for some := range slices.Chunk(readable(ids), askedAtOnce) {
		args := make([]any, 0, len(some)+1)
		for _, id := range some {
			args = append(args, id)
		}
		where := fmt.Sprintf(`WHERE e.event_id IN %s AND e.room = $%d`, store.RowParameters(1, len(some)), len(some)+1)
		events, err := rs.stored(ctx, r, where, append(args, r.nid)...)
		if err != nil {
			return nil, fmt.Errorf("reading events: %w", err)
		}
		found = append(found, events...)
	}
	return found, nil
}
