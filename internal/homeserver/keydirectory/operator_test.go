package keydirectory_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"signet/internal/homeserver/keydirectory"
	"signet/internal/homeserver/keydirectory/directorytest"
)

// overview is what the operator is shown.
func (w *world) overview() keydirectory.Overview {
	w.Helper()
	o, err := w.Overview(w.Context())
	if err != nil {
		w.Fatal(err)
	}
	return o
}

// An operator sees what is kept, without a question to anybody.
func TestTheOperatorSees(t *testing.T) {
	each(t, func(w *world) {
		if o := w.overview(); o.Root != nil || o.Users != nil || o.Servers != nil || o.Own.KeyID != "" || len(o.Alarms) != 0 || w.server.Asked() != 0 {
			t.Errorf("%+v", o)
		}
		w.server.Person(alice, "a0")
		w.finds(alice, "a0")
		w.publishes(w.server, them, one)
		w.vouched(them)
		w.server.Alter(func([]byte) []byte { return nil })
		alarm := w.alarmed(bob, keydirectory.Users, "")
		o := w.overview()
		if o.Root == nil || o.Root.Server != id || o.Users == nil || o.Users.N != 5 || o.Servers == nil || o.Servers.N != 5 || len(o.Alarms) != 1 || o.Alarms[0].ID != alarm.ID {
			t.Errorf("%+v", o)
		}
		if _, err := w.Evidence(t.Context(), alarm.ID+1); !errors.Is(err, keydirectory.ErrNoAlarm) {
			t.Errorf("%v", err)
		}
	})
}

// An identity server that was set up anew is believed when the operator says so, and that its logs
// are others; a key for values that is new, without that.
func TestTheOperatorTrusts(t *testing.T) {
	each(t, func(w *world) {
		w.server.Person(alice, "a0")
		w.finds(alice, "a0")
		anew := directorytest.New(t, id, "second", w.clock.Now)
		anew.Person(alice, "a9")
		w.o.Asker = anew
		w.open()
		alarm := w.alarmed(alice, keydirectory.Root, "")
		if _, err := w.Trust(t.Context(), []byte(`{}`), true); err == nil {
			t.Error("nothing is trusted")
		}
		w.alarmed(alice, keydirectory.Root, "")
		if _, err := w.Trust(t.Context(), nil, true); err != nil {
			t.Fatal(err)
		}
		w.alarmed(alice, keydirectory.Root, "") // until it is ended
		w.ends(alarm)
		w.finds(alice, "a9")
		if o := w.overview(); o.Users.N != 5 {
			t.Errorf("%+v", o)
		}
	})
	each(t, func(w *world) {
		w.server.Person(alice, "a0")
		w.finds(alice, "a0")
		text, err := json.Marshal(w.server.Config())
		if err != nil {
			t.Fatal(err)
		}
		if root, err := w.Trust(t.Context(), text, false); err != nil || root.Server != id {
			t.Errorf("%+v, %v", root, err)
		}
		shrunk := directorytest.New(t, id, "first", w.clock.Now)
		w.o.Asker = shrunk
		w.open()
		w.alarmed(alice, keydirectory.Users, "consistency") // what was seen still holds
	})
}

// What was seen long ago of people is forgotten.
func TestVersionsAreForgotten(t *testing.T) {
	each(t, func(w *world) {
		w.server.Person(alice, "a0")
		w.finds(alice, "a0")
		versions := func() (n int) {
			if err := w.o.DB.QueryRow(t.Context(), `SELECT COUNT(*) FROM keydirectory_versions`).Scan(&n); err != nil {
				t.Fatal(err)
			}
			return n
		}
		for _, want := range []int{1, 0} {
			w.clock.Advance(180 * 24 * time.Hour)
			if err := w.Sweep(t.Context()); err != nil || versions() != want && want == 0 {
				t.Errorf("%d versions, %v", versions(), err)
			}
			if want == 1 && versions() != 1 {
				t.Error("forgotten after half a year")
			}
			w.clock.Advance(181 * 24 * time.Hour)
		}
	})
}

// What the operator trusts is not undone by what was asked before.
func TestTheOperatorTrustsMeanwhile(t *testing.T) {
	each(t, func(w *world) {
		w.finds(alice, "")
		w.server.Rotate("second")
		server := directorytest.New(t, id, "anew", w.clock.Now)
		anew := server.Config()
		text, err := json.Marshal(anew)
		if err != nil {
			t.Fatal(err)
		}
		operator, asked := w.Directory, &crossing{Asker: w.server}
		asked.happens = func() {
			asked.Asker = server
			if _, err := operator.Trust(t.Context(), text, false); err != nil {
				t.Error(err)
			}
		}
		w.o.Asker = asked
		w.open()
		if err := w.Refresh(t.Context()); err != nil {
			t.Error(err)
		}
		if o := w.overview(); o.Root == nil || !slices.Equal(o.Root.Users.VKeys, anew.Users.VKeys) {
			t.Errorf("trusted is %+v", o.Root)
		}
	})
}
