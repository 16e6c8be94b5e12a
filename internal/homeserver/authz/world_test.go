package authz_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"

	"signet/internal/homeserver/authz"
	"signet/internal/homeserver/event"
	"signet/internal/matrix"
)

var server = event.Signer{Server: "x.org", Key: matrix.SigningKey{ID: "ed25519:1", Private: ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, 32))}}

// The people of the tests. Alice made the room.
const (
	alice = "@alice:x.org"
	boss  = "@boss:x.org"  // joined, level 100
	mod   = "@mod:x.org"   // joined, level 50
	peer  = "@peer:y.org"  // joined, level 50
	bob   = "@bob:y.org"   // joined, level 0
	carol = "@carol:y.org" // banned
	dave  = "@dave:y.org"  // invited
	eve   = "@eve:y.org"   // never there
	gone  = "@gone:y.org"  // left
	ken   = "@ken:y.org"   // knocked, where there is knocking
)

// baseLevels are the power levels of the world.
const baseLevels = `{"users":{"` + boss + `":100,"` + mod + `":50,"` + peer + `":50},"events":{"m.room.name":50,"m.secret":100,"m.chat":0},"notifications":{"room":50,"all":100},"invite":10,"kick":50,"ban":50,"redact":50,"state_default":50,"events_default":0,"users_default":0}`

// world is a room in which events can be tried.
type world struct {
	t     testing.TB
	v     event.Version
	room  string
	n     int
	state event.StateMap

	unsigned bool
}

// empty is a room of which nothing but its m.room.create is there.
func empty(t testing.TB, v event.Version) *world {
	return begin(&world{t: t, v: v, state: event.StateMap{}})
}

// begin puts the m.room.create in its place.
func begin(w *world) *world {
	v := w.v
	if !v.RoomIDFromCreate() {
		w.room = "!room:x.org"
	}
	w.put("m.room.create", "", alice, `{"creator":"`+alice+`","room_version":"`+v.String()+`"}`)
	w.room = w.create().RoomID()
	return w
}

// peopled is a room with all of the people, that only the invited can join.
func peopled(t testing.TB, v event.Version) *world {
	if worlds[v] == nil {
		worlds[v] = people(t, v)
	}
	w := *worlds[v]
	w.t, w.state = t, maps.Clone(w.state)
	return &w
}

// worlds are the rooms of people, of each version one.
var worlds = map[event.Version]*world{}

func people(t testing.TB, v event.Version) *world {
	w := empty(t, v)
	for _, user := range []string{alice, boss, mod, peer, bob} {
		w.member(user, "join")
	}
	w.member(carol, "ban")
	w.member(dave, "invite")
	w.member(gone, "leave")
	if v.Knocking() {
		w.member(ken, "knock")
	}
	levels := baseLevels
	if !v.PrivilegedCreators() {
		levels = strings.Replace(levels, `"users":{`, `"users":{"`+alice+`":100,`, 1)
	}
	w.put("m.room.power_levels", "", alice, levels)
	w.joinRule("invite")
	return w
}

func (w *world) create() *event.Event { return w.state.Event("m.room.create", "") }

func (w *world) member(user, membership string) {
	w.put("m.room.member", user, user, `{"membership":"`+membership+`"}`)
}

func (w *world) joinRule(rule string) {
	w.put("m.room.join_rules", "", alice, `{"join_rule":"`+rule+`"}`)
}

// put places a state event, allowed or not.
func (w *world) put(typ, key, sender, content string) *event.Event {
	w.t.Helper()
	e := w.build(w.proto(typ, &key, sender, content))
	w.state.Add(e)
	return e
}

func (w *world) proto(typ string, key *string, sender, content string) event.Proto {
	w.n++
	p := event.Proto{
		RoomID: w.room, Type: typ, StateKey: key, Sender: sender, Content: []byte(content), OriginServerTS: int64(w.n), Depth: int64(w.n),
		EventID: fmt.Sprintf("$%d:x.org", w.n), Hashes: map[string][sha256.Size]byte{},
	}
	if typ != "m.room.create" {
		p.PrevEvents = []string{w.id(1)}
	}
	for n := range 30 {
		p.Hashes[w.id(n)] = sha256.Sum256(nil)
	}
	if create := w.create(); create != nil {
		p.Hashes[create.ID()] = create.ReferenceHash()
	}
	return p
}

// id is the id of some event.
func (w *world) id(n int) string {
	hash := sha256.Sum256(fmt.Append(nil, n))
	id := "$" + matrix.EncodeBase64(hash[:])
	if w.v.EventIDInEvent() {
		return fmt.Sprintf("$some%d:x.org", n)
	}
	if w.v.URLSafeEventIDs() {
		id = strings.NewReplacer("+", "-", "/", "_").Replace(id)
	}
	return id
}

func (w *world) build(p event.Proto) *event.Event {
	w.t.Helper()
	e, err := w.make(p)
	if err != nil {
		w.t.Fatalf("version %s: building %s %s: %v", w.v, p.Type, p.Content, err)
	}
	return e
}

// make builds and signs an event, or where a test makes many, only writes it.
func (w *world) make(p event.Proto) (*event.Event, error) {
	if !w.unsigned {
		return w.v.Build(p, server)
	}
	members := map[string]any{
		"auth_events": w.references(p.AuthEvents), "prev_events": w.references(p.PrevEvents), "type": p.Type, "sender": p.Sender, "room_id": p.RoomID,
		"content": json.RawMessage(p.Content), "depth": p.Depth, "origin_server_ts": p.OriginServerTS, "hashes": struct{}{}, "signatures": struct{}{},
	}
	if p.StateKey != nil {
		members["state_key"] = *p.StateKey
	}
	if p.RoomID == "" {
		delete(members, "room_id")
	}
	text, err := json.Marshal(members)
	if err != nil {
		return nil, err
	}
	canonical, err := event.Canonical(text, w.v.StrictJSON())
	if err != nil {
		return nil, err
	}
	return w.v.Load(w.id(100+w.n), canonical, false)
}

func (w *world) references(ids []string) []any {
	list := []any{}
	for _, id := range ids {
		if w.v.EventIDInEvent() {
			list = append(list, []any{id, struct{}{}})
		} else {
			list = append(list, id)
		}
	}
	return list
}

// try asks for a state event.
func (w *world) try(typ, key, sender, content string) error {
	w.t.Helper()
	return authz.Check(w.build(w.proto(typ, &key, sender, content)), w.state)
}

// say asks for an event that is no state event.
func (w *world) say(typ, sender, content string) error {
	w.t.Helper()
	return authz.Check(w.build(w.proto(typ, nil, sender, content)), w.state)
}

// want compares what a rule said with what it should.
func (w *world) want(what string, got error, want authz.Refusal) {
	w.t.Helper()
	if got == nil && want == "" || got == error(want) {
		return
	}
	w.t.Errorf("version %s: %s: %v, want %q", w.v, what, got, string(want))
}

// each runs a test in a range of versions.
func each(t *testing.T, from, to event.Version, test func(t *testing.T, v event.Version)) {
	for v := from; v <= to; v++ {
		test(t, v)
	}
}
