package userdata_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/homeserver/userdata"
)

func TestProfiles(t *testing.T) {
	each(t, func(w *world) {
		for field, value := range map[string]string{
			"displayname": `"Alice 🦊"`, "avatar_url": `"mxc://hs.test/a"`, "m.tz": `"Europe/London"`, "org.example.any": `{"b":[1,null]}`,
		} {
			if err := w.SetField(w.Context(), alice, field, jsontext.Value(value)); err != nil {
				w.Errorf("%s: %v", field, err)
			}
			if got := string(w.follower.last[field]); got != value {
				w.Errorf("those who follow were told of %s, want %s", got, value)
			}
		}
		p, err := w.Profile(w.Context(), alice)
		if err != nil || len(p) != 4 || string(p["org.example.any"]) != `{"b":[1,null]}` {
			w.Errorf("Profile = %v, %v", p, err)
		}
		if p, err := w.Profile(w.Context(), bob); err != nil || p == nil || len(p) != 0 {
			w.Errorf("Bob's profile = %v, %v; want an empty one", p, err)
		}
		for field, value := range map[string]string{"displayname": `""`, "avatar_url": `""`} { // as clients delete them
			if err := w.SetField(w.Context(), alice, field, jsontext.Value(value)); err != nil {
				w.Error(err)
			}
		}
		if err := w.DeleteField(w.Context(), alice, "m.tz"); err != nil {
			w.Error(err)
		}
		if p, err := w.Profile(w.Context(), alice); err != nil || len(p) != 1 {
			w.Errorf("Profile = %v, %v; want one field left", p, err)
		}
	})
}

func TestFieldsRefused(t *testing.T) {
	each(t, func(w *world) {
		for _, test := range []struct {
			field, value string
			want         error
		}{
			{"", `1`, userdata.ErrField},
			{"displayName", `"x"`, userdata.ErrField},
			{"custom", `"x"`, userdata.ErrField},
			{"org.Example", `"x"`, userdata.ErrField},
			{"a." + strings.Repeat("x", 254), `"x"`, userdata.ErrFieldLong},
			{"displayname", `null`, userdata.ErrValue},
			{"displayname", `1`, userdata.ErrValue},
			{"displayname", `{}`, userdata.ErrValue},
			{"displayname", `"` + strings.Repeat("é", 257) + `"`, userdata.ErrValue},
			{"avatar_url", `["mxc://a/b"]`, userdata.ErrValue},
			{"avatar_url", `"` + strings.Repeat("x", 1001) + `"`, userdata.ErrValue},
			{"m.tz", `0`, userdata.ErrValue},
			{"org.example", `"` + strings.Repeat("x", 64<<10) + `"`, userdata.ErrProfileLarge},
		} {
			if err := w.SetField(w.Context(), alice, test.field, jsontext.Value(test.value)); !errors.Is(err, test.want) {
				w.Errorf("SetField(%.20q, %.20s) = %v, want %v", test.field, test.value, err, test.want)
			}
		}
		if w.rows() != 0 || w.follower.told != 0 {
			w.Errorf("refusing wrote %d rows and told %d times", w.rows(), w.follower.told)
		}
	})
}

// A profile is bounded as a whole, and what is there already can always shrink.
func TestAProfileIsBounded(t *testing.T) {
	each(t, func(w *world) {
		set := func(field string, size int) error {
			return w.SetField(w.Context(), alice, field, jsontext.Value(`"`+strings.Repeat("x", size)+`"`))
		}
		if err := errors.Join(set("org.a", 30<<10), set("org.b", 30<<10)); err != nil {
			w.Fatal(err)
		}
		if err := set("org.c", 5<<10); !errors.Is(err, userdata.ErrProfileLarge) {
			w.Errorf("beyond 64 KiB = %v, want %v", err, userdata.ErrProfileLarge)
		}
		if err := errors.Join(set("org.b", 10), set("org.c", 5<<10)); err != nil {
			w.Error(err)
		}
	})
}

// Who cannot follow fails the request, and the change stands; the same request again tells
// them again.
func TestFollowers(t *testing.T) {
	each(t, func(w *world) {
		set := func(name string) error {
			return w.SetField(w.Context(), alice, userdata.DisplayName, jsontext.Value(name))
		}
		if err := set(`"A"`); err != nil || w.follower.told != 1 {
			w.Errorf("told %d times, %v; want once", w.follower.told, err)
		}
		w.follower.err = errDisk
		if err := set(`"B"`); !errors.Is(err, errDisk) {
			w.Errorf("SetField = %v, want %v", err, errDisk)
		}
		if p, err := w.Profile(w.Context(), alice); err != nil || string(p[userdata.DisplayName]) != `"B"` {
			w.Errorf("Profile = %v, %v", p, err)
		}
		*w.follower = follower{}
		if err := set(`"B"`); err != nil || string(w.follower.last[userdata.DisplayName]) != `"B"` {
			w.Errorf("at the second try they were told %v, %v", w.follower.last, err)
		}
		*w.follower = follower{}
		if err := w.DeleteField(w.Context(), alice, userdata.AvatarURL); err != nil || w.follower.told != 1 {
			w.Errorf("of what is deleted already they were told %d times, %v; want once", w.follower.told, err)
		}
		w.Follower = nil
		if err := set(`"C"`); err != nil {
			w.Error(err)
		}
	})
}
