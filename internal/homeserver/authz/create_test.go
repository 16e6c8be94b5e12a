package authz_test

import (
	"slices"
	"strings"
	"testing"

	"signet/internal/homeserver/authz"
	"signet/internal/homeserver/event"
)

// Rule 1.
func TestCreate(t *testing.T) {
	each(t, 1, 12, func(t *testing.T, v event.Version) {
		if !v.CreatorInContent() {
			return
		}
		w := &world{t: t, v: v, room: "!r:x.org", state: event.StateMap{}}
		w.want("1.4 no creator", w.try("m.room.create", "", alice, `{}`), authz.ErrCreateCreator)
		w.want("1.4 any creator", w.try("m.room.create", "", alice, `{"creator":null}`), "")
		w.want("1.4 before version 12, no list of creators", w.try("m.room.create", "", alice, `{"creator":"","additional_creators":1}`), "")
	})
	each(t, 1, 11, func(t *testing.T, v event.Version) {
		w := &world{t: t, v: v, room: "!r:y.org", state: event.StateMap{}}
		w.want("1.2 another server's room", w.try("m.room.create", "", alice, `{"creator":"`+alice+`"}`), authz.ErrCreateDomain)
		w.room = "!r:x.org:8448"
		w.want("1.2 another port's room", w.try("m.room.create", "", alice, `{"creator":"`+alice+`"}`), authz.ErrCreateDomain)
	})
	each(t, 1, 12, func(t *testing.T, v event.Version) {
		w := &world{t: t, v: v, room: map[bool]string{true: "", false: "!r:x.org"}[v.RoomIDFromCreate()], state: event.StateMap{}}
		p := w.proto("m.room.create", new(string), alice, `{"creator":""}`)
		p.PrevEvents = []string{w.id(1)}
		w.want("1.1 prev_events", authz.Check(w.build(p), w.state), authz.ErrCreatePrev)
		for version, want := range map[string]authz.Refusal{
			`"1"`: "", `"12"`: "", `"` + v.String() + `"`: "", `"13"`: authz.ErrCreateVersion, `"org.matrix.msc4242.12"`: authz.ErrCreateVersion,
			`12`: authz.ErrCreateVersion, `null`: authz.ErrCreateVersion, `""`: authz.ErrCreateVersion, `"01"`: authz.ErrCreateVersion,
		} {
			w.want("1.3 "+version, w.try("m.room.create", "", alice, `{"creator":"","room_version":`+version+`}`), want)
		}
	})
}

// Rule 1.4 of version 12.
func TestAdditionalCreators(t *testing.T) {
	w := &world{t: t, v: event.V12, state: event.StateMap{}}
	for creators, want := range map[string]authz.Refusal{
		`[]`: "", `["` + bob + `"]`: "", `["@:y.org","@ Ä:Y.org:1"]`: "",
		`null`: authz.ErrCreateCreators, `{}`: authz.ErrCreateCreators, `"` + bob + `"`: authz.ErrCreateCreators, `[1]`: authz.ErrCreateCreators, `["bob"]`: authz.ErrCreateCreators,
		`["` + bob + `","@bob"]`: authz.ErrCreateCreators, `["@b:"]`: authz.ErrCreateCreators, `["@` + strings.Repeat("b", 255) + `:y.org"]`: authz.ErrCreateCreators, `[["` + bob + `"]]`: authz.ErrCreateCreators,
	} {
		w.want("1.4 "+creators, w.try("m.room.create", "", alice, `{"additional_creators":`+creators+`}`), want)
	}
}

func TestCreators(t *testing.T) {
	each(t, 1, 12, func(t *testing.T, v event.Version) {
		w := &world{t: t, v: v, room: map[bool]string{true: "", false: "!r:x.org"}[v.RoomIDFromCreate()], state: event.StateMap{}}
		create := w.put("m.room.create", "", alice, `{"creator":"`+bob+`","additional_creators":["`+mod+`"]}`)
		want := []string{alice, mod}
		switch {
		case v.CreatorInContent():
			want = []string{bob}
		case !v.PrivilegedCreators():
			want = []string{alice}
		}
		if got := authz.Creators(create); !slices.Equal(got, want) {
			t.Errorf("version %s: creators = %v, want %v", v, got, want)
		}
		if got, err := authz.RoomVersion(create); got != event.V1 || err != nil {
			t.Errorf("version %s: version of a room that says none = %s, %v", v, got, err)
		}
	})
}
