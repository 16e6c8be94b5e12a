package authz_test

import (
	"errors"
	"testing"

	"signet/internal/homeserver/authz"
	"signet/internal/homeserver/event"
)

// FuzzPowerLevels reads power levels of any content. The laws: later versions let in no
// more than version 1 does, and nothing has a level beyond those of creators.
func FuzzPowerLevels(f *testing.F) {
	for _, s := range []string{baseLevels, `{}`, `{"ban":"+050"}`, `{"users":{"@a:b":1e300,"@c:d":" -7 "}}`, `{"users":[]}`, `{"events":null,"kick":0.5}`, `{"notifications":{"room":9223372036854775807}}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, input []byte) {
		content, err := event.Canonical(input, false)
		if err != nil {
			return
		}
		_, first := authz.ParsePowerLevels(event.V1, content)
		for _, v := range event.Versions() {
			levels, err := authz.ParsePowerLevels(v, content)
			var refusal authz.Refusal
			if err != nil && !errors.As(err, &refusal) {
				t.Fatalf("version %s: %v is no refusal", v, err)
			}
			// From version 6 on, notifications are read more strictly than the rest.
			if err == nil && first != nil {
				t.Fatalf("version %s lets in %q, version 1 does not: %v", v, content, first)
			}
			if err != nil {
				continue
			}
			for user := range event.Value(content).Field("users").Members() {
				if !event.ValidUserID(user) || levels.User(user) >= authz.Infinite {
					t.Fatalf("version %s: level of %q = %d", v, user, levels.User(user))
				}
			}
			for _, level := range []int64{levels.Ban(), levels.Kick(), levels.Redact(), levels.Invite(), levels.User(""), levels.Event("", true), levels.Event("", false), levels.Notification("room")} {
				if level >= authz.Infinite {
					t.Fatalf("version %s: a level of %q is infinite", v, content)
				}
			}
		}
	})
}

// FuzzCheck asks for events that another server might send, in rooms whose state it might
// have made. The laws: there is an answer, and each no is a Refusal.
func FuzzCheck(f *testing.F) {
	add := func(v event.Version, typ, key, sender, content string) {
		f.Add(uint8(v), typ, key, sender, []byte(content), []byte(`{"creator":"`+alice+`"}`), []byte(baseLevels), []byte(`{"join_rule":"restricted"}`))
	}
	for _, v := range event.Versions() {
		add(v, "m.room.member", eve, eve, `{"membership":"join","join_authorised_via_users_server":"`+mod+`"}`)
		add(v, "m.room.member", eve, bob, `{"membership":"invite","third_party_invite":{"signed":{"mxid":"`+eve+`","token":"t","signatures":{"id.org":{"ed25519:0":"AA"}}}}}`)
		add(v, "m.room.power_levels", "", mod, baseLevels)
		add(v, "m.room.create", "", alice, `{"creator":"","additional_creators":["`+bob+`"]}`)
		add(v, "m.room.aliases", "y.org", bob, `{}`)
		add(v, "m.room.redaction", "-", bob, `{"redacts":"$x"}`)
		add(v, "m.room.third_party_invite", "t", mod, `{"public_keys":[{}]}`)
	}
	f.Fuzz(func(t *testing.T, n uint8, typ, key, sender string, content, create, levels, rules []byte) {
		v := event.Version(n)
		if _, err := event.ParseVersion(v.String()); err != nil {
			return
		}
		w := peopled(t, v)
		w.unsigned = true
		place := func(typ, key string, content []byte) {
			if e, err := w.make(w.proto(typ, &key, alice, string(content))); err == nil {
				w.state.Add(e)
			}
		}
		// Where the create event makes the room's id, another would make another room.
		if !v.RoomIDFromCreate() {
			place("m.room.create", "", create)
		}
		place("m.room.power_levels", "", levels)
		place("m.room.join_rules", "", rules)
		place("m.room.third_party_invite", "t", content)
		p := w.proto(typ, &key, sender, string(content))
		if key == "-" {
			p.StateKey = nil
		}
		if typ == "m.room.create" && v.RoomIDFromCreate() {
			p.RoomID = ""
		}
		e, err := w.make(p)
		if err != nil {
			return
		}
		var cited []authz.Cited
		for _, key := range authz.Needed(e) {
			if s := w.state[key]; s != nil {
				cited = append(cited, authz.Cited{Event: s})
			}
		}
		state, err := authz.FromAuthEvents(e, cited, w.create())
		if err != nil {
			t.Fatalf("%s cannot cite what it needs: %v", e.JSON(), err)
		}
		got, all := authz.Check(e, state), authz.Check(e, w.state)
		var refusal authz.Refusal
		if got != nil && !errors.As(got, &refusal) {
			t.Fatalf("%v is no refusal", got)
		}
		// What an event needs is all that its answer depends on.
		if got != all {
			t.Fatalf("%s: %v of what it cites, %v of the state", e.JSON(), got, all)
		}
	})
}
