package room_test

import (
	"slices"
	"testing"

	"signet/internal/homeserver/event"
	"signet/internal/homeserver/room"
)

// gap is a room of another server in which gale reads what was said before a gap and after
// it. within is what was said in the gap, and is not here.
func (w *world) gap(v event.Version, talk func(a abroad)) (a abroad, within []room.Arrival) {
	w.Helper()
	a = w.abroad(v, room.Creation{})
	w.ok(w.rooms.Import(w.Context(), a.join(string(gale), "away.test")))
	a.say(a.id, alice, "before")
	w.accept(a.id, a.load(a.last(a.id)), room.Accepted)
	n := len(a.events(a.id))
	talk(a)
	for _, r := range a.events(a.id)[n:] {
		within = append(within, room.Arrival{Event: a.load(r.id)})
	}
	a.say(a.id, alice, "after")
	after := a.load(a.last(a.id))
	for _, e := range within { // what the state has of the gap comes as what it rests on
		if _, isState := e.Event.StateKey(); isState {
			left, err := w.rooms.Outliers(w.Context(), a.id, []*event.Event{e.Event})
			w.ok(err)
			if len(left) > 0 {
				w.Fatalf("%q is left out", left)
			}
		}
	}
	_, err := w.rooms.Accept(w.Context(), a.id, room.Arrival{Event: after, Before: a.stateNow()})
	w.ok(err)
	a.say(a.id, alice, "later")
	w.accept(a.id, a.load(a.last(a.id)), room.Accepted)
	w.reads(a.id, gale, "before", "after", "later")
	return a, within
}

// load is a stored event of the other server.
func (a abroad) load(id string) *event.Event {
	a.Helper()
	for _, r := range a.events(a.id) {
		if r.id == id {
			e, err := a.v.Load(r.id, r.json, r.redactedBy != 0)
			a.ok(err)
			return e
		}
	}
	a.Fatalf("there is no %s", id)
	return nil
}

// stateNow are the ids of the room's state as the other server has it.
func (a abroad) stateNow() (ids []string) {
	a.Helper()
	state, err := a.rooms.State(a.Context(), alice, a.id)
	a.ok(err)
	for _, s := range state {
		ids = append(ids, s.ID())
	}
	return ids
}

// What fills a gap is read where it was said: in pages, around an event, and after a restart,
// whether it comes all at once or from its end backwards.
func TestAGapIsFilledInItsPlace(t *testing.T) {
	away(t, func(w *world) {
		for v, atOnce := range map[event.Version]bool{event.V2: true, event.V10: false, event.V11: true, event.V12: false} {
			a, within := w.gap(v, func(a abroad) {
				a.say(a.id, alice, "one")
				a.ok(a.set(a.id, alice, "m.room.topic", `{"topic":"within"}`))
				a.say(a.id, alice, "two")
				a.say(a.id, alice, "three")
			})
			parts := [][]room.Arrival{within}
			if !atOnce {
				last := within[len(within)-1:]
				last[0].Before = a.stateNow()
				parts = [][]room.Arrival{last, within[:len(within)-1]}
			}
			for _, part := range parts {
				verdicts, err := w.rooms.History(w.Context(), a.id, part)
				w.ok(err)
				for i, got := range verdicts {
					if got.Outcome != room.Past {
						t.Errorf("version %s: event %d comes out as %+v", v, i, got)
					}
				}
			}
			for range 2 {
				w.reads(a.id, gale, "before", "one", "two", "three", "after", "later")
				w.readsAround(a.id, within[2].Event.ID(), "one", "two", "three")
				w = openAs(w.TB, w.db, "away.test")
			}
			w.say(a.id, gale, "thanks")
			w.reads(a.id, gale, "before", "one", "two", "three", "after", "later", "thanks")
			if at, err := w.rooms.StateEvent(w.Context(), gale, a.id, "m.room.topic", ""); err != nil || string(at.Content()) != `{"topic":"within"}` {
				t.Errorf("version %s: the topic is %v, %v", v, at, err)
			}
		}
	})
}

// readsAround checks what is read around a message, of two on each side.
func (w *world) readsAround(id, eventID string, want ...string) {
	w.Helper()
	around, err := w.rooms.Context(w.Context(), gale, id, eventID, 4, room.Filter{Types: []string{"m.room.message"}})
	w.ok(err)
	slices.Reverse(around.Before)
	var said []string
	for _, e := range slices.Concat(around.Before, []room.Seen{around.Event}, around.After) {
		body, _ := e.Field("body").Text()
		said = append(said, body)
	}
	at := slices.Index(said, want[1])
	if at < 1 || at+2 > len(said) || !slices.Equal(said[at-1:at+2], want) {
		w.Errorf("around it one reads %q, want %q in it", said, want)
	}
}
