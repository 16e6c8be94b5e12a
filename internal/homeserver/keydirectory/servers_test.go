package keydirectory_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"signet/internal/fedclient"
	"signet/internal/homeserver/keydirectory"
	"signet/internal/homeserver/keydirectory/directorytest"
	"signet/internal/idclient"
	"signet/internal/matrix"
	"signet/internal/serverkeys"
	"signet/internal/serverkeys/serverkeystest"
	"signet/keys/proof"
)

var (
	one = serverkeystest.Key("ed25519:one", "one")
	two = serverkeystest.Key("ed25519:two", "two")
)

// publishes has another server's document stand in the directory.
func (w *world) publishes(d *directorytest.Directory, server matrix.ServerName, keys ...matrix.SigningKey) {
	w.Helper()
	d.Document(server, serverkeystest.Doc{Server: server, Keys: keys, Until: w.clock.Now().Add(24 * time.Hour)}.JSON(w.T), time.Time{})
}

// vouched is what a notary answers of a server, by the keys of each document.
func (w *world) vouched(server matrix.ServerName) (keys string) {
	w.Helper()
	documents, err := w.Vouched(w.Context(), server, "ed25519:one", time.Time{})
	if err != nil {
		w.Fatal(err)
	}
	for _, document := range documents {
		parsed, err := serverkeys.Parse(server, document)
		if err != nil {
			w.Fatal(err)
		}
		for id := range parsed.Verify {
			keys += string(id) + " "
		}
	}
	return keys
}

// What a server publishes is vouched for with the proof that all can see it, which others can
// verify in turn.
func TestServersAreVouchedFor(t *testing.T) {
	each(t, func(w *world) {
		if got := w.vouched(them); got != "" {
			t.Errorf("%s", got)
		}
		w.publishes(w.server, them, one)
		if got := w.vouched(them); got != "ed25519:one " {
			t.Errorf("%s", got)
		}
		w.publishes(w.server, "other.test", two)
		w.publishes(w.server, them, two)
		if got := w.vouched(them); got != "ed25519:one ed25519:two " {
			t.Errorf("%s", got)
		}
		w.open()
		kept, err := w.Proven(t.Context(), them)
		if err != nil {
			t.Fatal(err)
		}
		policy, err := w.server.Config().ServersPolicy()
		if err != nil {
			t.Fatal(err)
		}
		k, err := proof.VerifyServerKeys(kept, them, policy, proof.Seen{})
		if parsed, wrong := serverkeys.Parse(them, k.Document); err != nil || wrong != nil || parsed.Verify[two.ID] == nil {
			t.Errorf("%s: %v, %v", kept, err, wrong)
		}
		if kept, err := w.Proven(t.Context(), "nobody.test"); err != nil || kept != nil {
			t.Errorf("%s, %v", kept, err)
		}
		w.clock.Advance(91 * 24 * time.Hour)
		if err := w.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		if kept, err := w.Proven(t.Context(), them); err != nil || kept != nil {
			t.Errorf("kept for ever: %s, %v", kept, err)
		}
		w.publishes(w.server, id, one) // which is not its to log
		if got := w.vouched(id); got != "" || w.standing() != 0 {
			t.Errorf("it vouches for itself: %s", got)
		}
	})
}

// Keys that the directory holds back are not believed before.
func TestKeysThatAreHeld(t *testing.T) {
	each(t, func(w *world) {
		w.server.Document(them, serverkeystest.Doc{Server: them, Keys: []matrix.SigningKey{one}, Until: w.clock.Now().Add(24 * time.Hour)}.JSON(t), w.clock.Now().Add(time.Hour))
		held := w.clock.Now()
		w.server.Now = func() time.Time { return held.Add(2 * time.Hour) } // it tells all the same
		if got := w.vouched(them); got != "" {
			t.Errorf("%s", got)
		}
		if kept, err := w.Proven(t.Context(), them); err != nil || kept != nil {
			t.Errorf("%s, %v", kept, err)
		}
	})
}

// documents has the directory serve documents that were changed.
func (w *world) documents(change func(document map[string]any)) {
	w.server.Alter(func(b []byte) []byte {
		var said map[string]any
		if json.Unmarshal(b, &said) != nil || said["server_keys"] == nil {
			return b
		}
		for _, document := range said["server_keys"].([]any) {
			change(document.(map[string]any))
		}
		b, err := json.Marshal(said)
		if err != nil {
			w.Fatal(err)
		}
		return b
	})
}

// Of a server that the directory lies about nothing is believed, nor of any other; and nobody
// else may stand in.
func TestLiesAboutServers(t *testing.T) {
	evil := serverkeystest.Key("ed25519:one", "evil")
	type lie struct {
		tell func(w *world)
		step proof.Step
	}
	eachOf(t, map[string]lie{
		"no proof": {func(w *world) { w.documents(func(d map[string]any) { delete(d, "unsigned") }) }, proof.StepRecord},
		"other keys": {func(w *world) {
			w.documents(func(d map[string]any) {
				other := serverkeystest.Doc{Server: them, Keys: []matrix.SigningKey{evil}, Until: w.clock.Now().Add(time.Hour)}.JSON(w.T)
				unsigned := d["unsigned"]
				clear(d)
				if err := json.Unmarshal(other, &d); err != nil {
					w.Fatal(err)
				}
				d["unsigned"] = unsigned
			})
		}, proof.StepDocument},
		"another server's": {func(w *world) {
			w.publishes(w.server, "other.test", two)
			w.documents(func(d map[string]any) { d["server_name"] = "other.test" })
		}, proof.StepDocument},
		"a forked log": {func(w *world) {
			fork := directorytest.New(w.T, id, "first", w.clock.Now)
			for range 3 {
				w.publishes(fork, them, evil)
			}
			w.o.Asker = fork
		}, proof.StepConsistency},
		"a log that shrank": {func(w *world) {
			for range 3 {
				w.publishes(w.server, them, one)
			}
			w.vouched(them)
			fork := directorytest.New(w.T, id, "first", w.clock.Now)
			w.publishes(fork, them, evil)
			w.o.Asker = fork
		}, proof.StepConsistency},
		"nonsense": {func(w *world) {
			w.server.Alter(func([]byte) []byte { return []byte(`{"server_keys":[7]}`) })
		}, proof.StepRecord},
	}, func(w *world, lie lie) {
		w.server.Person(alice, "a0")
		w.publishes(w.server, them, one)
		w.vouched(them)
		lie.tell(w)
		w.open()
		var alarm *keydirectory.Alarm
		documents, err := w.Vouched(w.Context(), them, "ed25519:one", time.Time{})
		if !errors.As(err, &alarm) || alarm.Kind != keydirectory.Servers || alarm.Step != string(lie.step) || alarm.Subject != them.String() || documents != nil {
			w.Fatalf("%v %s", err, documents)
		}
		w.server.Alter(nil)
		w.o.Asker = w.server
		w.open()
		asked := w.server.Asked()
		if _, err := w.Vouched(w.Context(), "other.test", "ed25519:two", time.Time{}); !errors.As(err, &alarm) || w.server.Asked() != asked {
			w.Errorf("it is asked for others: %v", err)
		}
		if kept, err := w.Proven(w.Context(), them); err != nil || kept != nil {
			w.Errorf("it is still served: %s, %v", kept, err)
		}
		w.finds(alice, "a0")
		w.ends(alarm)
		if got := w.vouched(them); !strings.Contains(got, "one") {
			w.Errorf("%s", got)
		}
	})
}

// An identity server that does not answer knows nothing; one of whose log nothing can be read is
// not believed, and not blamed.
func TestNoAnswerAboutServers(t *testing.T) {
	each(t, func(w *world) {
		w.publishes(w.server, them, one)
		w.vouched(them)
		w.publishes(w.server, them, two)
		w.o.Asker = noTiles{w.server}
		w.open()
		if got := w.vouched(them); got != "" {
			t.Errorf("%s", got)
		}
		for _, why := range []error{fedclient.ErrUnreachable, fedclient.Refusal{Status: 500}, fedclient.Refusal{Status: 404, Errcode: matrix.Unrecognized}} {
			w.server.Fail(why)
			if got := w.vouched(them); got != "" {
				t.Errorf("%s", got)
			}
		}
		if n := w.standing(); n != 0 {
			t.Errorf("%d alarms", n)
		}
	})
}

// noTiles is a directory of whose logs the checkpoints alone can be read.
type noTiles struct{ keydirectory.Asker }

func (noTiles) KeyLogTile(context.Context, idclient.Server, string, string) ([]byte, error) {
	return nil, fedclient.ErrUnreachable
}

// Logs that do not go on, or go on otherwise, are found though nobody is looked up.
func TestTheLogsAreWatched(t *testing.T) {
	each(t, func(w *world) {
		w.publishes(w.server, them, one)
		w.vouched(them)
		w.server.Person(alice, "a0")
		for range 3 {
			w.watched(nil)
			w.server.Seal()
		}
		w.clock.Advance(2 * time.Hour)
		w.watched(map[keydirectory.Kind]proof.Step{keydirectory.Users: proof.StepTimes, keydirectory.Servers: proof.StepTimes})
		var alarm *keydirectory.Alarm
		if _, err := w.Vouched(t.Context(), them, "ed25519:one", time.Time{}); !errors.As(err, &alarm) {
			t.Errorf("an old log is believed: %v", err)
		}
		if kept, err := w.Proven(t.Context(), them); err != nil || kept != nil {
			t.Errorf("an old log is served: %s, %v", kept, err)
		}
		w.server.Seal()
		if got := w.vouched(them); got == "" {
			t.Error("a log that goes on is not believed")
		}
		w.watched(nil)
		if w.standing() != 0 {
			t.Error("an old log is an alarm though it goes on")
		}
		w.server.Rotate("second")
		w.watched(nil)
		shrunk := directorytest.New(t, id, "first", w.clock.Now)
		shrunk.Rotate("second")
		w.o.Asker = shrunk
		w.open()
		w.watched(map[keydirectory.Kind]proof.Step{keydirectory.Users: proof.StepConsistency, keydirectory.Servers: proof.StepConsistency})
	})
}

// watched watches, and checks what is an alarm then.
func (w *world) watched(want map[keydirectory.Kind]proof.Step) {
	w.Helper()
	if err := w.Watch(w.Context()); (err == nil) != (len(want) == 0) {
		w.Fatal(err)
	}
	alarms, err := w.Alarms(w.Context(), true)
	if err != nil || len(alarms) != len(want) {
		w.Fatalf("%v, %v", alarms, err)
	}
	for _, a := range alarms {
		if string(want[a.Kind]) != a.Step {
			w.Errorf("%+v", a)
		}
	}
}

// What the directory adds to a document is proven by nothing, and not given on.
func TestWhatIsAddedIsLeftOut(t *testing.T) {
	each(t, func(w *world) {
		w.publishes(w.server, them, one)
		w.documents(func(d map[string]any) {
			d["unsigned"].(map[string]any)["evil"] = "evil"
			d["signatures"].(map[string]any)["us.test"] = map[string]any{"ed25519:evil": "evil"}
		})
		documents, err := w.Vouched(t.Context(), them, one.ID, time.Time{})
		kept, wrong := w.Proven(t.Context(), them)
		if err != nil || wrong != nil || len(documents) != 1 || !bytes.Equal(documents[0], kept) || bytes.Contains(kept, []byte("evil")) {
			t.Errorf("%s, %v; kept is %s, %v", documents, err, kept, wrong)
		}
	})
}
