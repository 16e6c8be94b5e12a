package room_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"signet/internal/homeserver/authz"
	"signet/internal/homeserver/event"
	"signet/internal/homeserver/room"
)

// public makes a room that everybody may join, where Dave of another server is.
func (w *world) public(v event.Version) (id string, f *far) {
	w.Helper()
	id = w.create(room.Creation{Version: v.String(), Preset: room.PublicChat})
	return id, w.visitor(id, "far.test")
}

// What another server sends is read in order with what is sent here, redacted when it is
// redacted, also ahead of it, and known when it comes again.
func TestATalkWithAnotherServer(t *testing.T) {
	eachUnchecked(t, func(w *world) {
		for _, v := range []event.Version{event.V1, event.V6, event.V11, event.V12} {
			id, f := w.public(v)
			first := f.message("one", w.last(id))
			w.accept(id, first, room.Accepted)
			w.accept(id, first, room.Known)
			w.say(id, alice, "two")
			w.accept(id, f.message("three", w.last(id)), room.Accepted)
			ahead := f.message("never read", w.last(id))
			w.accept(id, f.redaction(ahead.ID(), w.last(id)), room.Accepted)
			w.accept(id, ahead, room.Accepted)
			w.accept(id, f.redaction(first.ID(), w.last(id)), room.Accepted)
			w.reads(id, alice, "two", "three")
			w = open(w.TB, w.db, 0)
			w.reads(id, alice, "two", "three")
		}
	})
}

// What is not here can be redacted: other servers are told, no client is until it comes, and
// then it is redacted, also if it is said to be another's. What redacts nothing nobody sees.
func TestWhatIsNotHereIsRedacted(t *testing.T) {
	eachUnchecked(t, func(w *world) {
		for _, v := range []event.Version{event.V1, event.V10, event.V12} {
			id, f := w.public(v)
			w.join(id, bob)
			unseen, other := f.message("unseen", w.last(id)), w.say(id, alice, "other")
			red, err := w.rooms.Redact(w.Context(), room.Redaction{Room: id, Sender: alice, EventID: unseen.ID()})
			w.ok(err)
			_, err = w.rooms.Redact(w.Context(), room.Redaction{Room: id, Sender: bob, EventID: unseen.ID()})
			wantError(w, "Bob's redaction", err, room.ErrUnknownEvent)
			if ends := w.ends(id); !slices.Equal(ends, []string{red}) {
				t.Errorf("version %s: the room ends with %q", v, ends)
			}
			vain := room.Accepted
			if v == event.V1 { // whose rules refuse it
				vain = room.Rejected
			}
			w.accept(id, f.redaction(other, red), vain)
			w.accept(id, f.redaction("$\x00", red), vain)
			for range 2 {
				w.untold(id, red)
				w.reads(id, alice, "other")
				w = open(w.TB, w.db, 0)
			}
			f.world = w
			w.accept(id, unseen, room.Accepted)
			w.reads(id, alice, "other")
			e, err := w.rooms.Event(w.Context(), alice, id, unseen.ID())
			w.ok(err)
			if e.Redaction == nil || e.Redaction.ID() != red {
				t.Errorf("version %s: it was redacted by %+v", v, e.Redaction)
			}
		}
	})
}

// An event that the state before it does not allow is rejected. What cites it is rejected
// too; what only follows it is not.
func TestRejectedEvents(t *testing.T) {
	eachUnchecked(t, func(w *world) {
		for _, v := range []event.Version{event.V2, event.V12} {
			id, f := w.public(v)
			end := w.last(id)
			levels := f.event(draft{typ: "m.room.power_levels", content: `{"users":{"@dave:far.test":100}}`, prev: []string{end}})
			w.accept(id, levels, room.Rejected)
			w.accept(id, levels, room.Known)
			w.untold(id, levels.ID())
			f.state.Add(levels)
			name := f.event(draft{typ: "m.room.name", content: `{"name":"mine"}`, prev: []string{end}})
			v1, err := w.rooms.Accept(w.Context(), id, room.Arrival{Event: name})
			w.ok(err)
			if v1.Outcome != room.Rejected || !errors.Is(v1.Why, authz.ErrAuthRejected) {
				t.Errorf("what cites a rejected event: %+v", v1)
			}
			w.untold(id, name.ID())
			f.sees()
			w.accept(id, f.message("hello", levels.ID()), room.Accepted)
			w.reads(id, alice, "hello")
			w.unread(id, levels, name)
			if got := w.says(id, "m.room.name", "name"); got != "" {
				t.Errorf("the room is called %q", got)
			}
			if ends := w.ends(id); len(ends) != 2 || ends[0] != end {
				t.Errorf("the room ends with %q", ends)
			}
		}
	})
}

// Who was banned does not come back by pretending not to have heard of it: such an event is
// soft-failed, neither read nor an extremity, and removes none.
func TestSoftFailure(t *testing.T) {
	eachUnchecked(t, func(w *world) {
		for _, v := range []event.Version{event.V5, event.V12} {
			id, f := w.public(v)
			before := w.last(id)
			w.ok(w.rooms.Ban(w.Context(), room.Membership{Room: id, Sender: alice, Target: "@dave:far.test"}))
			banned := w.last(id)
			late := f.message("late", before)
			w.accept(id, late, room.SoftFailed)
			later := w.accept(id, f.message("later", late.ID()), room.SoftFailed)
			w.untold(id, late.ID(), later)
			if ends := w.ends(id); len(ends) != 1 || ends[0] != banned {
				t.Errorf("the room ends with %q, want the ban", ends)
			}
			w.reads(id, alice)
			w.unread(id, late)
			w = open(w.TB, w.db, 0)
			w.reads(id, alice)
			w.unread(id, late)
			w.say(id, alice, "peace")
		}
	})
}

// unread holds that nobody is shown events by their ids, though they are stored.
func (w *world) unread(id string, events ...*event.Event) {
	w.Helper()
	for _, e := range events {
		if _, err := w.rooms.Event(w.Context(), alice, id, e.ID()); !errors.Is(err, room.ErrUnknownEvent) {
			w.Errorf("%s is read by its id: %v", e.ID(), err)
		}
		if _, err := w.rooms.Context(w.Context(), alice, id, e.ID(), 1, room.Filter{}); !errors.Is(err, room.ErrUnknownEvent) {
			w.Errorf("%s has a context: %v", e.ID(), err)
		}
	}
}

// A fork of thousands of branches is a room of few extremities at any time, and it heals.
func TestAForkOfManyBranches(t *testing.T) {
	eachUnchecked(t, func(w *world) {
		id, f := w.public(event.V11)
		end := w.last(id)
		for i := range 100 {
			w.accept(id, f.message(fmt.Sprint(i), end), room.Accepted)
			if ends := w.ends(id); len(ends) > 11 {
				t.Fatalf("%d extremities", len(ends))
			}
		}
		if got := len(w.read(id, alice, 100)); got != 100 {
			t.Errorf("%d messages are read", got)
		}
	})
}

// Where nobody may heal it, a fork grows no wider than what one event can follow.
func TestAForkThatNobodyMayHeal(t *testing.T) {
	eachUnchecked(t, func(w *world) {
		id := w.create(room.Creation{Version: "11", Preset: room.PublicChat})
		f := w.visitor(id, "far.test")
		w.ok(w.set(id, alice, "m.room.power_levels", `{"users":{"@dave:far.test":100},"events":{"org.matrix.dummy_event":100}}`))
		f.sees()
		end := w.last(id)
		for i := range 40 {
			w.accept(id, f.message(fmt.Sprint(i), end), room.Accepted)
		}
		if ends := w.ends(id); len(ends) != 20 {
			t.Errorf("%d extremities, want 20", len(ends))
		}
		w.say(id, alice, "and on")
		if ends := w.ends(id); len(ends) != 1 {
			t.Errorf("%d extremities, want 1", len(ends))
		}
	})
}

// What is missing is named, and nothing is stored meanwhile. An event of another room, or a
// second beginning, is refused.
func TestWhatAnArrivalLacks(t *testing.T) {
	eachUnchecked(t, func(w *world) {
		id, f := w.public(event.V11)
		unknown := f.message("unknown", w.last(id))
		w.unchanged("a gap", func() error {
			_, err := w.rooms.Accept(w.Context(), id, room.Arrival{Event: f.message("beyond", unknown.ID())})
			missing, _ := errors.AsType[room.MissingEvents](err)
			if len(missing.Prev) != 1 || missing.Prev[0] != unknown.ID() {
				t.Errorf("missing: %v", err)
			}
			return nil
		}, nil)
		w.unchanged("no authorisation", func() error {
			e := f.event(draft{typ: "m.room.message", key: noKey, content: `{}`, prev: []string{w.last(id)}, auth: []string{unknown.ID()}})
			_, err := w.rooms.Accept(w.Context(), id, room.Arrival{Event: e})
			missing, _ := errors.AsType[room.MissingEvents](err)
			if len(missing.Auth) != 1 {
				t.Errorf("missing: %v", err)
			}
			return nil
		}, nil)
		other, g := w.public(event.V11)
		w.unchanged("another room's", func() error {
			_, err := w.rooms.Accept(w.Context(), id, room.Arrival{Event: g.message("lost", w.last(other))})
			return err
		}, room.ErrOtherRoom)
		second := f.event(draft{typ: "m.room.create", content: `{"room_version":"11"}`, auth: []string{}})
		v, err := w.rooms.Accept(w.Context(), id, room.Arrival{Event: second})
		if err != nil || v.Outcome == room.Accepted {
			t.Errorf("a second m.room.create: %+v, %v", v, err)
		}
		if ends := w.ends(id); len(ends) != 1 {
			t.Errorf("the room ends with %q", ends)
		}
	})
}

// Depth is what its sender claims: it decides nothing, and goes no further than events can.
func TestDepthIsAClaim(t *testing.T) {
	eachUnchecked(t, func(w *world) {
		id, f := w.public(event.V11)
		deep := f.event(draft{typ: "m.room.message", key: noKey, content: `{"body":"deep"}`, prev: []string{w.last(id)}, depth: 1<<53 - 1})
		w.accept(id, deep, room.Accepted)
		w.say(id, alice, "deeper")
		w.say(id, alice, "deeper still")
		w.reads(id, alice, "deep", "deeper", "deeper still")
	})
}
