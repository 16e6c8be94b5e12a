package room_test

import (
	"errors"
	"slices"
	"testing"

	"signet/internal/homeserver/authz"
	"signet/internal/homeserver/event"
)

func wantError(t testing.TB, what string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("%s = %v, want %v", what, got, want)
	}
}

// check reads everything again and holds what is always true: each room is a chain of
// events that are hashed, signed and allowed where they stand, and its tables agree.
func (w *world) check() {
	w.Helper()
	ids := map[string]int64{}
	rows, err := w.db.Query(w.Context(), `SELECT room_id, version FROM room_rooms`)
	w.ok(err)
	defer rows.Close()
	for rows.Next() {
		var id string
		var version int64
		w.ok(rows.Scan(&id, &version))
		ids[id] = version
	}
	for id, version := range ids {
		w.checkRoom(id, event.Version(version))
	}
	var orphans int
	w.ok(w.db.QueryRow(w.Context(), `SELECT COUNT(*) FROM room_transactions t WHERE NOT EXISTS
		(SELECT 1 FROM room_events e WHERE e.event_id = t.event_id)`).Scan(&orphans))
	if orphans > 0 {
		w.Errorf("%d transactions name events that are not there", orphans)
	}
}

func (w *world) checkRoom(id string, v event.Version) {
	w.Helper()
	state, at := event.StateMap{}, map[event.Key]int64{}
	group, last := int64(0), ""
	for _, r := range w.events(id) {
		e, err := v.Load(r.id, r.json, r.redactedBy != 0)
		w.ok(err)
		if prev := e.PrevEvents(); last != "" && !slices.Equal(prev, []string{last}) {
			w.Errorf("%s %s follows %v, not %s", r.typ, r.id, prev, last)
		}
		if err := authz.Check(e, state); err != nil && r.redactedBy == 0 {
			w.Errorf("%s is not allowed where it stands: %v", r.json, err)
		}
		w.checkParse(e, r)
		last = r.id
		if key, isState := e.StateKey(); isState {
			state.Add(e)
			at[event.Key{Type: e.Type(), StateKey: key}] = r.pos
			group = r.pos
		}
		if r.group != group {
			w.Errorf("%s has the state group %d, want %d", r.id, r.group, group)
		}
	}
	w.checkTables(id, last, at)
}

// checkParse reads the event as another server would.
func (w *world) checkParse(e *event.Event, r row) {
	w.Helper()
	parsed, err := e.Version().Parse(r.json)
	if err != nil || parsed.ID() != r.id || parsed.Redacted() && r.redactedBy == 0 {
		w.Errorf("another server reads %s as %v, %v", r.json, parsed, err)
	}
}

// checkTables compares the current state, and the state groups, with what the events say.
func (w *world) checkTables(id, last string, want map[event.Key]int64) {
	w.Helper()
	var extremities string
	var nid int64
	w.ok(w.db.QueryRow(w.Context(), `SELECT nid, extremities FROM room_rooms WHERE room_id = $1`, id).Scan(&nid, &extremities))
	if extremities != last {
		w.Errorf("%s ends with %s, want %s", id, extremities, last)
	}
	got := map[event.Key]int64{}
	rows, err := w.db.Query(w.Context(), `SELECT type, state_key, event_pos FROM room_state WHERE room = $1`, nid)
	w.ok(err)
	defer rows.Close()
	for rows.Next() {
		var key event.Key
		var pos int64
		w.ok(rows.Scan(&key.Type, &key.StateKey, &pos))
		got[key] = pos
	}
	for key, pos := range want {
		if got[key] != pos {
			w.Errorf("%s: the state has %d for %v, want %d", id, got[key], key, pos)
		}
	}
	if len(got) != len(want) {
		w.Errorf("%s: the state has %d places, want %d", id, len(got), len(want))
	}
}
