package inbound

import (
	"crypto/sha256"
	"testing"

	"signet/internal/homeserver/event"
)

// What a template says that an event follows is ids, each with its hash where the version
// has it so, or an error.
func FuzzReferences(f *testing.F) {
	f.Add([]byte(`{"list":["$a"],"depth":1}`))
	f.Add([]byte(`{"list":[["$a:b",{"sha256":"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU"}]],"depth":9007199254740991}`))
	f.Add([]byte(`{"list":[[],{},null,1,"\u0000"],"depth":-1}`))
	f.Fuzz(func(t *testing.T, template []byte) {
		canonical, err := event.Canonical(template, false)
		if err != nil {
			return
		}
		o := event.Value(canonical)
		for _, v := range []event.Version{event.V1, event.V12} {
			hashes := map[string][sha256.Size]byte{}
			ids, err := references(v, o.Field("list"), hashes)
			if err != nil {
				continue
			}
			for _, id := range ids {
				if _, hashed := hashes[id]; id == "" || hashed != v.EventIDInEvent() {
					t.Errorf("version %s: %q of %s, hashed: %v", v, id, template, hashed)
				}
			}
		}
		if depth, err := integer(o.Field("depth")); err == nil && depth < 0 {
			t.Errorf("depth %d", depth)
		}
	})
}

// The room of an event is one, or an error.
func FuzzRoomOf(f *testing.F) {
	f.Add([]byte(`{"room_id":"!a:b"}`))
	f.Add([]byte(`{"room_id":["!a:b"]}`))
	f.Add([]byte(`{"room_id":"!a:b","room_id":"!c:d"}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if id, err := roomOf(raw); err == nil && (len(id) < 2 || id[0] != '!') {
			t.Errorf("%q of %s", id, raw)
		}
	})
}
