package keydirectory_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

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

// ownDocument is what this homeserver publishes now.
func (w *world) ownDocument() []byte {
	w.Helper()
	document, err := serverkeys.Publish(w.Context(), w.own, us, w.clock.Now())
	if err != nil {
		w.Fatal(err)
	}
	return document
}

// fetches has the directory fetch this homeserver's document when it is asked for a key that it
// does not have for long enough, as an identity server does. hold is for how long it holds it.
func (w *world) fetches(hold time.Duration) (fetched *int) {
	fetched = new(int)
	has, until := matrix.KeyID(""), time.Time{}
	w.server.Fetch = func(q idclient.KeyQuery) {
		if q.Server != us || q.ID == has && !q.Until.After(until) {
			return
		}
		held := time.Time{}
		if hold > 0 {
			held = w.clock.Now().Add(hold)
		}
		*fetched++
		has, until = q.ID, w.clock.Now().Add(serverkeys.Life)
		w.server.Document(us, w.ownDocument(), held)
	}
	return fetched
}

// state is what is known of the own key.
func (w *world) state() keydirectory.OwnState {
	w.Helper()
	s, err := w.State(w.Context())
	if err != nil {
		w.Fatal(err)
	}
	return s
}

// The own key comes into the directory at the start, after each rotation, and before what is
// there has run out; and again and again while it does not.
func TestTheOwnKeyIsPublished(t *testing.T) {
	each(t, func(w *world) {
		w.runs(3)
		if s := w.state(); s.Position != 0 || !strings.Contains(w.log.String(), "does not have the key") {
			t.Errorf("%+v %s", s, w.log)
		}
		fetched := w.fetches(0)
		w.runs(5)
		first := w.state()
		key, err := w.own.Current(t.Context())
		if err != nil || first.KeyID != key.ID || first.Position == 0 || *fetched != 1 {
			t.Fatalf("%+v, %v, fetched %d times", first, err, *fetched)
		}
		if _, err := w.own.Rotate(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.runs(2)
		if s := w.state(); s.KeyID == first.KeyID || s.Position <= first.Position || *fetched != 2 {
			t.Errorf("%+v, fetched %d times", s, *fetched)
		}
		w.open() // after kill -9
		for range 24 {
			w.clock.Advance(59 * time.Minute)
			w.server.Seal()
			w.runs(1)
		}
		if *fetched < 3 || *fetched > 4 || w.standing() != 0 || strings.Count(w.log.String(), "stands in the log of servers") != 2 {
			t.Errorf("fetched %d times in a day, %d alarms: %s", *fetched, w.standing(), w.log)
		}
	})
}

// A key that the directory holds back is told of, and stands there when that is over.
func TestTheOwnKeyIsHeld(t *testing.T) {
	each(t, func(w *world) {
		w.fetches(time.Hour)
		w.runs(30)
		if s := w.state(); s.Position != 0 || s.HeldUntil.IsZero() || strings.Count(w.log.String(), "holds the key back") != 1 {
			t.Errorf("%+v %s", s, w.log)
		}
		w.server.Seal()
		w.runs(40)
		if s := w.state(); s.Position == 0 || !s.HeldUntil.IsZero() {
			t.Errorf("%+v %s", s, w.log)
		}
	})
}

// A key in this server's name that it never had is an alarm, whose it is and however it is shown;
// its own are none, those that it had before among them.
func TestKeysInOurName(t *testing.T) {
	evil := serverkeystest.Key("ed25519:evil", "evil")
	doc := func(w *world, keys ...matrix.SigningKey) jsontext.Value {
		return serverkeystest.Doc{Server: us, Keys: keys, Until: w.clock.Now().Add(time.Hour)}.JSON(w.T)
	}
	eachOf(t, map[string]func(w *world){
		"a document":       func(w *world) { w.server.Document(us, doc(w, evil), time.Time{}) },
		"one that is held": func(w *world) { w.server.Document(us, doc(w, evil), w.clock.Now().Add(time.Hour)) },
		"one that was refused": func(w *world) {
			w.server.Record(us, map[string]any{"type": "im.signet.keys.server_keys_conflict.v1", "server_name": us, "keys": doc(w, evil), "key_id": evil.ID})
		},
		"the own id with another key": func(w *world) {
			key, err := w.own.Current(w.Context())
			if err != nil {
				w.Fatal(err)
			}
			w.server.Document(us, doc(w, serverkeystest.Key(key.ID, "evil")), time.Time{})
		},
		"a former key": func(w *world) {
			key, err := w.own.Current(w.Context())
			if err != nil {
				w.Fatal(err)
			}
			w.server.Document(us, serverkeystest.Doc{Server: us, Keys: []matrix.SigningKey{key}, By: []matrix.SigningKey{key}, Old: []matrix.SigningKey{evil}, Expired: w.clock.Now(),
				Until: w.clock.Now().Add(time.Hour)}.JSON(w.T), time.Time{})
		},
		"a decision": func(w *world) {
			w.server.Record(us, map[string]any{"type": "im.signet.keys.server_keys_decision.v1", "server_name": us, "key_id": evil.ID, "is": matrix.EncodeBase64(evil.Public())})
		},
		"a document under many": func(w *world) {
			w.server.Document(us, doc(w, evil), time.Time{})
			for range 5 {
				w.server.Document(us, w.ownDocument(), time.Time{})
			}
		},
	}, func(w *world, show func(w *world)) {
		w.server.Document(us, w.ownDocument(), time.Time{})
		if _, err := w.own.Rotate(w.Context()); err != nil {
			w.Fatal(err)
		}
		w.server.Document(us, w.ownDocument(), time.Time{})
		w.server.Record(us, map[string]any{"type": "im.signet.keys.policy.v1", "server_name": us, "rules": []any{}})
		if err := w.WatchOwn(w.Context()); err != nil || w.standing() != 0 {
			w.Fatalf("%v, %d alarms: %s", err, w.standing(), w.log)
		}
		show(w)
		for range 2 {
			if err := w.WatchOwn(w.Context()); err != nil {
				w.Error(err)
			}
		}
		alarms, err := w.Alarms(w.Context(), true)
		if err != nil || len(alarms) != 1 || alarms[0].Kind != keydirectory.Impostor || !strings.HasPrefix(alarms[0].Subject, us.String()+" ") {
			w.Fatalf("%+v, %v", alarms, err)
		}
		w.publishes(w.server, them, one)
		if got := w.vouched(them); got == "" { // the log holds
			w.Error("the log is not believed")
		}
		w.ends(&alarms[0])
		if err := w.WatchOwn(w.Context()); err != nil || w.standing() != 0 {
			w.Errorf("it is raised again: %v", err)
		}
	})
}

// What the directory says of this server has to be proven too.
func TestRecordsThatAreNotProven(t *testing.T) {
	each(t, func(w *world) {
		w.server.Document(us, w.ownDocument(), time.Time{})
		w.server.Alter(func(b []byte) []byte { return bytes.ReplaceAll(b, []byte(`"position":3`), []byte(`"position":4`)) })
		var alarm *keydirectory.Alarm
		if err := w.WatchOwn(t.Context()); !errors.As(err, &alarm) || alarm.Kind != keydirectory.Servers {
			t.Error(err)
		}
	})
}

// Each key in this server's name is an alarm of its own, also while another one stands; but not so
// many that they fill the database.
func TestMoreKeysInOurName(t *testing.T) {
	each(t, func(w *world) {
		shows := func(want int, keys ...matrix.SigningKey) {
			t.Helper()
			w.server.Document(us, serverkeystest.Doc{Server: us, Keys: keys, Until: w.clock.Now().Add(time.Hour)}.JSON(t), time.Time{})
			for range 2 {
				if err := w.WatchOwn(t.Context()); err != nil || w.standing() != want {
					t.Fatalf("%v, %d alarms, want %d", err, w.standing(), want)
				}
			}
		}
		shows(1, one)
		shows(1, one)
		shows(2, two)
		shows(3, serverkeystest.Key(two.ID, "another"))
		many := map[string]any{}
		for i := range 150 {
			many[fmt.Sprintf("ed25519:%d", i)] = map[string]any{"key": "x", "expired_ts": 1}
		}
		w.server.Record(us, map[string]any{"type": "im.signet.keys.server_keys_conflict.v1", "server_name": us, "keys": map[string]any{"old_verify_keys": many}})
		if err := w.WatchOwn(t.Context()); err != nil || w.standing() != 100 {
			t.Errorf("%v, %d alarms", err, w.standing())
		}
	})
}

// slow is a directory where something happens before it tells what it has about a server.
type slow struct {
	keydirectory.Asker
	happens *func()
}

func (s slow) ServerRecords(ctx context.Context, at idclient.Server, server matrix.ServerName, before int64) ([]byte, error) {
	if happens := *s.happens; happens != nil {
		*s.happens = nil
		happens()
	}
	return s.Asker.ServerRecords(ctx, at, server, before)
}

// A key that is made, and published, while the directory is asked is the own one all the same.
func TestTheOwnKeyIsNew(t *testing.T) {
	each(t, func(w *world) {
		rotates := func() {
			if _, err := w.own.Rotate(t.Context()); err != nil {
				t.Error(err)
			}
			w.server.Document(us, w.ownDocument(), time.Time{})
		}
		w.o.Asker = slow{w.server, &rotates}
		w.open()
		if err := w.WatchOwn(t.Context()); err != nil || w.standing() != 0 || rotates != nil {
			t.Errorf("%v, %d alarms", err, w.standing())
		}
	})
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
