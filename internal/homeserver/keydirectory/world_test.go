package keydirectory_test

import (
	"bytes"
	"errors"
	"log/slog"
	"testing"

	"signet/internal/clocktest"
	"signet/internal/homeserver/keydirectory"
	"signet/internal/homeserver/keydirectory/directorytest"
	"signet/internal/keyring"
	"signet/internal/keyring/keyringtest"
	"signet/internal/matrix"
	"signet/internal/seal/sealtest"
	"signet/internal/store"
	"signet/internal/store/storetest"
	"signet/keys/proof"
	"signet/keys/value"
)

const (
	id    = matrix.ServerName("id.test")
	us    = matrix.ServerName("us.test")
	them  = matrix.ServerName("them.test")
	alice = matrix.UserID("@alice:us.test")
	bob   = matrix.UserID("@bob:them.test")
)

// world is a homeserver, and the identity server whose directory it reads.
type world struct {
	*testing.T
	*keydirectory.Directory
	server *directorytest.Directory
	clock  *clocktest.Clock
	log    *bytes.Buffer
	raised int
	own    *keyring.Ring
	o      keydirectory.Options
}

func each(t *testing.T, story func(w *world)) {
	storetest.Each(t, []string{"seal", "keyring", "keydirectory"}, func(t *testing.T, db *store.DB) {
		w := &world{T: t, clock: clocktest.New()}
		w.own = keyringtest.Open(t, db, sealtest.Vault(t, db, w.clock.Now), w.clock.Now, keyring.Federation)
		w.o = keydirectory.Options{DB: db, Now: w.clock.Now, Own: keydirectory.Own{Server: us, Keys: w.own}, Raised: func(keydirectory.Alarm) { w.raised++ }}
		w.begin()
		story(w)
	})
}

// eachOf tells many stories, one after the other, each of which begins with nothing.
func eachOf[S any](t *testing.T, stories map[string]S, story func(w *world, s S)) {
	each(t, func(w *world) {
		top := w.T
		for name, s := range stories {
			top.Run(name, func(t *testing.T) {
				w.T = t
				w.begin()
				story(w, s)
			})
		}
	})
}

// begin begins with nothing.
func (w *world) begin() {
	w.Helper()
	for _, table := range []string{"roots", "heads", "versions", "alarms", "documents", "own"} {
		if _, err := w.o.DB.Exec(w.Context(), "DELETE FROM keydirectory_"+table); err != nil {
			w.Fatal(err)
		}
	}
	w.log, w.raised = &bytes.Buffer{}, 0
	w.server = directorytest.New(w.T, id, "first", w.clock.Now)
	w.o.Asker, w.o.At, w.o.Log = w.server, w.server.Server(), slog.New(slog.NewTextHandler(w.log, nil))
	w.open()
}

// open begins as after kill -9.
func (w *world) open() { w.Directory = keydirectory.New(w.o) }

// finds looks a user up who has published a key, "" for none.
func (w *world) finds(user matrix.UserID, key string) keydirectory.Found {
	w.Helper()
	found, err := w.Lookup(w.Context(), "mxid:"+user.String())
	if err != nil {
		w.Fatalf("%s: %v", user, err)
	}
	if found.Present != (key != "") {
		w.Fatalf("%s is there: %t", user, found.Present)
	}
	if key == "" {
		return found
	}
	published, is := found.Value.(*value.User)
	if !is || published.MXID != user || string(published.Keys[value.Master]) != directorytest.Key(key) {
		w.Errorf("%s has %v", user, found.Value)
	}
	return found
}

// alarmed checks that a look-up ends in an alarm of a step.
func (w *world) alarmed(user matrix.UserID, kind keydirectory.Kind, step proof.Step) *keydirectory.Alarm {
	w.Helper()
	found, err := w.Lookup(w.Context(), "mxid:"+user.String())
	var alarm *keydirectory.Alarm
	if !errors.As(err, &alarm) {
		w.Fatalf("%s: %v", user, err)
	}
	if alarm.Kind != kind || alarm.Step != string(step) || alarm.ID == 0 || alarm.Reason == "" || found.Value != nil || found.Present {
		w.Fatalf("%s: %+v with %+v", user, alarm, found)
	}
	return alarm
}

func (w *world) standing() int {
	w.Helper()
	alarms, err := w.Alarms(w.Context(), true)
	if err != nil {
		w.Fatal(err)
	}
	return len(alarms)
}
