package room_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"signet/internal/homeserver/event"
	"signet/internal/homeserver/room"
)

// The event after a fork follows both branches and stands on the state that they resolve
// to, whether it is a message or changes that state, and whether the server was started
// again meanwhile.
func TestAfterAFork(t *testing.T) {
	for _, change := range []bool{false, true} {
		t.Run(fmt.Sprint(change), func(t *testing.T) {
			eachUnchecked(t, func(w *world) {
				for _, v := range []event.Version{event.V1, event.V10, event.V12} {
					id := w.create(room.Creation{Version: v.String(), Name: "Attic", Topic: "Boxes", PowerLevels: []byte(`{"state_default":0,"events":{}}`), Preset: room.PublicChat})
					far := w.visitor(id, "far.test")
					end := w.last(id)
					ids := []string{
						w.accept(id, far.event(draft{typ: "m.room.topic", key: "", content: `{"fork":"0"}`, prev: []string{end}}), room.Accepted),
						w.accept(id, far.event(draft{typ: "m.room.name", key: "", content: `{"fork":"1"}`, prev: []string{end}}), room.Accepted),
					}
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

// What wins where branches meet may be in none of them: here the join rules that somebody's
// join rests on, since those that took their place were set by one who must not set them.
func TestWhatWinsFromBeneath(t *testing.T) {
	eachUnchecked(t, func(w *world) {
		for _, v := range []event.Version{event.V10, event.V12} {
			levels := func(mod int) string {
				users := map[string]int{"@dave:far.test": 90, "@mod:far.test": mod}
				if !v.PrivilegedCreators() {
					users[string(alice)] = 100
				}
				text, err := json.Marshal(map[string]any{"users": users, "events": map[string]int{"m.room.power_levels": 90}})
				w.ok(err)
				return string(text)
			}
			id := w.create(room.Creation{Version: v.String(), Preset: room.PublicChat, PowerLevels: []byte(levels(50))})
			far := w.visitor(id, "far.test")
			comes := func(user string) {
				far.sees()
				w.accept(id, far.event(draft{typ: "m.room.member", key: user, sender: user, content: `{"membership":"join"}`, prev: []string{w.last(id)}}), room.Accepted)
			}
			rules := func(sender, by string) {
				far.sees()
				w.accept(id, far.event(draft{typ: "m.room.join_rules", sender: sender, content: fmt.Sprintf(`{"by":%q,"join_rule":"public"}`, by), prev: []string{w.last(id)}}), room.Accepted)
			}
			comes("@mod:far.test")
			far.sees()
			far.clock += 1000
			demotes := far.event(draft{typ: "m.room.power_levels", content: levels(0), prev: []string{w.last(id)}})
			far.clock -= 1000
			rules("@dave:far.test", "dave")
			comes("@guest:far.test")
			rules("@mod:far.test", "mod")
			w.accept(id, demotes, room.Accepted)
			if by := w.says(id, "m.room.join_rules", "by"); by != "dave" {
				t.Errorf("version %s: the join rules are of %q", v, by)
			}
			w.say(id, alice, "and on")
			w = open(w.TB, w.db, 0)
			if by := w.says(id, "m.room.join_rules", "by"); by != "dave" {
				t.Errorf("version %s, later: the join rules are of %q", v, by)
			}
		}
	})
}
