package keydirectory_test

import (
	"errors"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/homeserver/keydirectory"
	"signet/keys/value"
)

// Of keys that were erased a moment ago the log does not say so yet, and nothing opens them any
// more. That is no alarm, and nothing is believed of them.
func TestKeysThatAreBeingErased(t *testing.T) {
	each(t, func(w *world) {
		w.server.Person(alice, "a0")
		w.server.Alter(func(answer []byte) []byte {
			var members map[string]jsontext.Value
			if err := json.Unmarshal(answer, &members); err != nil {
				t.Error(err)
			}
			delete(members, "opening")
			delete(members, "value")
			answer, err := json.Marshal(members)
			if err != nil {
				t.Error(err)
			}
			return answer
		})
		if found, err := w.Lookup(t.Context(), "mxid:"+alice.String()); !errors.Is(err, keydirectory.ErrErasing) || found.Present {
			t.Errorf("Lookup = %+v, %v", found, err)
		}
		w.server.Alter(nil)
		w.server.Erased(alice)
		found, err := w.Lookup(t.Context(), "mxid:"+alice.String())
		if _, is := found.Value.(*value.Tombstone); err != nil || !is || found.Version != 1 {
			t.Errorf("Lookup = %+v, %v", found.Result, err)
		}
		if n := w.standing(); n != 0 {
			t.Errorf("%d alarms stand", n)
		}
	})
}
