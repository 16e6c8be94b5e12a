package inbound_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/homeserver/authz"
	"signet/internal/homeserver/event"
	"signet/internal/homeserver/room"
	"signet/internal/store/storetest"
)

// Whatever is in an event that is signed, by somebody who may do all in the room, it is dealt
// with, once and for all, and the room goes on. The database is PostgreSQL where there is one,
// which takes less than SQLite.
func FuzzReceive(f *testing.F) {
	url := storetest.SQLite(f)
	if os.Getenv(storetest.PostgresURL) != "" {
		url = storetest.PostgreSQL(f)
	}
	here := open(f, storetest.Open(f, url, owners), "here.test")
	far := open(f, storetest.Open(f, storetest.SQLite(f), owners), "far.test")
	here.far.server, far.far.server = far, here
	versions, rooms := []event.Version{event.V1, event.V5, event.V11}, map[event.Version]string{}
	for _, v := range versions {
		rooms[v] = far.create(v, erin)
		here.join(rooms[v], alice)
	}
	for v := range uint8(3) {
		f.Add(v, "m.room.message", "-", `{"body":"\u0000"}`, "", int64(5), int64(-1), false)
		f.Add(v, "m.room.member", string(alice), `{"membership":"join"}`, "", int64(1)<<62, int64(1)<<62, true)
		f.Add(v, "m.room.redaction", "-", `{"redacts":"$x"}`, "$\x00", int64(0), int64(0), false)
		f.Add(v, "m.room.power_levels", "", `{"users":{"@erin:far.test":"100"},"events":{"x":9007199254740991}}`, "", int64(9), int64(9), true)
		f.Add(v, "m.room.server_acl", "", `{"allow":["*?","here.test","far.test"]}`, "", int64(9), int64(9), false)
		f.Add(v, "m.room.create", "", `{"creator":"@erin:far.test","predecessor":{"room_id":7}}`, "", int64(9), int64(9), true)
		f.Add(v, "m.space.child", "!a:b", `{"via":{},"order":[]}`, "", int64(9), int64(9), false)
	}
	f.Fuzz(func(t *testing.T, version uint8, typ, key, content, redacts string, depth, ts int64, aside bool) {
		here, far, v := *here, *far, versions[int(version)%len(versions)]
		here.TB, far.TB = t, t
		id := rooms[v]
		e := far.strange(v, id, event.Proto{Type: typ, StateKey: &key, Content: []byte(content), Redacts: redacts, Depth: depth, OriginServerTS: ts}, aside, &here)
		if e == nil {
			return
		}
		here.in.Receive(t.Context(), "far.test", []jsontext.Value{jsontext.Value(e.JSON())})
		var waiting int
		here.ok(here.db.QueryRow(t.Context(), `SELECT COUNT(*) FROM inbound_events`).Scan(&waiting))
		if waiting > 0 {
			t.Fatalf("it is not dealt with: %s", e.JSON())
		}
		_, err := here.rooms.Send(t.Context(), room.Sending{Room: id, Sender: alice, Type: "m.room.message", Content: []byte(`{}`)})
		if _, refused := errors.AsType[authz.Refusal](err); err != nil && !refused {
			t.Errorf("the room has ended with %s: %v", e.JSON(), err)
		}
	})
}

// strange is an event of a draft at the end of a room, or beside it; nil if it can be none.
func (s *server) strange(v event.Version, id string, p event.Proto, aside bool, here *server) *event.Event {
	r := mustRoom(s, id)
	p.RoomID, p.Sender, p.Hashes = id, string(erin), map[string][sha256.Size]byte{}
	if *p.StateKey == noKey {
		p.StateKey = nil
	}
	if v.EventIDInEvent() {
		p.EventID = fmt.Sprintf("$%x:far.test", sha256.Sum256(fmt.Appendf(nil, "%+v %v", p, p.StateKey)))
	}
	for _, key := range authz.NeededFor(v, p) {
		if e, err := s.rooms.Current(s.Context(), r, key); err == nil {
			p.AuthEvents, p.Hashes[e.ID()] = append(p.AuthEvents, e.ID()), e.ReferenceHash()
		}
	}
	ends := s.ends(id) // which is far behind
	if !aside {
		ends = here.ends(id)
	}
	for _, end := range ends {
		of := s
		if !aside {
			of = here
		}
		p.PrevEvents, p.Hashes[end] = append(p.PrevEvents, end), of.event(id, end).ReferenceHash()
	}
	e, err := v.Build(p, s.signer)
	if err != nil {
		return nil
	}
	return e
}
