package inbound_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/homeserver/event"
	"signet/internal/homeserver/inbound"
	"signet/internal/homeserver/room"
	"signet/internal/matrix"
	"signet/internal/store/storetest"
)

// A fork of very many branches, each of them with a state of its own, leaves the room with
// few extremities, and everybody can go on.
func TestAForkOfVeryManyBranches(t *testing.T) {
	each(t, func(here, far *server) {
		id := far.create(event.V11, erin)
		here.join(id, alice)
		end := here.ends(id)[0]
		const branches = 150
		for i := 0; i < branches; i += 50 {
			var events []*event.Event
			for n := i; n < i+50; n++ {
				events = append(events, far.forge(id, draft{typ: "org.example.state", key: fmt.Sprint(n), content: `{}`, sender: erin, prev: []string{end}}))
			}
			here.receives(events...)
			if ends := here.ends(id); len(ends) > 20 {
				t.Fatalf("%d extremities", len(ends))
			}
		}
		here.say(id, alice, "still here")
		state, err := here.rooms.State(t.Context(), alice, id)
		here.ok(err)
		n := 0
		for _, s := range state {
			if s.Type() == "org.example.state" {
				n++
			}
		}
		if n != branches {
			t.Errorf("of %d pieces of state %d are there", branches, n)
		}
	})
}

// A long auth chain that nobody here has seen is brought here once, and what rests on a
// rejected part of it is rejected.
func TestAHostileAuthChain(t *testing.T) {
	each(t, func(here, far *server) {
		id := far.create(event.V11, erin)
		here.join(id, alice)
		r := mustRoom(far, id)
		auth := []string{}
		for _, key := range []event.Key{{Type: "m.room.create"}, {Type: "m.room.member", StateKey: string(erin)}} {
			e, err := far.rooms.Current(t.Context(), r, key)
			far.ok(err)
			auth = append(auth, e.ID())
		}
		levels, err := far.rooms.Current(t.Context(), r, event.Key{Type: "m.room.power_levels"})
		far.ok(err)
		end, last, chain := here.ends(id)[0], levels.ID(), map[string]*event.Event{}
		for i := range 400 {
			e := far.forge(id, draft{typ: "m.room.power_levels", content: fmt.Sprintf(`{"users":{"@erin:far.test":100},"n":%d}`, i), sender: erin, prev: []string{end}, auth: append(slices.Clone(auth), last)})
			last, chain[e.ID()] = e.ID(), e
		}
		here.far.extra = chain
		raw := []jsontext.Value{}
		for _, e := range chain {
			raw = append(raw, jsontext.Value(e.JSON()))
		}
		here.far.lies = map[string]func() (any, error){"event_auth": func() (any, error) { return raw, nil }}
		unasked := far.message(id, "unasked", erin, end)
		raw = append(raw, jsontext.Value(unasked.JSON()))
		top := far.forge(id, draft{typ: "m.room.topic", content: `{"topic":"deep"}`, sender: erin, prev: []string{end}, auth: append(slices.Clone(auth), last)})
		stranger := here.in.Receive(t.Context(), "evil.test", []jsontext.Value{jsontext.Value(top.JSON())})
		if err := stranger[top.ID()]; !errors.Is(err, inbound.ErrStranger) {
			t.Errorf("by a server that is not in the room: %v", err)
		}
		here.far.asked = nil
		here.receives(top)
		if got, err := here.rooms.Unknown(t.Context(), id, []string{unasked.ID()}); err != nil || len(got) == 0 {
			t.Errorf("what nobody has asked for is here: %v", err)
		}
		if got := slices.DeleteFunc(here.far.asked, func(what string) bool { return what != "event_auth" }); len(got) != 1 {
			t.Errorf("it was asked %d times", len(got))
		}
		unknown, err := here.rooms.Unknown(t.Context(), id, []string{last, top.ID()})
		here.ok(err)
		if len(unknown) > 0 {
			t.Errorf("%q are not here", unknown)
		}

		evil := far.forge(id, draft{typ: "m.room.power_levels", content: `{"users":{"@eve:evil.test":100}}`, sender: "@eve:evil.test", prev: []string{end}, auth: append(slices.Clone(auth), last)})
		here.far.lies["event_auth"] = func() (any, error) { return []jsontext.Value{jsontext.Value(evil.JSON())}, nil }
		on := far.forge(id, draft{typ: "m.room.topic", content: `{"topic":"evil"}`, sender: erin, prev: []string{end}, auth: append(slices.Clone(auth), evil.ID())})
		here.receives(on)
		here.say(id, alice, "on")
		if s, err := here.rooms.StateEvent(t.Context(), alice, id, "m.room.topic", ""); err == nil && strings.Contains(string(s.Content()), "evil") {
			t.Errorf("the topic is %s", s.Content())
		}
	})
}

// Depths that lie, the largest there is among them, hold nothing up.
func TestDepthGames(t *testing.T) {
	each(t, func(here, far *server) {
		id := far.create(event.V11, erin)
		here.join(id, alice)
		deep := far.forge(id, draft{typ: "m.room.message", key: noKey, content: `{"body":"deep"}`, sender: erin, prev: here.ends(id), depth: 1<<53 - 1})
		here.receives(deep)
		here.receives(far.forge(id, draft{typ: "m.room.message", key: noKey, content: `{"body":"shallow"}`, sender: erin, prev: []string{deep.ID()}, depth: 1}))
		here.say(id, alice, "on")
		here.reads(id, alice, "deep", "shallow", "on")
	})
}

// What a room's state was when an event was sent decides who reads it, though it comes when
// that is long over.
func TestABranchIsReadAsOfItsOwnState(t *testing.T) {
	each(t, func(here, far *server) {
		const bob matrix.UserID = "@bob:here.test"
		here.rooms.Historian = nil
		for readers, bobs := range map[string][]string{"joined": {"after"}, "invited": {"after"}, "shared": {"before bob came", "after"}} {
			id := far.create(event.V11, erin)
			far.set(id, erin, "m.room.history_visibility", `{"history_visibility":"`+readers+`"}`)
			here.join(id, alice)
			before := here.ends(id)[0]
			here.ok(here.rooms.Join(t.Context(), room.Membership{Room: id, Sender: bob}))
			here.receives(far.message(id, "before bob came", erin, before))
			here.say(id, alice, "after")
			here.reads(id, alice, "before bob came", "after")
			here.reads(id, bob, bobs...)
			here.ok(here.rooms.Leave(t.Context(), room.Membership{Room: id, Sender: bob}))
			here.receives(far.message(id, "after bob left", erin, before))
			here.reads(id, bob, bobs...)
			if state, err := here.rooms.Unknown(t.Context(), id, []string{before}); err != nil || len(state) > 0 {
				t.Error(err)
			}
		}
	})
}

// killed is the environment variable that makes the test binary a server which takes events
// in until it is killed.
const killed = "SIGNET_INBOUND_TEST_KILLED"

// TestServerThatIsKilled is the other process of TestKill, and nothing otherwise.
func TestServerThatIsKilled(t *testing.T) {
	url := os.Getenv(killed)
	if url == "" {
		return
	}
	here := open(t, storetest.Open(t, url, owners), "here.test")
	far := open(t, storetest.Open(t, storetest.SQLite(t), owners), "far.test")
	here.far.server, far.far.server = far, here
	id := far.create(event.V11, erin)
	here.join(id, alice)
	fmt.Println("room", id)
	for i := 0; ; i++ {
		end := here.ends(id)
		events := []*event.Event{far.message(id, "on", erin, end...), far.message(id, "beside", erin, end...),
			far.forge(id, draft{typ: "org.example.state", key: fmt.Sprint(i), content: `{}`, sender: erin, prev: end})}
		for eventID, err := range here.receive(events...) {
			if err == nil {
				fmt.Println("took", eventID)
			}
		}
	}
}

// kill -9 loses no event that was acknowledged, leaves no room half, and the server goes on.
func TestKill(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		server := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestServerThatIsKilled$")
		server.Env = append(os.Environ(), killed+"="+url)
		out, err := server.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := server.Start(); err != nil {
			t.Fatal(err)
		}
		var id string
		var took []string
		for {
			var word, what string
			if _, err := fmt.Fscan(out, &word, &what); err != nil {
				break
			}
			switch word {
			case "room":
				id = what
			case "took":
				if took = append(took, what); len(took) == 60 {
					_ = server.Process.Kill()
				}
			}
		}
		_ = server.Wait()
		here := open(t, storetest.Open(t, url, owners), "here.test")
		unknown, err := here.rooms.Unknown(t.Context(), id, took)
		here.ok(err)
		if len(unknown) > 0 || len(took) < 60 {
			t.Errorf("of %d events that were acknowledged %d are gone", len(took), len(unknown))
		}
		stateless, err := here.rooms.Stateless(t.Context(), id, took)
		here.ok(err)
		if len(stateless) > 0 {
			t.Errorf("%d events are half there", len(stateless))
		}
		here.say(id, alice, "after")
		if ends := here.ends(id); len(ends) != 1 {
			t.Errorf("the room ends with %q", ends)
		}
	})
}
