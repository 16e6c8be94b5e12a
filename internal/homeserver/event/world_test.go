package event_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/matrix-org/gomatrixserverlib"

	"signet/internal/homeserver/event"
	"signet/internal/matrix"
)

// ours is the server that makes the events of the tests.
var ours = event.Signer{Server: "x.org", Key: matrix.SigningKey{ID: "ed25519:1", Private: ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, 32))}}

// signer is another server.
func signer(server matrix.ServerName) event.Signer {
	seed := sha256.Sum256([]byte(server))
	return event.Signer{Server: server, Key: matrix.SigningKey{ID: "ed25519:1", Private: ed25519.NewKeyFromSeed(seed[:])}}
}

// keys knows the key of every signer.
func keys(server matrix.ServerName, id matrix.KeyID, _ int64) (ed25519.PublicKey, bool) {
	s := signer(server)
	if server == ours.Server {
		s = ours
	}
	return s.Key.Public(), id == s.Key.ID
}

// roomID is a room id as the version has them.
func roomID(v event.Version) string {
	if v.RoomIDFromCreate() {
		return "!31hneApxJ_1o-63DmFrpeqnkFfWppnzWso1JvH3ogLM"
	}
	return "!room:x.org"
}

// eventID is the id of some event, as the version has them.
func eventID(v event.Version, n int) string {
	hash := sha256.Sum256(fmt.Append(nil, n))
	id := "$" + matrix.EncodeBase64(hash[:])
	switch {
	case v.EventIDInEvent():
		return fmt.Sprintf("$%d:x.org", n)
	case v.URLSafeEventIDs():
		return string(bytes.Map(func(r rune) rune {
			switch r {
			case '+':
				return '-'
			case '/':
				return '_'
			}
			return r
		}, []byte(id)))
	}
	return id
}

// message is a message as Alice sends it.
func message(v event.Version) event.Proto {
	p := event.Proto{
		RoomID: roomID(v), Type: "m.room.message", Sender: "@alice:x.org", Content: []byte(`{"msgtype":"m.text","body":"hello"}`),
		OriginServerTS: 1234567890123, Depth: 17,
		AuthEvents: []string{eventID(v, 1), eventID(v, 2), eventID(v, 3)}, PrevEvents: []string{eventID(v, 4)},
		EventID: "$17:x.org", Hashes: map[string][sha256.Size]byte{},
	}
	for n := range 5 {
		p.Hashes[eventID(v, n)] = sha256.Sum256(fmt.Append(nil, n))
	}
	return p
}

// state is a state event as Alice sends it.
func state(v event.Version, typ, key, content string) event.Proto {
	p := message(v)
	p.Type, p.StateKey, p.Content = typ, &key, []byte(content)
	if typ == "m.room.create" && v.RoomIDFromCreate() {
		p.RoomID = ""
	}
	return p
}

func build(t testing.TB, v event.Version, p event.Proto) *event.Event {
	t.Helper()
	e, err := v.Build(p, ours)
	if err != nil {
		t.Fatalf("building in version %s: %v", v, err)
	}
	return e
}

// library is the room version as the independent implementation has it.
func library(v event.Version) gomatrixserverlib.IRoomVersion {
	return gomatrixserverlib.MustGetRoomVersion(gomatrixserverlib.RoomVersion(v.String()))
}

// buildThere has the independent implementation build the same event.
func buildThere(t testing.TB, v event.Version, p event.Proto) gomatrixserverlib.PDU {
	t.Helper()
	b := library(v).NewEventBuilderFromProtoEvent(&gomatrixserverlib.ProtoEvent{
		SenderID: p.Sender, RoomID: p.RoomID, Type: p.Type, StateKey: p.StateKey, PrevEvents: p.PrevEvents, AuthEvents: p.AuthEvents,
		Redacts: p.Redacts, Depth: p.Depth, Content: p.Content, Version: library(v),
	})
	pdu, err := b.Build(time.UnixMilli(p.OriginServerTS), "x.org", "ed25519:1", ours.Key.Private)
	if err != nil {
		t.Fatalf("building there in version %s: %v", v, err)
	}
	return pdu
}

// events are protos of all the types that redaction knows, and some others, with members
// that it takes and members that it leaves.
func events(v event.Version) []event.Proto {
	level := `"ban":50,"events":{"m.room.name":50},"events_default":0,"invite":0,"kick":50,"redact":50,"state_default":50,"users":{"@a:x.org":100},"users_default":0`
	protos := []event.Proto{
		message(v),
		state(v, "m.room.member", "@bob:y.org", `{"membership":"invite","displayname":"Bob \"\\\u0001é\u00e9😀","join_authorised_via_users_server":"@alice:x.org"}`),
		state(v, "m.room.create", "", `{"creator":"@alice:x.org","room_version":"`+v.String()+`","m.federate":true,"predecessor":{"room_id":"!old:x.org"}}`),
		state(v, "m.room.join_rules", "", `{"join_rule":"restricted","allow":[{"type":"m.room_membership","room_id":"!a:b"}],"x":1}`),
		state(v, "m.room.power_levels", "", `{`+level+`,"notifications":{"room":50},"x":{"y":[1,2,{}]}}`),
		state(v, "m.room.aliases", "x.org", `{"aliases":["#a:x.org"],"b":null}`),
		state(v, "m.room.history_visibility", "", `{"history_visibility":"shared","c":false}`),
		state(v, "m.room.topic", "", `{"topic":"<b>&amp;</b>  "}`),
		state(v, "org.example.thing", "k\n\"ey", `{"deep":[[[{"z":1,"a":[],"é":{}}]]],"n":-9007199254740991}`),
	}
	redaction := message(v)
	redaction.Type = "m.room.redaction"
	if v.RedactsInContent() {
		redaction.Content = []byte(`{"redacts":"` + eventID(v, 4) + `","reason":"spam"}`)
	} else {
		redaction.Redacts, redaction.Content = eventID(v, 4), []byte(`{"reason":"spam"}`)
	}
	return append(protos, redaction)
}

// randomValue is some JSON, canonical or not.
func randomValue(r *rand.Rand, depth int) string {
	switch n := r.IntN(8); {
	case n == 0 && depth > 0:
		return randomObject(r, depth-1)
	case n == 1 && depth > 0:
		return "[" + randomValue(r, depth-1) + ", " + randomValue(r, depth-1) + "]"
	case n == 2:
		return fmt.Sprint(r.Int64N(1<<54) - 1<<53 + 1)[:1+r.IntN(3)] + "1"
	case n == 3:
		return "true"
	case n == 4:
		return "null"
	}
	words := []string{`"a"`, `"\u0041"`, `"\/"`, `"é"`, `"\ud83d\ude00"`, `"\u0000\u001f"`, `"\n\t"`, `""`, `"<&>"`, "\"\u2028\""}
	return words[r.IntN(len(words))]
}

// randomObject has names whose order differs between octets and UTF-16, too.
func randomObject(r *rand.Rand, depth int) string {
	names := []string{"membership", "users", "allow", "aliases", "creator", "invite", "redacts", "b", "a", "", "é", "\U0001f600", "\uffee", "ab", "B", "~", "10", "9"}
	r.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	var b bytes.Buffer
	b.WriteByte('{')
	for i, name := range names[:r.IntN(8)] {
		if i > 0 {
			b.WriteString(" ,")
		}
		fmt.Fprintf(&b, "\"%s\" : %s", name, randomValue(r, depth))
	}
	b.WriteByte('}')
	return b.String()
}
