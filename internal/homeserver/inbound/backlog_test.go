package inbound_test

import (
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/homeserver/event"
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
