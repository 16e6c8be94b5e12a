package room

import (
	"maps"
	"slices"

	"signet/internal/homeserver/event"
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

// tears asks before which events of the ring something is missing, where others may have it.
func (d *reading) tears(local func(user string) bool) []store.Question {
	elsewhere := func(key event.Key) bool { return key.Type == memberType && !local(key.StateKey) }
	v := &d.loaded.view
	if d.err != nil || !slices.ContainsFunc(slices.Collect(maps.Keys(v.state)), elsewhere) {
		return nil
	}
	return []store.Question{{Query: tornAfter, Args: []any{d.room.nid, int64(max(v.from, 0))}, Take: d.take(func(row store.Row) error {
		var pos stream.Pos
		err := row.Scan(&pos)
		for _, s := range v.ring {
			s.torn = s.torn || s.Pos == pos
		}
		return err
	})}}
}
