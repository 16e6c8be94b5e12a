package keydirectory_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"signet/internal/fedclient"
	"signet/internal/homeserver/keydirectory"
	"signet/internal/homeserver/keydirectory/directorytest"
	"signet/internal/idclient"
	"signet/internal/matrix"
	"signet/keys/proof"
	"signet/keys/value"
)

// What is published is found, and each answer proves itself to whoever has it.
func TestPeopleAreFound(t *testing.T) {
	each(t, func(w *world) {
		w.server.Person(alice, "a0")
		w.finds(alice, "a0")
		w.finds(bob, "")
		w.server.Person(alice, "a1")
		w.server.Person(bob, "b0")
		found := w.finds(alice, "a1")
		if found.Version != 1 || !found.Reset {
			t.Errorf("%+v", found.Result)
		}
		w.open()
		w.finds(bob, "b0")
		root, err := proof.ParseConfig(found.Root)
		if err != nil {
			t.Fatal(err)
		}
		policy, err := root.Policy()
		if err != nil {
			t.Fatal(err)
		}
		lookup, err := proof.Parse(found.Answer)
		if err != nil {
			t.Fatal(err)
		}
		lookup.Consistency = nil
		if _, err := proof.Verify(lookup, proof.Asked{Label: "mxid:" + alice.String()}, policy, w.clock.Now()); err != nil {
			t.Error(err)
		}
		if n := w.standing(); n != 0 || strings.Count(w.log.String(), "believed for this once") != 1 {
			t.Errorf("%d alarms, %s", n, w.log)
		}
	})
}

// Only users are looked up, and nobody is asked for anything else.
func TestOnlyUsers(t *testing.T) {
	each(t, func(w *world) {
		for _, label := range []string{"", "mxid:", "mxid:alice", "email:alice@us.test", "binding:email:alice@us.test", "msisdn:491701234567"} {
			if _, err := w.Lookup(t.Context(), label); !errors.Is(err, keydirectory.ErrLabel) {
				t.Errorf("%q: %v", label, err)
			}
		}
		if w.server.Asked() != 0 {
			t.Error("it was asked")
		}
	})
}

// lie is what a directory shows that does not hold, after the homeserver has seen it with alice.
type lie struct {
	tell func(w *world)
	kind keydirectory.Kind
	step proof.Step
}

// answers has the directory give one answer to all, as another has given it.
func (w *world) answers(from *directorytest.Directory, label string, seen int64) {
	w.Helper()
	answer, err := from.LookupKeys(w.Context(), from.Server(), label, seen)
	if err != nil {
		w.Fatal(err)
	}
	w.server.Alter(func([]byte) []byte { return answer })
}

// edits changes the members of each answer.
func (w *world) edits(change func(l map[string]any)) {
	w.server.Alter(func(b []byte) []byte {
		var l map[string]any
		if err := json.Unmarshal(b, &l); err != nil {
			w.Fatal(err)
		}
		change(l)
		b, err := json.Marshal(l)
		if err != nil {
			w.Fatal(err)
		}
		return b
	})
}

var lies = map[string]lie{
	"a forked log": {func(w *world) {
		fork := directorytest.New(w.T, id, "first", w.clock.Now)
		for range 3 {
			fork.Person(bob, "evil")
		}
		w.o.Asker = fork
	}, keydirectory.Users, proof.StepConsistency},
	"two logs of one size": {func(w *world) {
		fork := directorytest.New(w.T, id, "first", w.clock.Now)
		fork.Person(bob, "evil")
		w.o.Asker = fork
	}, keydirectory.Users, proof.StepConsistency},
	"a log that shrank": {func(w *world) { w.o.Asker = directorytest.New(w.T, id, "first", w.clock.Now) }, keydirectory.Users, proof.StepConsistency},
	"somebody else's answer": {func(w *world) {
		w.server.Person(bob, "b0")
		w.answers(w.server, "mxid:"+bob.String(), 5)
	}, keydirectory.Users, proof.StepLadder},
	"nothing where there was something": {func(w *world) { w.answers(w.server, "mxid:"+bob.String(), 5) }, keydirectory.Users, proof.StepLadder},
	"other keys": {func(w *world) {
		w.edits(func(l map[string]any) {
			l["value"].(map[string]any)["keys"] = map[string]any{"ed25519:master": directorytest.Public("evil")}
		})
	}, keydirectory.Users, proof.StepOpening},
	"no proof":       {func(w *world) { w.edits(func(l map[string]any) { l["ladder"] = []any{} }) }, keydirectory.Users, proof.StepLadder},
	"no checkpoint":  {func(w *world) { w.edits(func(l map[string]any) { delete(l, "checkpoint") }) }, keydirectory.Users, proof.StepCheckpoint},
	"not a look-up":  {func(w *world) { w.server.Alter(func([]byte) []byte { return []byte(`<html>`) }) }, keydirectory.Users, ""},
	"nothing at all": {func(w *world) { w.server.Alter(func([]byte) []byte { return nil }) }, keydirectory.Users, ""},
	"too much": {func(w *world) {
		w.server.Alter(func(b []byte) []byte { return append(b, bytes.Repeat([]byte(" "), 2<<20)...) })
	}, keydirectory.Users, ""},
	"a log of the future": {func(w *world) {
		w.clock.Advance(time.Hour)
		w.server.Seal()
		w.clock.Advance(-time.Hour)
	}, keydirectory.Users, proof.StepTimes},
	"another server's keys": {func(w *world) {
		w.o.Asker = directorytest.New(w.T, id, "second", w.clock.Now)
	}, keydirectory.Root, ""},
}

// What does not hold is an alarm, which outlives kill -9: nothing is believed from then on, nor
// even asked, until the operator has ended it.
func TestLies(t *testing.T) {
	eachOf(t, lies, func(w *world, lie lie) {
		w.server.Person(alice, "a0")
		w.finds(alice, "a0")
		lie.tell(w)
		w.open()
		alarm := w.alarmed(alice, lie.kind, lie.step)
		if n := strings.Count(w.log.String(), "ALARM"); n != 1 || w.raised != 1 || w.standing() != 1 {
			w.Errorf("said %d times, told %d times, %d stand: %s", n, w.raised, w.standing(), w.log)
		}
		if lie.step == proof.StepTimes { // it ends by itself: below
			return
		}
		w.server.Alter(nil)
		w.o.Asker = w.server
		w.open()
		asked := w.server.Asked()
		w.alarmed(bob, lie.kind, lie.step)
		if w.server.Asked() != asked {
			w.Error("it is asked while an alarm stands")
		}
		w.ends(alarm)
		w.finds(alice, "a0")
	})
}

// ends has the operator end an alarm.
func (w *world) ends(a *keydirectory.Alarm) {
	w.Helper()
	if err := w.End(w.Context(), a.ID, "it was a mistake"); err != nil {
		w.Fatal(err)
	}
	if err := w.End(w.Context(), a.ID, "again"); !errors.Is(err, keydirectory.ErrNoAlarm) {
		w.Errorf("it ends twice: %v", err)
	}
	all, err := w.Alarms(w.Context(), false)
	if err != nil || len(all) != 1 || all[0].Word != "it was a mistake" || all[0].Ended.IsZero() || w.standing() != 0 {
		w.Errorf("%+v, %v", all, err)
	}
	evidence, err := w.Evidence(w.Context(), a.ID)
	if err != nil || len(evidence) > 1<<20 {
		w.Errorf("%d octets, %v", len(evidence), err)
	}
}

// A log that is shown too old is an alarm while it is, and none once it goes on.
func TestAnOldLog(t *testing.T) {
	each(t, func(w *world) {
		w.server.Person(alice, "a0")
		w.finds(alice, "a0")
		w.clock.Advance(2 * time.Hour)
		w.alarmed(alice, keydirectory.Users, proof.StepTimes)
		w.alarmed(alice, keydirectory.Users, proof.StepTimes)
		if w.raised != 1 || w.standing() != 1 {
			t.Errorf("told %d times, %d stand", w.raised, w.standing())
		}
		w.server.Seal()
		w.finds(alice, "a0")
		if n := w.standing(); n != 0 {
			t.Errorf("%d alarms stand", n)
		}
	})
}

// Who does not answer, or refuses to, raises no alarm, and nothing is found.
func TestNoAnswer(t *testing.T) {
	eachOf(t, map[string]error{
		"away":      fedclient.ErrUnreachable,
		"huge":      fedclient.ErrTooLarge,
		"broken":    fedclient.Refusal{Status: 500, Errcode: matrix.Unknown},
		"too often": fedclient.Refusal{Status: http.StatusTooManyRequests, Errcode: matrix.LimitExceededCode},
	}, func(w *world, why error) {
		w.server.Person(alice, "a0")
		w.server.Fail(why)
		for range 2 { // before there is a trust root, and after
			if found, err := w.Lookup(w.Context(), "mxid:"+alice.String()); !errors.Is(err, why) || found.Present {
				w.Errorf("%v", err)
			}
			w.server.Fail(nil)
			w.finds(alice, "a0")
			w.server.Fail(why)
		}
		if w.standing() != 0 {
			w.Error("it is an alarm")
		}
	})
}

// An identity server of somebody else has no directory.
func TestNoDirectory(t *testing.T) {
	each(t, func(w *world) {
		w.server.Fail(fedclient.Refusal{Status: 404, Errcode: matrix.Unrecognized})
		if _, err := w.Lookup(t.Context(), "mxid:"+alice.String()); !errors.Is(err, keydirectory.ErrNoDirectory) {
			t.Error(err)
		}
	})
}

// A trust root comes from a file, or from the identity server itself, and has to be its.
func TestTheFirstRoot(t *testing.T) {
	each(t, func(w *world) {
		w.server.Person(alice, "a0")
		text := func(d *directorytest.Directory) []byte {
			b, err := json.Marshal(d.Config())
			if err != nil {
				t.Fatal(err)
			}
			return b
		}
		w.o.Root = text(directorytest.New(t, "other.test", "first", w.clock.Now))
		w.open()
		if _, err := w.Lookup(t.Context(), "mxid:"+alice.String()); err == nil || w.server.Asked() != 0 {
			t.Errorf("the root of another server: %v", err)
		}
		w.o.Root = text(directorytest.New(t, id, "second", w.clock.Now))
		w.open()
		w.alarmed(alice, keydirectory.Root, "")
		w.o.Root = text(w.server) // once one is kept, the file is not read any more
		w.open()
		w.alarmed(alice, keydirectory.Root, "")
	})
	each(t, func(w *world) {
		w.server.Person(alice, "a0")
		b, err := json.Marshal(w.server.Config())
		if err != nil {
			t.Fatal(err)
		}
		w.o.Root = b
		w.open()
		w.finds(alice, "a0")
		if w.server.Asked() != 1 {
			t.Errorf("asked %d times", w.server.Asked())
		}
	})
}

// Keys of the logs are followed where those before vouch for them, without a word of anybody.
func TestKeysAreReplaced(t *testing.T) {
	each(t, func(w *world) {
		w.server.Person(alice, "a0")
		w.finds(alice, "a0")
		for _, seed := range []string{"second", "third"} {
			w.server.Rotate(seed)
			w.open()
			w.finds(alice, "a0")
		}
		if err := w.Refresh(t.Context()); err != nil || w.standing() != 0 {
			t.Errorf("%v, %d alarms", err, w.standing())
		}
	})
}

// Keys that say themselves that they do not hold any more are no lie of the directory.
func TestKeysThatHaveEnded(t *testing.T) {
	each(t, func(w *world) {
		w.server.PersonUntil(alice, "a0", w.clock.Now().Add(time.Minute))
		w.finds(alice, "a0")
		w.clock.Advance(10 * time.Minute)
		found, err := w.Lookup(t.Context(), "mxid:"+alice.String())
		if keys, is := found.Value.(*value.User); !errors.Is(err, keydirectory.ErrNotInForce) || !errors.Is(err, value.ErrExpired) || !is || keys.MXID != alice || found.Version != 0 {
			t.Errorf("%+v, %v", found, err)
		}
		if w.finds(bob, ""); w.standing() != 0 {
			t.Error("it is an alarm")
		}
	})
}

// between asks, and has something happen before the answer comes.
type between struct {
	keydirectory.Asker
	happens func()
}

func (b *between) LookupKeys(ctx context.Context, at idclient.Server, label string, size int64) ([]byte, error) {
	answer, err := b.Asker.LookupKeys(ctx, at, label, size)
	if happens := b.happens; happens != nil {
		b.happens = nil
		happens()
	}
	return answer, err
}

// Of two who ask at once neither is shown another log than the other.
func TestTwoAskAtOnce(t *testing.T) {
	each(t, func(w *world) {
		w.server.Person(alice, "a0")
		w.finds(alice, "a0")
		fork := directorytest.New(t, id, "first", w.clock.Now)
		fork.Person(alice, "a0")
		fork.Person(bob, "evil")
		honest := w.Directory
		slow := &between{Asker: fork, happens: func() {
			w.server.Seal()
			if _, err := honest.Lookup(t.Context(), "mxid:"+alice.String()); err != nil {
				t.Error(err)
			}
		}}
		w.o.Asker = slow
		w.open()
		w.alarmed(bob, keydirectory.Users, proof.StepConsistency)
	})
	each(t, func(w *world) {
		w.server.Person(alice, "a0")
		w.finds(alice, "a0")
		w.server.Seal()
		honest := w.Directory
		w.o.Asker = &between{Asker: w.server, happens: func() {
			w.server.Person(bob, "b0")
			if _, err := honest.Lookup(t.Context(), "mxid:"+bob.String()); err != nil {
				t.Error(err)
			}
		}}
		w.open()
		w.finds(alice, "a0")
		if w.standing() != 0 {
			t.Error("an honest log is an alarm")
		}
	})
}

// A log that is late is one alarm, whoever is looked up; and one that stops a log stops it
// however many others have been raised since.
func TestManyAlarms(t *testing.T) {
	each(t, func(w *world) {
		w.publishes(w.server, them, one)
		w.vouched(them)
		w.documents(func(d map[string]any) { delete(d, "unsigned") })
		var alarm *keydirectory.Alarm
		if _, err := w.Vouched(t.Context(), them, "ed25519:one", time.Time{}); !errors.As(err, &alarm) {
			t.Fatal(err)
		}
		w.server.Alter(nil)
		w.finds(alice, "")
		w.clock.Advance(2 * time.Hour)
		late := w.alarmed(alice, keydirectory.Users, proof.StepTimes)
		if again := w.alarmed(bob, keydirectory.Users, proof.StepTimes); again.ID != late.ID || w.standing() != 2 {
			t.Errorf("%d alarms stand", w.standing())
		}
		if _, err := w.o.DB.Exec(t.Context(), `WITH RECURSIVE numbers (n) AS (SELECT 1000 UNION ALL SELECT n + 1 FROM numbers WHERE n < 2000)
			INSERT INTO keydirectory_alarms (id, server, kind, subject, step, reason, evidence, raised, ended, word)
			SELECT n, 'id.test', 'users', 'mxid:@bob:them.test', 'times', '', evidence, raised, 0, '' FROM numbers, keydirectory_alarms WHERE id = 1`); err != nil {
			t.Fatal(err)
		}
		w.server.Seal()
		if _, err := w.Vouched(t.Context(), them, "ed25519:one", time.Time{}); !errors.As(err, &alarm) || alarm.ID != 1 {
			t.Errorf("what was shown before is forgotten: %v", err)
		}
		if kept, err := w.Proven(t.Context(), them); kept != nil || err != nil {
			t.Errorf("%s, %v", kept, err)
		}
	})
}

// What is no trust root, or another's, is not taken for the first one; it breaks no proof, and so
// it is no alarm.
func TestNoTrustRoot(t *testing.T) {
	eachOf(t, map[string]string{"a web page": "<html>", "nothing": "", "another's": `{"server_name":"other.test"}`}, func(w *world, text string) {
		w.server.Alter(func([]byte) []byte { return []byte(text) })
		if _, err := w.Lookup(w.Context(), "mxid:"+alice.String()); !errors.Is(err, keydirectory.ErrRoot) || w.standing() != 0 {
			w.Errorf("%v, %d alarms", err, w.standing())
		}
		w.server.Alter(nil)
		w.finds(alice, "")
	})
}
