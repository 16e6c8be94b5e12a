package roomkeys_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/homeserver/e2ee/roomkeys"
	"signet/internal/matrix"
	"signet/internal/store"
)

const room, otherRoom matrix.RoomID = "!room:hs.test", "!other:hs.test"

// backup begins a new version.
func (w *world) backup(user matrix.UserID) string {
	w.Helper()
	version, err := w.Create(w.Context(), user, "m.megolm_backup.v1.curve25519-aes-sha2", raw(`{"public_key":"x"}`))
	if err != nil {
		w.Fatal(err)
	}
	return version
}

func key(verified bool, index, forwarded int64, data string) roomkeys.Key {
	return roomkeys.Key{IsVerified: verified, FirstMessageIndex: index, ForwardedCount: forwarded, SessionData: raw(`{"data":"` + data + `"}`)}
}

// put stores keys, which must be taken.
func (w *world) put(user matrix.UserID, version string, keys roomkeys.Keys) roomkeys.State {
	w.Helper()
	state, err := w.Put(w.Context(), user, version, keys)
	if err != nil {
		w.Fatal(err)
	}
	return state
}

func (w *world) read(user matrix.UserID, version string, s roomkeys.Selection) roomkeys.Keys {
	w.Helper()
	keys, err := w.all(user, version, s)
	if err != nil {
		w.Fatal(err)
	}
	return keys
}

// all is the selected keys; none comes twice, and no room once more after another.
func (w *world) all(user matrix.UserID, version string, s roomkeys.Selection) (roomkeys.Keys, error) {
	w.Helper()
	keys, last := roomkeys.Keys{}, matrix.RoomID("")
	err := w.Each(w.Context(), user, version, s, func(k roomkeys.PlacedKey) error {
		_, met := keys[k.Room]
		if _, twice := keys[k.Room][k.Session]; twice || met && k.Room != last {
			w.Errorf("%s of %s comes after %s, and %s has come before", k.Session, k.Room, last, k.Room)
		}
		if !met {
			keys[k.Room] = map[string]roomkeys.Key{}
		}
		keys[k.Room][k.Session], last = k.Key, k.Room
		return nil
	})
	return keys, err
}

// A backup is read a part at a time, to its end or as long as its reader wants.
func TestALargeBackup(t *testing.T) {
	each(t, func(w *world) {
		version := w.backup(alice)
		keys := roomkeys.Keys{room: {}, otherRoom: {}}
		for i := range 150 {
			keys[room][fmt.Sprint(i)] = key(true, int64(i), 0, "x")
			keys[otherRoom][fmt.Sprint(i)] = key(true, 0, int64(i), "y")
		}
		w.put(alice, version, keys)
		if got := w.read(alice, version, roomkeys.Selection{}); !reflect.DeepEqual(got, keys) {
			w.Errorf("all keys = %v", got)
		}
		if got := w.read(alice, version, roomkeys.Selection{Room: room}); !reflect.DeepEqual(got, roomkeys.Keys{room: keys[room]}) {
			w.Errorf("the keys of a room = %v", got)
		}
		enough, n := errors.New("enough"), 0
		err := w.Each(w.Context(), alice, version, roomkeys.Selection{}, func(roomkeys.PlacedKey) error {
			if n++; n == 120 {
				return enough
			}
			return nil
		})
		if err != enough || n != 120 {
			w.Errorf("Each = %v after %d keys, want %v after 120", err, n, enough)
		}
	})
}

func TestBackupVersions(t *testing.T) {
	each(t, func(w *world) {
		if _, err := w.Current(w.Context(), alice); !errors.Is(err, roomkeys.ErrNoBackup) {
			w.Errorf("without a backup: %v", err)
		}
		for _, want := range []string{"1", "2", "3"} {
			if got := w.backup(alice); got != want {
				w.Errorf("the version is %s, want %s", got, want)
			}
		}
		if err := w.Update(w.Context(), alice, "1", "m.megolm_backup.v1.curve25519-aes-sha2", raw(`{"public_key":"y"}`)); err != nil {
			w.Error(err)
		}
		if b, err := w.Get(w.Context(), alice, "1"); err != nil || string(b.AuthData) != `{"public_key":"y"}` || b.Version != "1" || b.State != (roomkeys.State{ETag: "0"}) {
			w.Errorf("the first = %+v, %v", b, err)
		}
		for range 2 { // again it is no error
			if err := w.Delete(w.Context(), alice, "3"); err != nil {
				w.Error(err)
			}
		}
		if b, err := w.Current(w.Context(), alice); err != nil || b.Version != "2" {
			w.Errorf("the current one = %+v, %v; want 2", b, err)
		}
		if got := w.backup(alice); got != "4" {
			w.Errorf("after 3 was deleted the next is %s, want 4", got)
		}
		if _, err := w.Get(w.Context(), bob, "1"); !errors.Is(err, roomkeys.ErrNoBackup) {
			w.Errorf("Bob reads Alice's: %v", err)
		}
	})
}

func TestBackupsThatAreRefused(t *testing.T) {
	each(t, func(w *world) {
		version := w.backup(alice)
		w.put(alice, version, roomkeys.Keys{room: {"s": key(false, 0, 0, "x")}})
		good := roomkeys.Keys{room: {"s": key(true, 0, 0, "x")}}
		many := roomkeys.Keys{room: {}}
		for i := range 1001 {
			many[room][fmt.Sprint(i)] = key(true, 0, 0, "x")
		}
		put := func(user matrix.UserID, version string, keys roomkeys.Keys) func() error {
			return func() error { _, err := w.Put(w.Context(), user, version, keys); return err }
		}
		create := func(algorithm string, data jsontext.Value) func() error {
			return func() error { _, err := w.Create(w.Context(), alice, algorithm, data); return err }
		}
		read := func(version string, s roomkeys.Selection) func() error {
			return func() error { _, err := w.all(alice, version, s); return err }
		}
		for _, test := range []struct {
			name string
			do   func() error
			want error
		}{
			{"no algorithm", create("", raw(`{}`)), roomkeys.ErrData},
			{"no data", create("a", nil), roomkeys.ErrData},
			{"a list of data", create("a", raw(`[]`)), roomkeys.ErrData},
			{"much data", create("a", raw(`{"x":"`+strings.Repeat("x", 16<<10)+`"}`)), roomkeys.ErrData},
			{"another algorithm", func() error { return w.Update(w.Context(), alice, version, "a", raw(`{}`)) }, roomkeys.ErrAlgorithm},
			{"no such version", func() error { return w.Update(w.Context(), alice, "2", "a", raw(`{}`)) }, roomkeys.ErrNoBackup},
			{"deleting none", func() error { return w.Delete(w.Context(), alice, "2") }, roomkeys.ErrNoBackup},
			{"deleting somebody else's", func() error { return w.Delete(w.Context(), bob, version) }, roomkeys.ErrNoBackup},
			{"keys without a backup", put(bob, "1", good), roomkeys.ErrNoBackup},
			{"keys for another version", put(alice, "2", good), roomkeys.WrongVersionError{Current: "1"}},
			{"keys for no version", put(alice, "", good), roomkeys.WrongVersionError{Current: "1"}},
			{"too many keys", put(alice, version, many), roomkeys.ErrTooMany},
			{"not a room", put(alice, version, roomkeys.Keys{"room": good[room]}), roomkeys.ErrID},
			{"no session", put(alice, version, roomkeys.Keys{room: {"": key(true, 0, 0, "x")}}), roomkeys.ErrID},
			{"a long session", put(alice, version, roomkeys.Keys{room: {strings.Repeat("s", 256): key(true, 0, 0, "x")}}), roomkeys.ErrID},
			{"reading another version", read("2", roomkeys.Selection{}), roomkeys.ErrNoBackup},
			{"reading no version", read("x", roomkeys.Selection{}), roomkeys.ErrNoBackup},
			{"reading a version written otherwise", read("01", roomkeys.Selection{}), roomkeys.ErrNoBackup},
			{"reading no key", read(version, roomkeys.Selection{Room: room, Session: "t"}), roomkeys.ErrNoKey},
			{"deleting keys of none", func() error { _, err := w.DeleteKeys(w.Context(), alice, "2", roomkeys.Selection{}); return err }, roomkeys.ErrNoBackup},
		} {
			w.unchanged(test.name, func() {
				if err := test.do(); !errors.Is(err, test.want) {
					w.Errorf("%s: %v, want %v", test.name, err, test.want)
				}
			})
		}
		for range 99 {
			w.backup(alice)
		}
		if _, err := w.Create(w.Context(), alice, "a", raw(`{}`)); !errors.Is(err, roomkeys.ErrTooManyBackups) {
			w.Errorf("the 101st backup: %v", err)
		}
	})
}

// The rule of the specification, in both orders: the better key stays, whichever comes
// first.
func TestTheBetterKeyStays(t *testing.T) {
	better := []struct {
		name          string
		better, worse roomkeys.Key
	}{
		{"verified", key(true, 10, 10, "b"), key(false, 0, 0, "w")},
		{"opens more", key(false, 1, 10, "b"), key(false, 2, 0, "w")},
		{"opens more, verified", key(true, 1, 10, "b"), key(true, 2, 0, "w")},
		{"through fewer hands", key(false, 1, 0, "b"), key(false, 1, 1, "w")},
	}
	each(t, func(w *world) {
		version := w.backup(alice)
		for i, test := range better {
			for order, keys := range [][]roomkeys.Key{{test.better, test.worse}, {test.worse, test.better}} {
				session := fmt.Sprint(i, "-", order)
				for _, k := range keys {
					w.put(alice, version, roomkeys.Keys{room: {session: k}})
				}
				got := w.read(alice, version, roomkeys.Selection{Room: room, Session: session})[room][session]
				if string(got.SessionData) != string(test.better.SessionData) || got.IsVerified != test.better.IsVerified {
					w.Errorf("%s, order %d: %+v stays", test.name, order, got)
				}
			}
		}
		w.put(alice, version, roomkeys.Keys{room: {"same": key(true, 1, 1, "first")}})
		w.unchanged("one that is as good", func() { w.put(alice, version, roomkeys.Keys{room: {"same": key(true, 1, 1, "second")}}) })
	})
}

// Who compares the tag knows whether another client has changed anything.
func TestTagsAndCounts(t *testing.T) {
	each(t, func(w *world) {
		version := w.backup(alice)
		last := ""
		step := func(what string, state roomkeys.State, count int64, changes bool) {
			if state.Count != count || (state.ETag != last) != changes {
				w.Errorf("%s: %+v after %s, want %d keys and a new tag: %v", what, state, last, count, changes)
			}
			last = state.ETag
			if b, err := w.Get(w.Context(), alice, version); err != nil || b.State != state {
				w.Errorf("%s: the version says %+v, %v", what, b.State, err)
			}
		}
		remove := func(s roomkeys.Selection) roomkeys.State {
			state, err := w.DeleteKeys(w.Context(), alice, version, s)
			if err != nil {
				w.Error(err)
			}
			return state
		}
		step("two keys", w.put(alice, version, roomkeys.Keys{room: {"a": key(false, 5, 0, "x"), "b": key(false, 5, 0, "x")}}), 2, true)
		step("the same", w.put(alice, version, roomkeys.Keys{room: {"a": key(false, 5, 0, "y")}}), 2, false)
		step("a better one", w.put(alice, version, roomkeys.Keys{room: {"a": key(false, 4, 0, "y")}}), 2, true)
		step("another room", w.put(alice, version, roomkeys.Keys{otherRoom: {"a": key(false, 4, 0, "z"), "b": key(false, 4, 0, "z")}}), 4, true)
		step("one deleted", remove(roomkeys.Selection{Room: room, Session: "a"}), 3, true)
		step("deleted again", remove(roomkeys.Selection{Room: room, Session: "a"}), 3, false)
		step("a room deleted", remove(roomkeys.Selection{Room: otherRoom}), 1, true)
		if keys := w.read(alice, version, roomkeys.Selection{}); len(keys) != 1 || len(keys[room]) != 1 {
			w.Errorf("left are %v", keys)
		}
		step("all deleted", remove(roomkeys.Selection{}), 0, true)
		if keys := w.read(alice, version, roomkeys.Selection{Room: room}); len(keys) != 0 {
			w.Errorf("left are %v", keys)
		}
	})
}

// Clients that store at the same moment lose nothing of each other, and the count is right.
func TestManyStoreAtTheSameMoment(t *testing.T) {
	const clients, sessions = 8, 10
	each(t, func(w *world) {
		version := w.backup(alice)
		crowd(clients, func(i int) {
			keys := roomkeys.Keys{room: {"shared": key(false, int64(i), 0, fmt.Sprint(i))}}
			for n := range sessions {
				keys[room][fmt.Sprint(i, "-", n)] = key(false, 0, 0, "x")
			}
			if _, err := w.Put(w.Context(), alice, version, keys); err != nil {
				w.Error(err)
			}
		})
		b, err := w.Get(w.Context(), alice, version)
		if err != nil || b.State.Count != clients*sessions+1 {
			w.Errorf("%+v, %v; want %d keys", b.State, err, clients*sessions+1)
		}
		if got := w.read(alice, version, roomkeys.Selection{Room: room, Session: "shared"})[room]["shared"]; got.FirstMessageIndex != 0 {
			w.Errorf("the key that stays opens from %d on, want 0", got.FirstMessageIndex)
		}
	})
}

// A version that is deleted is gone with all its keys, though they are more than go at
// once; so is one whose erasure was interrupted.
func TestADeletedBackupIsGone(t *testing.T) {
	each(t, func(w *world) {
		version := w.backup(alice)
		for part := range 2 {
			keys := roomkeys.Keys{room: {}}
			for i := range 501 {
				keys[room][fmt.Sprint(part, "-", i)] = key(false, 0, 0, "x")
			}
			w.put(alice, version, keys)
		}
		w.put(alice, w.backup(alice), roomkeys.Keys{room: {"s": key(false, 0, 0, "x")}})
		if err := w.Delete(w.Context(), alice, "1"); err != nil {
			w.Fatal(err)
		}
		if n := w.count(`SELECT COUNT(*) FROM roomkeys_keys`); n != 1 {
			w.Errorf("%d keys are left, want that of the other version", n)
		}
		if _, err := w.db.Exec(w.Context(), `UPDATE roomkeys_backups SET deleted = TRUE WHERE version = 2`); err != nil {
			w.Fatal(err)
		}
		if _, err := w.Get(w.Context(), alice, "2"); !errors.Is(err, roomkeys.ErrNoBackup) {
			w.Errorf("a version that is being erased is read: %v", err)
		}
		if err := w.Sweep(w.Context()); err != nil {
			w.Fatal(err)
		}
		if n := w.count(`SELECT COUNT(*) FROM roomkeys_keys`) + w.count(`SELECT COUNT(*) FROM roomkeys_backups`); n != 0 {
			w.Errorf("%d rows are left", n)
		}
	})
}

func TestBackupKeysThatAreMalformed(t *testing.T) {
	const good = `{"first_message_index":1,"forwarded_count":2,"is_verified":true,"session_data":{"a":"b"}}`
	got, err := roomkeys.ParseKey([]byte(good))
	if err != nil || got.FirstMessageIndex != 1 || got.ForwardedCount != 2 || !got.IsVerified || string(got.SessionData) != `{"a":"b"}` {
		t.Errorf("ParseKey = %+v, %v", got, err)
	}
	for _, bad := range []string{
		``, `null`, `[]`, `{}`, `"x"`, good + good,
		strings.Replace(good, "first_message_index", "x", 1), strings.Replace(good, "forwarded_count", "x", 1),
		strings.Replace(good, "is_verified", "x", 1), strings.Replace(good, "session_data", "x", 1),
		strings.Replace(good, ":1", ":-1", 1), strings.Replace(good, ":2", ":-2", 1), strings.Replace(good, ":1", ":1.5", 1),
		strings.Replace(good, ":1", `:"1"`, 1), strings.Replace(good, ":1", ":99999999999999999999", 1),
		strings.Replace(good, "true", "1", 1), strings.Replace(good, "true", "null", 1),
		strings.Replace(good, `{"a":"b"}`, `"x"`, 1), strings.Replace(good, `{"a":"b"}`, `[]`, 1), strings.Replace(good, `{"a":"b"}`, `null`, 1),
		strings.Replace(good, `"b"`, `"`+strings.Repeat("x", 16<<10)+`"`, 1),
		strings.Replace(good, `"a"`, `"a":1,"a"`, 1),
	} {
		if got, err := roomkeys.ParseKey([]byte(bad)); !errors.Is(err, roomkeys.ErrData) {
			t.Errorf("ParseKey(%.200q) = %+v, %v", bad, got, err)
		}
	}
}

// What is read and written again is the same.
func FuzzBackupKey(f *testing.F) {
	f.Add([]byte(`{"first_message_index":1,"forwarded_count":2,"is_verified":true,"session_data":{"a":"b"}}`))
	f.Add([]byte(`{"first_message_index":0,"forwarded_count":0,"is_verified":false,"session_data":{"ephemeral":"x","ciphertext":"\u0000","mac":[1e9]}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, err := roomkeys.ParseKey(raw)
		if err != nil {
			return
		}
		text, err := json.Marshal(map[string]any{
			"first_message_index": got.FirstMessageIndex, "forwarded_count": got.ForwardedCount,
			"is_verified": got.IsVerified, "session_data": got.SessionData,
		})
		if err != nil {
			t.Fatalf("%q reads as %+v, which cannot be written: %v", raw, got, err)
		}
		again, err := roomkeys.ParseKey(text)
		if err != nil || again.FirstMessageIndex != got.FirstMessageIndex || again.ForwardedCount != got.ForwardedCount || again.IsVerified != got.IsVerified {
			t.Fatalf("%q reads as %+v and then as %+v, %v", raw, got, again, err)
		}
	})
}

// Of a user who is gone nothing is left but the last number; others keep theirs.
func TestADeactivatedUserHasNoBackups(t *testing.T) {
	each(t, func(w *world) {
		for _, user := range []matrix.UserID{alice, alice, bob} {
			w.put(user, w.backup(user), roomkeys.Keys{room: {"s": key(true, 0, 0, "x")}})
		}
		for range 2 {
			if err := w.db.Tx(w.Context(), func(tx *store.Tx) error { return w.Leave(w.Context(), tx, alice, false) }); err != nil {
				w.Fatal(err)
			}
			if _, err := w.Current(w.Context(), alice); !errors.Is(err, roomkeys.ErrNoBackup) {
				w.Errorf("before the sweep Alice's backup is there: %v", err)
			}
			if err := w.Sweep(w.Context()); err != nil {
				w.Fatal(err)
			}
		}
		if n := w.count(`SELECT COUNT(*) FROM roomkeys_backups WHERE user_id = '@alice:hs.test'`) + w.count(`SELECT COUNT(*) FROM roomkeys_keys WHERE user_id = '@alice:hs.test'`); n != 0 {
			w.Errorf("%d rows of Alice's are left", n)
		}
		if len(w.read(bob, "1", roomkeys.Selection{})) != 1 {
			w.Error("Bob's keys are gone")
		}
	})
}

// The backups of a user have a size together: who has reached it may still make them smaller.
func TestBackupsOfASize(t *testing.T) {
	each(t, func(w *world) {
		old := w.backup(alice)
		w.put(alice, old, roomkeys.Keys{"!a:hs.test": {"1": key(false, 5, 0, "old one"), "2": key(false, 0, 0, "")}})
		now := w.backup(alice)
		w.put(alice, now, roomkeys.Keys{"!a:hs.test": {"1": key(false, 5, 0, "new")}})
		set := func(octets int) {
			if _, err := w.db.Exec(w.Context(), `UPDATE roomkeys_backups SET octets = $1 WHERE version = 1 AND user_id = '@alice:hs.test'`, octets); err != nil {
				w.Fatal(err)
			}
		}
		set(256<<20 - 20)
		w.unchanged("a key too much", func() {
			_, err := w.Put(w.Context(), alice, now, roomkeys.Keys{"!b:hs.test": {"1": key(false, 0, 0, "more")}})
			if !errors.Is(err, roomkeys.ErrFull) {
				w.Errorf("a key too much = %v, want %v", err, roomkeys.ErrFull)
			}
		})
		w.put(alice, now, roomkeys.Keys{"!a:hs.test": {"1": key(true, 5, 0, "")}})
		w.put(bob, w.backup(bob), roomkeys.Keys{"!b:hs.test": {"1": key(false, 0, 0, "more")}})
		set(len(`{"data":"old one"}{"data":""}`))
		if _, err := w.DeleteKeys(w.Context(), alice, old, roomkeys.Selection{Session: "1", Room: "!a:hs.test"}); err != nil {
			w.Error(err)
		}
	})
}
