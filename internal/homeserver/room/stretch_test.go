package room_test

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"signet/internal/homeserver/event"
	"signet/internal/homeserver/room"
	"signet/internal/homeserver/stream"
	"signet/internal/store"
)

// told is a room of another server that gale has joined, and its history before that: the
// state that the first event was sent in comes with it.
func (w *world) told(v event.Version, talk func(a abroad)) (a abroad, past []room.Arrival) {
	w.Helper()
	a = w.abroad(v, room.Creation{})
	before := a.events(a.id)
	talk(a)
	i := a.join(string(gale), "away.test")
	i.Auth = slices.DeleteFunc(i.Auth, func(e *event.Event) bool {
		_, isState := e.StateKey()
		return !isState
	})
	w.ok(w.rooms.Import(w.Context(), i))
	all := a.events(a.id)
	for _, r := range all[len(before) : len(all)-1] {
		e, err := a.v.Load(r.id, r.json, false)
		w.ok(err)
		past = append(past, room.Arrival{Event: e})
	}
	for _, r := range before {
		if r.key != nil {
			past[0].Before = append(past[0].Before, r.id)
		}
	}
	return a, past
}

// hold keeps the committer busy until it is let go.
func (w *world) hold() (release func()) {
	w.Helper()
	held, free, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		_, err := w.stream.Commit(context.Background(), nil, func(*store.Tx, stream.Pos) error {
			select {
			case <-held:
			default:
				close(held)
			}
			<-free
			return nil
		})
		ended <- err
	}()
	<-held
	return func() {
		close(free)
		w.ok(<-ended)
	}
}

// History is queued event after event and stored together: it waits for the database once.
func TestHistoryIsStoredTogether(t *testing.T) {
	away(t, func(w *world) {
		const messages = 50
		var want []string
		a, past := w.told(event.V11, func(a abroad) {
			for i := range messages {
				want = append(want, fmt.Sprint(i))
				a.say(a.id, alice, want[i])
			}
		})
		release := w.hold()
		ended := make(chan error, 1)
		go func() {
			_, err := w.rooms.History(w.Context(), a.id, past)
			ended <- err
		}()
		ctx, cancel := context.WithTimeout(w.Context(), 5*time.Minute) // should it fail
		defer cancel()
		for w.stream.Queued() < messages && ctx.Err() == nil {
			runtime.Gosched()
		}
		if n := w.stream.Queued(); n != messages {
			t.Errorf("%d events wait to be stored together, want %d", n, messages)
		}
		release()
		w.ok(<-ended)
		w.reads(a.id, gale, want...)
		w = openAs(w.TB, w.db, "away.test")
		w.reads(a.id, gale, want...)
	})
}

// History that rests on itself: state that what follows is allowed by, redactions, and what
// was refused, comes out as it was there.
func TestHistoryThatRestsOnItself(t *testing.T) {
	away(t, func(w *world) {
		for _, v := range []event.Version{event.V1, event.V11, event.V12} {
			a, past := w.told(v, func(a abroad) {
				a.ok(a.rooms.Join(a.Context(), about(a.id, bob, "")))
				a.say(a.id, bob, "one")
				gone := a.say(a.id, bob, "gone")
				_, err := a.rooms.Redact(a.Context(), room.Redaction{Room: a.id, Sender: bob, EventID: gone})
				a.ok(err)
				a.ok(a.set(a.id, alice, "m.room.topic", `{"topic":"first"}`))
				a.ok(a.set(a.id, alice, "m.room.topic", `{"topic":"second"}`))
				a.ok(a.rooms.Leave(a.Context(), about(a.id, bob, "")))
				a.say(a.id, alice, "two")
			})
			verdicts, err := w.rooms.History(w.Context(), a.id, slices.Concat(past, past[:3]))
			w.ok(err)
			for i, got := range verdicts {
				if want := map[bool]room.Outcome{true: room.Past, false: room.Known}[i < len(past)]; got.Outcome != want {
					t.Errorf("version %s: event %d comes out as %+v", v, i, got)
				}
			}
			w.reads(a.id, gale, "one", "two")
			page, err := w.rooms.Messages(w.Context(), gale, room.Query{Room: a.id, Back: true, Limit: 100})
			w.ok(err)
			for _, e := range page.Events {
				if string(e.Content()) == `{"topic":"second"}` && (e.Replaced == nil || string(e.Replaced.Content) != `{"topic":"first"}`) {
					t.Errorf("version %s: it replaces %+v", v, e.Replaced)
				}
			}
		}
	})
}

// What a bad disk did not take is taken later, each event after what it follows.
func TestHistoryOnABadDisk(t *testing.T) {
	away(t, func(w *world) {
		a, past := w.told(event.V11, func(a abroad) {
			a.ok(a.rooms.Join(a.Context(), about(a.id, bob, "")))
			a.say(a.id, bob, "one")
			a.ok(a.set(a.id, alice, "m.room.topic", `{"topic":"first"}`))
			a.say(a.id, bob, "two")
		})
		w.onABadDisk()
		w.failing(true)
		_, err := w.rooms.History(w.Context(), a.id, past)
		wantError(w, "on a bad disk", err, stream.ErrNotStored)
		w.failing(false)
		_, err = w.rooms.History(w.Context(), a.id, past)
		w.ok(err)
		w.reads(a.id, gale, "one", "two")
	})
}

// An event that was redacted when it was known as what others rest on alone stays so when it
// becomes history, and who reads it is told why.
func TestHistoryThatWasRedactedBefore(t *testing.T) {
	away(t, func(w *world) {
		a := w.abroad(event.V11, room.Creation{})
		first := a.last(a.id)
		gone := a.say(a.id, alice, "gone")
		w.ok(w.rooms.Import(w.Context(), a.join(string(gale), "away.test")))
		_, err := a.rooms.Redact(a.Context(), room.Redaction{Room: a.id, Sender: alice, EventID: gone, Reason: "why"})
		a.ok(err)
		all := a.events(a.id)
		e, err := a.v.Load(all[len(all)-1].id, all[len(all)-1].json, false)
		w.ok(err)
		w.accept(a.id, e, room.Accepted)
		w.past(a, first, gone)
		for range 2 {
			s, err := w.rooms.Event(w.Context(), gale, a.id, gone)
			w.ok(err)
			if string(s.Content()) != `{}` || s.Redaction == nil || s.Redaction.ID() != e.ID() {
				t.Errorf("it is %s, redacted by %+v", s.Content(), s.Redaction)
			}
			w = openAs(w.TB, w.db, "away.test")
		}
	})
}
