package userdata_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/homeserver/stream"
	"signet/internal/homeserver/userdata"
	"signet/internal/matrix"
	"signet/internal/store"
)

var (
	global = userdata.Place{User: alice}
	inRoom = userdata.Place{User: alice, Room: room}
)

func (w *world) set(at userdata.Place, kind, content string) {
	w.Helper()
	if err := w.SetAccountData(w.Context(), at, kind, jsontext.Value(content)); err != nil {
		w.Fatal(err)
	}
}

// holds checks what is stored; "" is nothing.
func (w *world) holds(at userdata.Place, kind, want string) {
	w.Helper()
	got, err := w.AccountData(w.Context(), at, kind)
	if want == "" && !errors.Is(err, userdata.ErrNone) || want != "" && (err != nil || string(got) != want) {
		w.Errorf("%v has %s = %s, %v; want %s", at, kind, got, err, want)
	}
}

func TestAccountDataIsTheUsersOwn(t *testing.T) {
	each(t, func(w *world) {
		const odd = `{"b":1.50, "a" : [null,{"é":"\ud83d\ude00"}]}` // it passes untouched
		w.set(global, "org.example", odd)
		w.set(inRoom, "org.example", `{"in":"room"}`)
		w.holds(global, "org.example", odd)
		w.holds(inRoom, "org.example", `{"in":"room"}`)
		w.holds(userdata.Place{User: bob}, "org.example", "")
		w.holds(userdata.Place{User: bob, Room: room}, "org.example", "")
		w.holds(global, "org.Example", "")
		w.set(global, "org.example", `{}`)
		w.holds(global, "org.example", `{}`)
	})
}

// What a user keeps has bounds, in octets and in pieces; who is at one may make it less, and
// change what is there.
func TestAccountDataHasBounds(t *testing.T) {
	each(t, func(w *world) {
		refused := func(what string, err error) {
			w.Helper()
			if !errors.Is(err, userdata.ErrFull) {
				w.Errorf("%s = %v, want %v", what, err, userdata.ErrFull)
			}
		}
		large := `{"é":"` + strings.Repeat("x", userdata.MaxContent-10) + `"}`
		for n := range 64 {
			w.set(userdata.Place{User: alice, Room: matrix.RoomID(fmt.Sprintf("!%d:hs.test", n%3))}, fmt.Sprint("x", n), large)
		}
		refused("a piece too much", w.SetAccountData(w.Context(), global, "more", jsontext.Value(large)))
		refused("a tag too much", w.SetTag(w.Context(), inRoom, "u.x", jsontext.Value(`{"x":"`+strings.Repeat("x", 2000)+`"}`)))
		w.holds(global, "more", "")
		w.set(userdata.Place{User: alice, Room: "!0:hs.test"}, "x0", `{}`)
		w.set(global, "more", large[:len(large)-2]+`"}`)
		w.set(userdata.Place{User: bob}, "more", large)

		w.exec(`UPDATE userdata_usage SET items = 20000, octets = 2 WHERE user_id = '@bob:hs.test'`)
		refused("the 20001st piece", w.SetAccountData(w.Context(), userdata.Place{User: bob}, "x", jsontext.Value(`{}`)))
		refused("a read marker", w.SetFullyRead(w.Context(), userdata.Place{User: bob, Room: room}, "$1"))
		w.set(userdata.Place{User: bob}, "more", `{"not":"more"}`)
		w.exec(`UPDATE userdata_usage SET items = 1, octets = 14 WHERE user_id = '@bob:hs.test'`)
		w.set(userdata.Place{User: bob}, "more", `{}`)
	})
}

func TestAccountDataRefused(t *testing.T) {
	each(t, func(w *world) {
		for _, test := range []struct {
			kind, content string
			want          error
		}{
			{"m.fully_read", `{}`, userdata.ErrReserved},
			{"m.push_rules", `{}`, userdata.ErrReserved},
			{"", `{}`, userdata.ErrType},
			{strings.Repeat("x", 256), `{}`, userdata.ErrType},
			{"x", `{"x":"` + strings.Repeat("x", userdata.MaxContent) + `"}`, userdata.ErrTooLarge},
		} {
			for _, at := range []userdata.Place{global, inRoom} {
				if err := w.SetAccountData(w.Context(), at, test.kind, jsontext.Value(test.content)); !errors.Is(err, test.want) {
					w.Errorf("setting %.20q = %v, want %v", test.kind, err, test.want)
				}
			}
		}
		if w.rows() != 0 || w.commits.last != 0 {
			w.Errorf("refusing wrote %d rows, up to position %d", w.rows(), w.commits.last)
		}
	})
}

// What is read by position is what was written in between, the latest of each piece.
func TestChangesSinceAPosition(t *testing.T) {
	each(t, func(w *world) {
		w.set(global, "a", `{"n":1}`)
		w.set(inRoom, "b", `{"n":2}`)
		between := w.commits.last
		w.set(userdata.Place{User: bob}, "a", `{"n":3}`)
		w.set(global, "a", `{"n":4}`)
		w.set(global, "c", `{"n":5}`)
		shown := func(after, upTo stream.Pos) (text string) {
			items, err := w.Changes(w.Context(), alice, after, upTo)
			if err != nil {
				w.Fatal(err)
			}
			for _, i := range items {
				text += fmt.Sprint(i.Room, i.Type, string(i.Content), i.Pos, " ")
			}
			return text
		}
		for _, test := range []struct {
			after, upTo stream.Pos
			want        string
		}{
			{0, 100, `!room:hs.testb{"n":2}14 a{"n":4}28 c{"n":5}35 `},
			{between, 100, `a{"n":4}28 c{"n":5}35 `},
			{between, 34, `a{"n":4}28 `},
			{28, 35, `c{"n":5}35 `},
			{35, 100, ``},
		} {
			if got := shown(test.after, test.upTo); got != test.want {
				w.Errorf("changes after %d up to %d: %s, want %s", test.after, test.upTo, got, test.want)
			}
		}
	})
}

// A commit that fails leaves nothing, not even half of it.
func TestACommitFails(t *testing.T) {
	each(t, func(w *world) {
		w.set(global, "a", `{"n":1}`)
		w.commits.before = errDisk
		if err := w.SetAccountData(w.Context(), global, "a", jsontext.Value(`{"n":2}`)); !errors.Is(err, errDisk) {
			w.Errorf("SetAccountData = %v, want %v", err, errDisk)
		}
		if err := w.SetTag(w.Context(), inRoom, "u.work", jsontext.Value(`{}`)); !errors.Is(err, errDisk) {
			w.Errorf("SetTag = %v, want %v", err, errDisk)
		}
		w.holds(global, "a", `{"n":1}`)
		w.holds(inRoom, "m.tag", "")
	})
}

func TestTags(t *testing.T) {
	each(t, func(w *world) {
		shown := func(want string) {
			w.Helper()
			tags, err := w.Tags(w.Context(), inRoom)
			got := ""
			for _, name := range []string{"m.favourite", "u.work", "u.é"} {
				got += string(tags[name]) + ";"
			}
			if err != nil || got != want {
				w.Errorf("the tags are %s, %v; want %s", got, err, want)
			}
		}
		set := func(name, tag string, want error) {
			w.Helper()
			if err := w.SetTag(w.Context(), inRoom, name, jsontext.Value(tag)); !errors.Is(err, want) {
				w.Errorf("SetTag(%q, %s) = %v, want %v", name, tag, err, want)
			}
		}
		shown(";;;")
		set("m.favourite", `{"order":0.25}`, nil)
		set("u.work", `{"org.example":[1]}`, nil)
		set("u.é", `{"order":null}`, nil)
		set("u.work", `{"order":1}`, nil)
		shown(`{"order":0.25};{"order":1};{"order":null};`)
		last := w.commits.last
		for _, bad := range []string{`{"order":"0.5"}`, `{"order":-0.1}`, `{"order":1.1}`, `{"order":1e999}`, `{"order":{}}`} {
			set("u.bad", bad, userdata.ErrTag)
		}
		set("", `{}`, userdata.ErrTag)
		set(strings.Repeat("x", 256), `{}`, userdata.ErrTag)
		set("u.large", `{"x":"`+strings.Repeat("x", userdata.MaxContent)+`"}`, userdata.ErrTooLarge)
		if last != w.commits.last-7 { // the last one was read before it was refused
			w.Errorf("refusing took positions up to %d", w.commits.last)
		}
		for range 2 { // the second time there is nothing to delete
			if err := w.DeleteTag(w.Context(), inRoom, "m.favourite"); err != nil {
				w.Error(err)
			}
		}
		shown(`;{"order":1};{"order":null};`)
		w.holds(inRoom, "m.tag", `{"tags":{"u.work":{"order":1},"u.é":{"order":null}}}`)
		if tags, err := w.Tags(w.Context(), userdata.Place{User: bob, Room: room}); err != nil || len(tags) != 0 {
			w.Errorf("Bob's tags are %v, %v; want none", tags, err)
		}
	})
}

// Clients may have written anything as m.tag. It is kept where it can be.
func TestTagsOverWhatIsNone(t *testing.T) {
	each(t, func(w *world) {
		for content, want := range map[string]string{
			`{"tags":[]}`:                        `{"tags":{"u.a":{}}}`,
			`{"tags":null,"org.example":"x"}`:    `{"tags":{"u.a":{}},"org.example":"x"}`,
			`{"tags":{"u.b":1},"org.example":2}`: `{"tags":{"u.a":{},"u.b":1},"org.example":2}`,
		} {
			w.set(inRoom, "m.tag", content)
			if err := w.SetTag(w.Context(), inRoom, "u.a", jsontext.Value(`{}`)); err != nil {
				w.Error(err)
			}
			w.holds(inRoom, "m.tag", want)
		}
	})
}

func TestErasing(t *testing.T) {
	each(t, func(w *world) {
		fill := func(at userdata.Place) {
			w.set(at, "a", `{}`)
			if _, err := w.AddFilter(w.Context(), at.User, jsontext.Value(`{}`)); err != nil {
				w.Fatal(err)
			}
			if err := w.SetField(w.Context(), at.User, userdata.DisplayName, jsontext.Value(`"A"`)); err != nil {
				w.Fatal(err)
			}
		}
		fill(inRoom)
		fill(userdata.Place{User: bob})
		leave := func(erase bool, want int64) {
			w.Helper()
			if err := w.db.Tx(w.Context(), w.leave(erase)); err != nil {
				w.Fatal(err)
			}
			if got := w.rows(); got != want {
				w.Errorf("erase %v leaves %d rows, want %d", erase, got, want)
			}
		}
		leave(false, 6)
		leave(true, 3)
		if p, err := w.Profile(w.Context(), bob); err != nil || len(p) != 1 {
			w.Errorf("Bob's profile is %v, %v", p, err)
		}
	})
}

// Who heeds a type is told what stands there, in the transaction that writes it: what they write
// is there with it, or neither is. Of rooms, and of other types, they hear nothing.
func TestWhatIsHeeded(t *testing.T) {
	each(t, func(w *world) {
		var heard []string
		var fails error
		w.Heeded = map[string]userdata.Heed{"org.example.heeded": func(_ context.Context, _ *store.Tx, user matrix.UserID, content jsontext.Value) error {
			heard = append(heard, user.String()+string(content))
			return fails
		}}
		w.set(global, "org.example.heeded", `{"a":1}`)
		w.set(inRoom, "org.example.heeded", `{"a":2}`)
		w.set(global, "org.example", `{"a":3}`)
		fails = errDisk
		if err := w.SetAccountData(w.Context(), global, "org.example.heeded", jsontext.Value(`{"a":4}`)); !errors.Is(err, errDisk) {
			t.Errorf("SetAccountData = %v", err)
		}
		w.holds(global, "org.example.heeded", `{"a":1}`)
		if want := []string{`@alice:hs.test{"a":1}`, `@alice:hs.test{"a":4}`}; !slices.Equal(heard, want) {
			t.Errorf("heard %q, want %q", heard, want)
		}
	})
}
