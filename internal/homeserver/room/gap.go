package room

import (
	"slices"

	"signet/internal/homeserver/stream"
	"signet/internal/store"
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

// tears asks where something is missing in the timeline that others may have.
func (d *reading) tears(local func(user string) bool) []store.Question {
	elsewhere := func(row stateRow) bool { return row.key.Type == memberType && !local(row.key.StateKey) }
	if d.err != nil || !slices.ContainsFunc(d.rows, elsewhere) {
		return nil
	}
	after := stream.Pos(0)
	if ring := d.loaded.view.ring; len(ring) == ringRead {
		after = max(after, ring[len(ring)-1].Pos-1)
	}
	return []store.Question{{Query: tornAfter, Args: []any{d.room.nid, int64(after)}, Take: d.take(func(row store.Row) error {
		var pos stream.Pos
		err := row.Scan(&pos)
		d.torn = append(d.torn, pos)
		return err
	})}}
}
