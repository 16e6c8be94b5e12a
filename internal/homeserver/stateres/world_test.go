package stateres_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"signet/internal/homeserver/authz"
	"signet/internal/homeserver/event"
	"signet/internal/homeserver/stateres"
)

const (
	alice = "@alice:one.example" // who creates every room
	bob   = "@bob:one.example"
	carol = "@carol:two.example"
	dave  = "@dave:two.example"
	erin  = "@erin:three.example"
	zara  = "@zara:three.example"
)

// object is the content of an event.
type object = map[string]any

// draft is an event of which only that is told which matters to the story.
type draft struct {
	sender, typ, key string
	content          object
	// auth names the auth events; empty leaves their selection to the room.
	auth string
	// ts is the time of its server, the room's own clock if it is zero.
	ts int64
	// depth counts up by itself if it is zero.
	depth   int64
	message bool
}

// room is a room whose events have names. It is the source of them, too.
type room struct {
	testing.TB
	version event.Version
	entries map[string]stateres.Entry
	clock   int64
	// asked counts how often an event was asked for.
	asked map[string]int
	// foreign says that it is not the room that every test is about.
	foreign bool
}

func newRoom(tb testing.TB, v event.Version) *room {
	return &room{TB: tb, version: v, entries: map[string]stateres.Entry{}, asked: map[string]int{}}
}

// Events implements stateres.Source.
func (r *room) Events(ids []string) ([]stateres.Entry, error) {
	found := make([]stateres.Entry, 0, len(ids))
	for _, id := range ids {
		r.asked[id]++
		found = append(found, r.entries[id])
	}
	return found, nil
}

func (r *room) resolver() stateres.Resolver {
	return stateres.Resolver{Version: r.version, Source: r, Check: authz.Check}
}

// resolve resolves states, in whatever order.
func (r *room) resolve(sets ...stateres.StateSet) stateres.StateSet {
	r.Helper()
	resolved, err := r.resolver().Resolve(sets)
	if err != nil {
		r.Fatal(err)
	}
	slices.Reverse(sets)
	again, err := r.resolver().Resolve(sets)
	if err != nil || !maps.Equal(resolved, again) {
		r.Errorf("in reverse: %v, %v, want %v", r.tell(again), err, r.tell(resolved))
	}
	return resolved
}

func (r *room) event(name string) *event.Event {
	r.Helper()
	e := r.entries[r.id(name)].Event
	if e == nil {
		r.Fatalf("there is no event %s", name)
	}
	return e
}

// id is the ID of the event of a name.
func (r *room) id(name string) string {
	if r.version.EventIDInEvent() {
		return "$" + name + ":one.example"
	}
	return "$" + name
}

func (r *room) roomID() string {
	switch {
	case r.foreign:
		return "!foreign:one.example"
	case r.version.RoomIDFromCreate():
		return "!CREATE"
	}
	return "!room:one.example"
}

// add makes an event in a state: its auth events are those of the state that it
// needs, unless it names its own.
func (r *room) add(name string, d draft, state stateres.StateSet) *event.Event {
	r.Helper()
	r.clock++
	if d.ts == 0 {
		d.ts = r.clock
	}
	if d.depth == 0 {
		d.depth = r.clock
	}
	auth := r.ids(strings.Fields(d.auth))
	if d.auth == "" {
		auth = r.authSelection(r.load(name, d, nil), state)
	}
	e := r.load(name, d, auth)
	r.entries[e.ID()] = stateres.Entry{Event: e}
	return e
}

// ids are the IDs of events that one may cite: CREATE where it may.
func (r *room) ids(names []string) []string {
	ids := make([]string, 0, len(names))
	for _, name := range names {
		if name != "CREATE" || !r.version.RoomIDFromCreate() {
			ids = append(ids, r.id(name))
		}
	}
	return ids
}

// authSelection is the auth events selection of the specification.
func (r *room) authSelection(e *event.Event, state stateres.StateSet) []string {
	auth := []string{}
	for _, key := range authz.Needed(e) {
		if id, ok := state[key]; ok && !(r.version.RoomIDFromCreate() && key.Type == "m.room.create") {
			auth = append(auth, id)
		}
	}
	return auth
}

func (r *room) load(name string, d draft, auth []string) *event.Event {
	r.Helper()
	fields := object{
		"type": d.typ, "sender": d.sender, "content": d.content, "origin_server_ts": d.ts, "depth": d.depth,
		"auth_events": r.refs(auth), "prev_events": r.refs(r.previous(name)), "hashes": object{}, "signatures": object{},
	}
	if d.content == nil {
		fields["content"] = object{}
	}
	if !d.message {
		fields["state_key"] = d.key
	}
	if d.typ != "m.room.create" || !r.version.RoomIDFromCreate() {
		fields["room_id"] = r.roomID()
	}
	if r.version.EventIDInEvent() {
		fields["event_id"] = r.id(name)
	}
	text, err := json.Marshal(fields)
	if err != nil {
		r.Fatal(err)
	}
	e, err := r.version.Load(r.id(name), text, false)
	if err != nil {
		r.Fatalf("%s: %v: %s", name, err, text)
	}
	return e
}

// previous is what an event follows, which matters to the rules only in the first two.
func (r *room) previous(name string) []string {
	if name == "CREATE" || len(r.entries) != 1 {
		return nil
	}
	return []string{r.id("CREATE")}
}

// refs is how events of the version cite others.
func (r *room) refs(ids []string) any {
	if !r.version.EventIDInEvent() {
		return append([]string{}, ids...)
	}
	pairs := []any{}
	for _, id := range ids {
		pairs = append(pairs, []any{id, object{"sha256": strings.Repeat("A", 43)}})
	}
	return pairs
}

// state is the state in which events of these names are, the later over the earlier.
func (r *room) state(names ...string) stateres.StateSet {
	r.Helper()
	return r.after(nil, names...)
}

// after is a state with events of these names placed in it.
func (r *room) after(state stateres.StateSet, names ...string) stateres.StateSet {
	r.Helper()
	next := stateres.StateSet{}
	maps.Copy(next, state)
	for _, name := range names {
		e := r.event(name)
		if key, isState := e.StateKey(); isState {
			next[event.Key{Type: e.Type(), StateKey: key}] = e.ID()
		}
	}
	return next
}

func (r *room) reject(name string) {
	entry := r.entries[r.id(name)]
	entry.Rejected = true
	r.entries[r.id(name)] = entry
}

// tell names the events of a state, in order.
func (r *room) tell(state stateres.StateSet) string {
	names := make([]string, 0, len(state))
	for _, id := range state {
		names = append(names, r.name(id))
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

func (r *room) name(id string) string {
	return strings.TrimSuffix(strings.TrimPrefix(id, "$"), ":one.example")
}

// expect wants a state to be exactly the events of these names.
func (r *room) expect(state stateres.StateSet, names string) {
	r.Helper()
	want := strings.Fields(names)
	slices.Sort(want)
	if got := r.tell(state); got != strings.Join(want, " ") {
		r.Errorf("version %s resolves to %s, want %s", r.version, got, strings.Join(want, " "))
	}
}

// What people do.

func (r *room) create() draft {
	content := object{"room_version": r.version.String()}
	if r.version.CreatorInContent() {
		content["creator"] = alice
	}
	return draft{sender: alice, typ: "m.room.create", content: content}
}

// power is a change of power levels. Alice has 100 in it wherever a creator may be
// named.
func (r *room) power(sender string, users object, more ...object) draft {
	levels := maps.Clone(users)
	if levels == nil {
		levels = object{}
	}
	if _, told := levels[alice]; !told && !r.version.PrivilegedCreators() {
		levels[alice] = 100
	}
	content := object{"users": levels}
	for _, m := range more {
		maps.Copy(content, m)
	}
	return draft{sender: sender, typ: "m.room.power_levels", content: content}
}

func member(sender, user, membership string) draft {
	return draft{sender: sender, typ: "m.room.member", key: user, content: object{"membership": membership}}
}

func join(user string) draft        { return member(user, user, "join") }
func leave(user string) draft       { return member(user, user, "leave") }
func ban(sender, user string) draft { return member(sender, user, "ban") }

func joinRule(sender, rule string) draft {
	return draft{sender: sender, typ: "m.room.join_rules", content: object{"join_rule": rule}}
}

func topic(sender string) draft {
	return draft{sender: sender, typ: "m.room.topic", content: object{"topic": "by " + sender}}
}

// start is a public room with Alice, Bob, Carol and Zara in it, where Alice has all
// the power, and its state.
func (r *room) start() stateres.StateSet {
	r.Helper()
	state := stateres.StateSet{}
	for _, step := range []struct {
		name string
		draft
	}{
		{"CREATE", r.create()}, {"JOIN-A", join(alice)}, {"POWER", r.power(alice, nil)}, {"RULES", joinRule(alice, "public")},
		{"JOIN-B", join(bob)}, {"JOIN-C", join(carol)}, {"JOIN-Z", join(zara)},
	} {
		r.add(step.name, step.draft, state)
		state = r.after(state, step.name)
	}
	return state
}

// sinceV2 runs a test in every room version that resolves by v2 or v2.1.
func sinceV2(t *testing.T, test func(*testing.T, *room)) {
	for _, v := range event.Versions() {
		if v.StateResolution() == event.StateV1 {
			continue
		}
		t.Run(fmt.Sprintf("version %s", v), func(t *testing.T) { test(t, newRoom(t, v)) })
	}
}
