package keydirectory_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/homeserver/keydirectory"
	"signet/internal/idclient"
	"signet/internal/matrix"
	"signet/internal/serverkeys"
	"signet/internal/serverkeys/serverkeystest"
)

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
