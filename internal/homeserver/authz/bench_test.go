package authz_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/matrix-org/gomatrixserverlib"
	"github.com/matrix-org/gomatrixserverlib/spec"

	"signet/internal/homeserver/authz"
	"signet/internal/homeserver/event"
)

// crowded is a room in which n users have a level.
func crowded(b *testing.B, v event.Version, n int) *world {
	w := peopled(b, v)
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf(`"@user%d:x.org":%d`, i, i%50)
	}
	w.put("m.room.power_levels", "", alice, strings.Replace(baseLevels, `"users":{`, `"users":{`+strings.Join(list, ",")+`,`, 1))
	return w
}

// compare measures the check of an event, here and there.
func compare(b *testing.B, w *world, p event.Proto) {
	e := w.build(p)
	b.Run("ours", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := authz.Check(e, w.state); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("library", func(b *testing.B) {
		pdu, provider := there(b, w, e)
		b.ReportAllocs()
		for b.Loop() {
			if err := gomatrixserverlib.Allowed(pdu, provider, func(_ spec.RoomID, sender spec.SenderID) (*spec.UserID, error) {
				return spec.NewUserID(string(sender), true)
			}); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkMessage(b *testing.B) {
	w := crowded(b, event.V11, 3)
	compare(b, w, w.proto("m.chat", nil, bob, `{}`))
}

func BenchmarkMessageLevelsAtHand(b *testing.B) {
	w := crowded(b, event.V11, 1000)
	levels, err := authz.Levels(w.v, w.state)
	if err != nil {
		b.Fatal(err)
	}
	e, state := w.build(w.proto("m.chat", nil, bob, `{}`)), leveled{w.state, levels}
	b.ReportAllocs()
	for b.Loop() {
		if err := authz.Check(e, state); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkJoin(b *testing.B) {
	w := crowded(b, event.V11, 3)
	w.joinRule("public")
	compare(b, w, w.proto("m.room.member", &[]string{eve}[0], eve, `{"membership":"join"}`))
}

func BenchmarkPowerLevels1000(b *testing.B) {
	w := crowded(b, event.V11, 1000)
	levels := string(w.state.Event("m.room.power_levels", "").Content())
	compare(b, w, w.proto("m.room.power_levels", new(string), boss, strings.Replace(levels, `"@user7:x.org":7`, `"@user7:x.org":8`, 1)))
}
