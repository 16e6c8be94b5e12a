package userdata_test

import (
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/homeserver/push"
	"signet/internal/homeserver/userdata"
	"signet/internal/matrix"
)

const heir = matrix.RoomID("!heir:hs.test")

// What a user has set for a room is there for the one that replaces it; what they have set
// for that one already stays.
func TestInherit(t *testing.T) {
	each(t, func(w *world) {
		must := func(err error) {
			w.Helper()
			if err != nil {
				w.Fatal(err)
			}
		}
		must(w.ChangePushRules(w.Context(), alice, func(s *push.Settings) error { return s.Put(push.Room, push.Rule{ID: room.String()}, "", "") }))
		must(w.SetTag(w.Context(), userdata.Place{User: alice, Room: room}, "m.favourite", jsontext.Value(`{"order":0.5}`)))
		must(w.SetTag(w.Context(), userdata.Place{User: alice, Room: room}, "u.work", jsontext.Value(`{}`)))
		must(w.SetTag(w.Context(), userdata.Place{User: alice, Room: heir}, "m.favourite", jsontext.Value(`{"order":0.1}`)))
		must(w.SetAccountData(w.Context(), userdata.Place{User: alice}, "m.direct",
			jsontext.Value(`{"@bob:hs.test":["!x:hs.test","`+room.String()+`"],"@eve:hs.test":["!x:hs.test"],"odd":{"a":[1]}}`)))
		must(w.Inherit(w.Context(), alice, room, heir))
		must(w.Inherit(w.Context(), bob, room, heir))

		settings, err := w.PushRules(w.Context(), alice)
		if rules := settings.Own[push.Room]; err != nil || len(rules) != 2 || rules[1].ID != heir.String() {
			w.Errorf("the push rules are %v, %v", rules, err)
		}
		tags, err := w.Tags(w.Context(), userdata.Place{User: alice, Room: heir})
		if err != nil || len(tags) != 2 || string(tags["m.favourite"]) != `{"order":0.1}` || string(tags["u.work"]) != `{}` {
			w.Errorf("the tags are %s, %v", tags, err)
		}
		direct, err := w.AccountData(w.Context(), userdata.Place{User: alice}, "m.direct")
		want := `{"@bob:hs.test":["!x:hs.test","` + room.String() + `","` + heir.String() + `"],"@eve:hs.test":["!x:hs.test"],"odd":{"a":[1]}}`
		if err != nil || string(direct) != want {
			w.Errorf("m.direct is %s, %v; want %s", direct, err, want)
		}

		before := w.rows()
		last := w.last()
		must(w.Inherit(w.Context(), alice, room, heir))
		if w.rows() != before || w.last() != last {
			w.Error("the second time something is written")
		}
	})
}

// What clients wrote in another form stays as it is.
func TestInheritOfNonsense(t *testing.T) {
	each(t, func(w *world) {
		for _, content := range []string{`{}`, `{"@bob:hs.test":"` + room.String() + `"}`, `{"@bob:hs.test":[1,"` + room.String() + `"]}`} {
			if err := w.SetAccountData(w.Context(), userdata.Place{User: alice}, "m.direct", jsontext.Value(content)); err != nil {
				w.Fatal(err)
			}
			last := w.last()
			if err := w.Inherit(w.Context(), alice, room, heir); err != nil || w.last() != last {
				w.Errorf("%s: %v, written to %d", content, err, w.last())
			}
		}
	})
}
