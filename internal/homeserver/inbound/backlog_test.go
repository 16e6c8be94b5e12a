package inbound_test

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/homeserver/event"
	"signet/internal/homeserver/remote"
	"signet/internal/matrix"
)

// A copy of an event that is not signed, or was changed on its way, keeps the event itself
// from nobody, though it comes first and has to wait.
func TestAForgedCopyThatComesFirst(t *testing.T) {
	each(t, func(here, far *server) {
		id := far.create(event.V11, erin)
		here.join(id, alice)
		e := far.message(id, "real", erin, here.ends(id)...)
		unsigned := replace(e.JSON(), `"ed25519:1":"`, `"ed25519:1":"AAAA`)
		here.in.Patience = 1 // nobody waits: all goes on in the background
		for range 3 {
			here.in.Receive(t.Context(), "evil.test", []jsontext.Value{jsontext.Value(unsigned)})
			here.receives(e)
		}
		here.ok(here.in.Drain(t.Context()))
		here.reads(id, alice, "real")
	})
}

// A server that gives another's event without its content, or with another one, keeps nobody
// from reading it: the server of its sender is asked.
func TestACensoredCopy(t *testing.T) {
	each(t, func(here, far *server) {
		id := far.create(event.V11, erin)
		here.join(id, alice)
		censored := func(eventID, text string) jsontext.Value {
			return jsontext.Value(replace(far.event(id, eventID).JSON(), text, "changed"))
		}
		first := far.say(id, erin, "first")
		here.in.Receive(t.Context(), "evil.test", []jsontext.Value{censored(first, "first")})
		here.reads(id, alice, "first")

		second := far.say(id, erin, "second")
		after := far.message(id, "of a stranger", "@eve:evil.test", second)
		here.far.lies = map[string]func() (any, error){"get_missing_events": func() (any, error) { return []jsontext.Value{censored(second, "second")}, nil }}
		here.in.Receive(t.Context(), "evil.test", []jsontext.Value{jsontext.Value(after.JSON())})
		third := far.say(id, erin, "third")
		here.receives(far.event(id, second), far.event(id, third))
		here.reads(id, alice, "first", "second", "third")

		fourth := far.say(id, erin, "fourth")
		here.far.server = nil // nobody can be asked
		here.in.Receive(t.Context(), "evil.test", []jsontext.Value{censored(fourth, "fourth")})
		if got := here.event(id, fourth); !got.Redacted() {
			t.Errorf("it says %s", got.Content())
		}
	})
}

// Who is not in a room, as far as is known, holds it up for a short time alone by what it
// answers.
func TestAStrangerHoldsUpNoRoom(t *testing.T) {
	each(t, func(here, far *server) {
		id := far.create(event.V11, erin)
		here.join(id, alice)
		here.in.Patience = time.Hour
		unknown := "$" + strings.Repeat("n", 43)
		e := far.forge(id, draft{typ: "m.room.message", key: noKey, content: `{}`, sender: erin, prev: []string{unknown}, depth: 100})
		for origin, isStranger := range map[matrix.ServerName]bool{"evil.test": true, "far.test": false} {
			here.far.waits = 0
			here.in.Receive(t.Context(), origin, []jsontext.Value{jsontext.Value(e.JSON())})
			if waits := here.far.waits; waits == 0 || isStranger != (waits < time.Hour/5) {
				t.Errorf("%s has %v", origin, waits)
			}
		}
	})
}

// What may be as large as a room's state, a server is asked for in one room at a time,
// however many it names in a transaction.
func TestStatesOfManyRooms(t *testing.T) {
	each(t, func(here, far *server) {
		var pdus []jsontext.Value
		for range 4 {
			id := far.create(event.V11, erin)
			here.join(id, alice)
			e := far.forge(id, draft{typ: "m.room.message", key: noKey, content: `{}`, sender: erin, prev: []string{"$" + strings.Repeat("n", 43)}, depth: 100})
			pdus = append(pdus, jsontext.Value(e.JSON()))
		}
		quiet := far.create(event.V11, erin)
		var under, asked atomic.Int32
		here.far.lies = map[string]func() (any, error){
			"get_missing_events": func() (any, error) { return []jsontext.Value(nil), nil },
			"state_ids": func() (any, error) {
				asked.Add(1)
				if under.Add(1) > 1 {
					t.Error("two answers are kept at a time")
				}
				far.say(quiet, erin, "what takes a while")
				under.Add(-1)
				return remote.StateIDs{}, errUnreachable
			},
		}
		here.in.Receive(t.Context(), "far.test", pdus)
		if asked.Load() != 4 {
			t.Errorf("%d states are asked for", asked.Load())
		}
	})
}
