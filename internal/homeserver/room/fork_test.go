package room_test

import (
	"fmt"
	"slices"
	"testing"

	"signet/internal/homeserver/event"
	"signet/internal/homeserver/room"
)

// fork puts two events side by side after the end of a room, as if they had come from two
// servers: each sets its own state, and both the name.
func (w *world) fork(id string, v event.Version) (ids []string) {
	w.Helper()
	events := w.events(id)
	last, auth := events[len(events)-1], []string{}
	for _, e := range events {
		if e.typ == "m.room.power_levels" || e.typ == "m.room.member" || e.typ == "m.room.create" && !v.RoomIDFromCreate() {
			auth = append(auth, e.id)
		}
	}
	key := ""
	for i, typ := range []string{"m.room.topic", "m.room.name"} {
		e, err := v.Build(event.Proto{RoomID: id, Type: typ, StateKey: &key, Sender: string(alice), Content: fmt.Appendf(nil, `{"fork":"%d"}`, i),
			OriginServerTS: 1_800_000_000_000, Depth: 99, AuthEvents: auth, PrevEvents: []string{last.id}}, ours)
		w.ok(err)
		pos := last.pos + int64(i) + 1
		for _, statement := range []struct {
			text string
			args []any
		}{
			{`INSERT INTO room_events SELECT $1, room, $2, $3, '', $4, $1, 0, 0, 0, '', $5 FROM room_events WHERE pos = $6`, []any{pos, e.ID(), typ, e.OriginServerTS(), e.JSON(), last.pos}},
			{`INSERT INTO room_state_groups VALUES ($1, $2, 1)`, []any{pos, last.group}},
			{`INSERT INTO room_group_state VALUES ($1, $2, '', $1)`, []any{pos, typ}},
			{`INSERT INTO room_state_changes SELECT nid, $2, '', $1, $1 FROM room_rooms WHERE room_id = $3`, []any{pos, typ, id}},
			{`DELETE FROM room_state WHERE type = $1 AND room = (SELECT nid FROM room_rooms WHERE room_id = $2)`, []any{typ, id}},
			{`INSERT INTO room_state SELECT nid, $2, '', $1 FROM room_rooms WHERE room_id = $3`, []any{pos, typ, id}},
		} {
			_, err := w.db.Exec(w.Context(), statement.text, statement.args...)
			w.ok(err)
		}
		ids = append(ids, e.ID())
	}
	_, err := w.db.Exec(w.Context(), `UPDATE room_rooms SET extremities = $1 WHERE room_id = $2`, ids[0]+" "+ids[1], id)
	w.ok(err)
	return ids
}

// The event after a fork follows both branches and stands on the state that they resolve
// to, whether it is a message or changes that state.
func TestAfterAFork(t *testing.T) {
	for _, change := range []bool{false, true} {
		t.Run(fmt.Sprint(change), func(t *testing.T) {
			eachUnchecked(t, func(w *world) {
				for _, v := range []event.Version{event.V10, event.V12} {
					id := w.create(room.Creation{Version: v.String(), Name: "Attic", Topic: "Boxes"})
					ids := w.fork(id, v)
					w = open(w.TB, w.db, 0)
					if change {
						w.ok(w.set(id, alice, "x", `{}`))
					} else {
						w.say(id, alice, "one again")
					}
					events := w.events(id)
					joined := events[len(events)-1]
					e, err := v.Load(joined.id, joined.json, false)
					w.ok(err)
					if prev := e.PrevEvents(); !slices.Equal(prev, ids) {
						t.Errorf("it follows %q, want %q", prev, ids)
					}
					if joined.group <= events[len(events)-2].pos {
						t.Errorf("its state group is %d", joined.group)
					}
					w = open(w.TB, w.db, 0)
					w.say(id, alice, "and on")
					for typ, want := range map[string]string{"m.room.topic": `{"fork":"0"}`, "m.room.name": `{"fork":"1"}`} {
						s, err := w.rooms.StateEvent(w.Context(), alice, id, typ, "")
						w.ok(err)
						if string(s.Content()) != want {
							t.Errorf("%s says %s, want %s", typ, s.Content(), want)
						}
					}
				}
			})
		})
	}
}
