package room

import (
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

	aside []*Stored // events of the timeline that are not in one line with the ring
	rows  []stateRow
	older map[stream.Pos]*place // places in the state whose events the ring lacks, by their rows
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
	for _, d := range readings {
		first = append(first, d.timeline()...)
		first = append(first, d.state(), d.readers(rs.Stream.Visible()))
	}
	if err := rs.DB.Ask(ctx, first...); err != nil {
		return err
	}
	for _, d := range readings {
		d.show()
		then = append(then, d.olderState()...)
		then = append(then, d.tears(rs.local)...)
	}
	if err := rs.DB.Ask(ctx, then...); err != nil {
		return err
	}
	for _, d := range readings {
		d.count(rs)
	}
	return nil
}

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
	return store.Question{Query: storedEvents + condition, Args: args, Take: d.take(func(row store.Row) error {
		s, err := storedRow(row, d.room.version)
		*into = append(*into, s)
		return err
	})}
}

// ringWindow is what a ring is read of.
var ringWindow = window{before: maxPos, limit: ringRead, back: true}

// timeline asks for the ring.
func (d *reading) timeline() []store.Question {
	between, aside := ringWindow.conditions()
	return []store.Question{
		d.events(&d.loaded.view.ring, between, d.room.nid, int64(0), int64(maxPos)),
		d.events(&d.aside, aside, d.room.nid, int64(0), int64(maxPos)),
	}
}

// state asks for who holds the places in the state, and where it changed last.
func (d *reading) state() store.Question {
	return store.Question{Query: stateNow, Args: []any{d.room.nid}, Take: d.take(func(row store.Row) error {
		var s stateRow
		err := row.Scan(&s.key.Type, &s.key.StateKey, &s.pos, &s.membership, &d.loaded.view.change)
		d.rows = append(d.rows, s)
		return err
	})}
}

// readers asks for who might read.
func (d *reading) readers(to stream.Pos) store.Question {
	key := event.Key{Type: visibilityType}
	return store.Question{Query: whatPlaceSaid, Args: []any{d.room.nid, key.Type, key.StateKey, int64(to)}, Take: d.take(func(row store.Row) error {
		v, err := historyRow(row, d.room.version, key.Type)
		d.loaded.view.readers = append(d.loaded.view.readers, v)
		return err
	})}
}

// show makes the view of what was read: the ring, and the state with its events.
func (d *reading) show() {
	if d.err != nil {
		return
	}
	v := &d.loaded.view
	v.ring = ringWindow.merge(v.ring, d.aside)
	slices.Reverse(v.ring)
	v.bent = bent(v.ring)
	if len(v.ring) == ringRead {
		v.from = v.ring[0].Pos - 1
	}
	events := make(map[stream.Pos]*Stored, len(v.ring))
	for _, s := range v.ring {
		events[s.row()] = s
	}
	v.state, d.older = make(map[event.Key]*place, len(d.rows)), map[stream.Pos]*place{}
	for _, row := range d.rows {
		p := &place{pos: row.pos, membership: row.membership}
		v.state[row.key] = p
		if s := events[row.pos]; s != nil {
			p.id = s.ID()
			p.stored.Store(s)
		} else {
			d.older[row.pos] = p
		}
	}
}

// olderState asks for what the ring lacks of the state: the ids, and the events too but for
// memberships, of which there may be many.
func (d *reading) olderState() []store.Question {
	if len(d.older) == 0 || d.err != nil {
		return nil
	}
	args := []any{d.room.nid, int64(slices.Max(slices.Collect(maps.Keys(d.older))))}
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
			s, err := storedRow(row, d.room.version)
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

// count counts the members, and the memory that the room takes.
func (d *reading) count(rs *Rooms) {
	if d.err != nil {
		return
	}
	v := &d.loaded.view
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
	err := rs.DB.Ask(ctx, d.state())
	if err == nil {
		d.show()
		err = rs.DB.Ask(ctx, d.olderState()...)
	}
	if err = errors.Join(err, d.err); err != nil {
		return nil, fmt.Errorf("reading a state: %w", err)
	}
	return d.loaded.view.state, nil
}
