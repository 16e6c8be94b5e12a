package room

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"signet/internal/homeserver/event"
	"signet/internal/homeserver/stream"
	"signet/internal/matrix"
	"signet/internal/store"
)

// reading is a room that is read from its tables, perhaps together with others.
type reading struct {
	room   *Room
	loaded *loaded
	err    error // why it cannot be read, whatever of others

	branched bool         // there are events that are not in one line with the ring
	aside    []*Stored    // the newest of those
	torn     []stream.Pos // at which something is missing before an event
	rows     []stateRow
	older    map[stream.Pos]*place // places in the state whose events the ring lacks, by their rows
}

func newReading(r *Room) *reading {
	return &reading{room: r, loaded: &loaded{view: view{local: map[matrix.UserID]struct{}{}}}}
}

// Warm reads rooms that are not in memory, together, for who will look at one after the
// other. What cannot be read now is left to them.
func (rs *Rooms) Warm(ctx context.Context, rooms []*Room) {
	var readings []*reading
	for _, r := range rooms {
		if r.loaded.Load() != nil || r.last.Load() == 0 || !r.mu.TryLock() {
			continue
		}
		defer r.mu.Unlock()
		if r.loaded.Load() == nil {
			readings = append(readings, newReading(r))
		}
	}
	if rs.readTogether(ctx, readings...) != nil {
		return
	}
	for _, d := range readings {
		if d.err == nil {
			d.room.used.Store(rs.clock.Add(1))
			rs.keep(d.room, d.loaded)
		}
	}
}

// readTogether reads rooms whose locks the caller has. What only one of them is to blame
// for is the error of that one.
func (rs *Rooms) readTogether(ctx context.Context, readings ...*reading) error {
	var first, then []store.Question
	for some := range slices.Chunk(readings, roomsAtOnce) {
		g := newReadings(some)
		first = append(first, g.summaries(), g.states(), g.readers(rs.Stream.Visible()))
	}
	for _, d := range readings {
		first = append(first, d.events(&d.loaded.view.ring, ringLine, d.room.nid, int64(0), int64(maxPos)))
	}
	if err := rs.DB.Ask(ctx, first...); err != nil {
		return err
	}
	for _, d := range readings {
		d.place()
		then = append(then, d.rest(rs.local)...)
	}
	if err := rs.DB.Ask(ctx, then...); err != nil {
		return err
	}
	for _, d := range readings {
		d.show(rs)
	}
	return nil
}

// ringLine and ringAside find what a ring is read of.
var (
	ringWindow          = window{before: maxPos, limit: ringRead, back: true}
	ringLine, ringAside = ringWindow.conditions()
)

// take is what is done with rows about the room.
func (d *reading) take(read func(store.Row) error) func(store.Row) error {
	return func(row store.Row) error {
		if d.err == nil {
			d.err = read(row)
		}
		return nil
	}
}

// events asks for events of the room.
func (d *reading) events(into *[]*Stored, condition string, args ...any) store.Question {
	read := newStoredRows(d.room.version).read
	return store.Question{Query: storedEvents + condition, Args: args, Take: d.take(func(row store.Row) error {
		s, err := read(row)
		*into = append(*into, s)
		return err
	})}
}

// place makes the state of what was read, with those of its events that are in the ring.
func (d *reading) place() {
	if d.err != nil {
		return
	}
	events := make(map[stream.Pos]*Stored, len(d.loaded.view.ring))
	for _, s := range d.loaded.view.ring {
		events[s.row()] = s
	}
	state := make(map[event.Key]*place, len(d.rows))
	d.loaded.view.state, d.older = state, map[stream.Pos]*place{}
	for _, row := range d.rows {
		p := &place{pos: row.pos, membership: row.membership}
		state[row.key] = p
		if s := events[row.pos]; s != nil {
			p.id = s.ID()
			p.stored.Store(s)
		} else {
			d.older[row.pos] = p
		}
	}
}

// rest asks for what most rooms have none of.
func (d *reading) rest(local func(user string) bool) (questions []store.Question) {
	if d.branched {
		questions = append(questions, d.events(&d.aside, ringAside, d.room.nid, int64(0), int64(maxPos)))
	}
	questions = append(questions, d.tears(local)...)
	return append(questions, d.olderState()...)
}

// olderState asks for what the ring lacks of the state: the ids, and the events too but for
// memberships, of which there may be many.
func (d *reading) olderState() []store.Question {
	if len(d.older) == 0 || d.err != nil {
		return nil
	}
	args := []any{d.room.nid, int64(slices.Max(slices.Collect(maps.Keys(d.older))))}
	read := newStoredRows(d.room.version).read
	return []store.Question{
		{Query: stateIDs, Args: args, Take: d.take(func(row store.Row) error {
			var pos stream.Pos
			var id string
			err := row.Scan(&pos, &id)
			if p := d.older[pos]; p != nil {
				p.id = id
			}
			return err
		})},
		{Query: storedEvents + whereStateUpTo, Args: args, Take: d.take(func(row store.Row) error {
			s, err := read(row)
			if err != nil {
				return err
			}
			if p := d.older[s.row()]; p != nil {
				p.stored.Store(s)
			}
			return nil
		})},
	}
}

// show makes the view of all that was read.
func (d *reading) show(rs *Rooms) {
	if d.err != nil {
		return
	}
	v := &d.loaded.view
	v.ring = ringWindow.merge(v.ring, d.aside)
	slices.Reverse(v.ring)
	v.bent = bent(v.ring)
	for _, s := range v.ring {
		s.torn = slices.Contains(d.torn, s.Pos)
	}
	if len(v.ring) == ringRead {
		v.from = v.ring[0].Pos - 1
	}
	for key, p := range v.state {
		v.count(nil, p)
		if key.Type == memberType && p.membership == Join && rs.local(key.StateKey) {
			v.local[matrix.UserID(key.StateKey)] = struct{}{}
		}
	}
	d.loaded.size.Store(d.loaded.measure())
}

// currentState reads the state alone.
func (rs *Rooms) currentState(ctx context.Context, r *Room) (map[event.Key]*place, error) {
	d := newReading(r)
	err := rs.DB.Ask(ctx, newReadings([]*reading{d}).states())
	if err == nil {
		d.place()
		err = rs.DB.Ask(ctx, d.olderState()...)
	}
	if err = errors.Join(err, d.err); err != nil {
		return nil, fmt.Errorf("reading a state: %w", err)
	}
	return d.loaded.view.state, nil
}

// Newest are the rooms in which something has happened last, that first.
func (rs *Rooms) Newest(n int) []*Room {
	rs.mu.RLock()
	rooms := slices.Collect(maps.Values(rs.rooms))
	rs.mu.RUnlock()
	slices.SortFunc(rooms, func(a, b *Room) int { return cmp.Compare(b.Last(), a.Last()) })
	return rooms[:min(len(rooms), n)]
}
