package devicelists_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"signet/internal/homeserver/devicelists"
	"signet/internal/homeserver/e2ee"
	"signet/internal/matrix"
	"signet/internal/store/storetest"
)

// hears checks whether an update about a user is news; rest is what it says beside the user.
func (w *world) hears(what string, user matrix.UserID, rest string, want bool) {
	w.Helper()
	content := fmt.Sprintf(`{"user_id":%q%s}`, user, rest)
	if news, err := w.Update(w.Context(), them, []byte(content)); err != nil || news != want {
		w.Errorf("%s: Update(%s) = %v, %v, want %v", what, content, news, err, want)
	}
}

// again is what an update says that follows on itself.
func again(device, rest string) string {
	return fmt.Sprintf(`,"device_id":%q,"stream_id":7,"prev_id":[7]%s`, device, rest)
}

// keyed are the keys of a device as their server gives them.
const keyed = `{"algorithms":["m.olm"],"keys":{"ed25519:A1":"key"},"signatures":{"@ann:them.test":{"ed25519:A1":"sig"}},"unsigned":{"device_display_name":"Phone"}}`

// An update that follows on itself and says what is known is no news: the list counts as
// before. Whatever is another is news, and so is the same once the list has changed.
func TestWhatIsKnownIsNoNews(t *testing.T) {
	same := `,"device_display_name":"Phone","keys":{"signatures":{"@ann:them.test":{"ed25519:A1":"sig"}},"keys":{"ed25519:A1":"key"},"algorithms":["m.olm"]}`
	each(t, func(w *world) {
		ask := func(when, asked string) {
			t.Helper()
			w.want(when, e2ee.Query{ann: nil}, "ann[A1]", asked)
		}
		w.devices[ann], w.keys = "A1", keyed
		ask("at first", "[@ann:them.test]")
		for what, rest := range map[string]string{
			"the same":                  again("A1", same),
			"the same, unsigned apart":  again("A1", strings.Replace(same, `"keys":{`, `"keys":{"unsigned":{"x":1},`, 1)),
			"a device without keys":     again("A2", ``),
			"no keys":                   again("A2", `,"keys":null`),
			"the end of what never was": again("A2", `,"deleted":true`),
		} {
			w.hears(what, ann, rest, false)
			ask(what, "")
		}
		for what, rest := range map[string]string{
			"signing keys":       `,"master_key":{}`,
			"another name":       again("A1", strings.Replace(same, "Phone", "Fone", 1)),
			"no name":            again("A1", strings.Replace(same, "device_display_name", "x", 1)),
			"another key":        again("A1", strings.Replace(same, `"key"`, `"kez"`, 1)),
			"another signature":  again("A1", strings.Replace(same, `"sig"`, `"sigh"`, 1)),
			"one more signature": again("A1", strings.Replace(same, `"sig"`, `"sig","ed25519:M":"x"`, 1)),
			"one more member":    again("A1", strings.Replace(same, `"keys":{`, `"keys":{"x":1,`, 1)),
			"deleted":            again("A1", same+`,"deleted":true`),
			"without keys now":   again("A1", `,"device_display_name":"Phone"`),
			"another device":     again("A3", same),
			"after another":      strings.Replace(again("A1", same), "[7]", "[6]", 1),
			"after nothing":      strings.Replace(again("A1", same), "[7]", "[]", 1),
			"after what is none": strings.Replace(again("A1", same), "[7]", `["7"]`, 1),
			"of no device":       strings.Replace(again("A1", same), "device_id", "x", 1),
			"of a number":        strings.Replace(again("A1", same), `"A1"`, "1", 1),
			"keys of a number":   again("A1", `,"device_display_name":"Phone","keys":1`),
			"keys of a list":     again("A1", `,"device_display_name":"Phone","keys":[]`),
		} {
			w.hears(what, ann, rest, true)
			w.hears(what+", and the same while it has to be asked for again", ann, again("A1", same), true)
			ask(what, "[@ann:them.test]")
		}
	})
}

// What is kept and does not count says nothing about what is news: neither a list that is old,
// nor one from before a break, nor one that is just being asked for.
func TestWhatDoesNotCountIsNotKnown(t *testing.T) {
	same := again("A1", `,"keys":{}`)
	each(t, func(w *world) {
		w.devices[ann] = "A1"
		ask := func(when string) { w.want(when, e2ee.Query{ann: nil}, "ann[A1]", "[@ann:them.test]") }
		ask("at first")
		w.hears("the same", ann, same, false)
		w.clock.Advance(7*24*time.Hour + time.Millisecond)
		w.hears("after a week", ann, same, true)
		ask("after a week")
		w.together, w.pos = 11, 12
		w.hears("after a break", ann, same, true)
		ask("after a break")
		w.hears("the same", ann, same, false)
		w.update(ann)
		w.before = func() { w.before = nil; w.hears("while it is asked for", ann, same, true) }
		ask("overtaken")
		ask("after that")
		w.hears("the same again", ann, same, false)

		w.update(ann)
		w.before = func() {
			w.before = nil
			ask("meanwhile")
			w.hears("while an answer is under way that may be older than what is kept", ann, same, true)
		}
		ask("the older one")
		ask("to be sure")
	})
}

// Where no list is kept clients may have keys, of a list that was forgotten: they are told, but
// for a device that has none.
func TestWhatIsNotKeptIsNews(t *testing.T) {
	each(t, func(w *world) {
		w.want("at first", e2ee.Query{ann: nil}, "ann[A1 A2]", "[@ann:them.test]")
		w.clock.Advance(30*24*time.Hour + time.Millisecond)
		if err := w.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		for what, test := range map[string]struct {
			rest string
			news bool
		}{
			"keys": {again("A1", `,"keys":{}`), true}, "the end of a device": {again("A1", `,"deleted":true`), true},
			"a change": {`,"device_id":"A1","stream_id":7,"prev_id":[6]`, true}, "no keys": {again("A1", ``), false},
		} {
			w.hears(what, ann, test.rest, test.news)
		}
		if _, err := w.Update(t.Context(), "evil.test", []byte(`{"user_id":"@ann:them.test"`+again("A1", ``)+`}`)); !errors.Is(err, devicelists.ErrOrigin) {
			t.Errorf("of another server = %v, want %v", err, devicelists.ErrOrigin)
		}
	})
}

// What a server may send: it never breaks anything, and whatever is news the list is out of
// date by.
func FuzzUpdate(f *testing.F) {
	for _, seed := range []string{`{}`, `{"user_id":"@ann:them.test"` + again("A1", `,"keys":`+keyed) + `}`, `{"user_id":"@ann:them.test","prev_id":[1e99]}`} {
		f.Add(seed)
	}
	w := open(f, storetest.Open(f, storetest.SQLite(f), []string{"devicelists"}))
	f.Fuzz(func(t *testing.T, content string) {
		w.asked = nil
		if _, err := w.QueryKeys(t.Context(), them, e2ee.Query{ann: nil}); err != nil {
			t.Fatal(err)
		}
		w.asked = nil
		news, err := w.Update(t.Context(), them, []byte(content))
		if err != nil && (news || !errors.Is(err, devicelists.ErrContent) && !errors.Is(err, devicelists.ErrOrigin)) {
			t.Fatalf("Update = %v, %v", news, err)
		}
		if _, err := w.QueryKeys(t.Context(), them, e2ee.Query{ann: nil}); err != nil || !news && len(w.asked) > 0 {
			t.Errorf("what is no news has %q asked, %v", w.asked, err)
		}
	})
}
