package event_test

import (
	"testing"

	"signet/internal/homeserver/event"
)

// What redaction leaves of a type's content in each range of versions ("Redactions").
func TestRedact(t *testing.T) {
	levels := `{"ban":1,"events":{},"events_default":1,"invite":1,"kick":1,"notifications":{},"redact":1,"state_default":1,"users":{},"users_default":1}`
	kept := `{"ban":1,"events":{},"events_default":1,"kick":1,"redact":1,"state_default":1,"users":{},"users_default":1}`
	invite := `{"displayname":"B","membership":"invite","third_party_invite":{"display_name":"b","signed":{"token":"t"}}}`
	authorised := `{"displayname":"B","join_authorised_via_users_server":"@a:b","membership":"join"}`
	for _, c := range []struct {
		typ, content string
		from, to     event.Version
		want         string
	}{
		{"m.room.message", `{"body":"x"}`, 1, 12, `{}`},
		{"m.room.member", `{"displayname":"B","membership":"join","third_party_invite":1}`, 1, 10, `{"membership":"join"}`},
		{"m.room.member", authorised, 1, 8, `{"membership":"join"}`},
		{"m.room.member", authorised, 9, 12, `{"join_authorised_via_users_server":"@a:b","membership":"join"}`},
		{"m.room.member", invite, 1, 10, `{"membership":"invite"}`},
		{"m.room.member", invite, 11, 12, `{"membership":"invite","third_party_invite":{"signed":{"token":"t"}}}`},
		{"m.room.member", `{"third_party_invite":{"display_name":"b"}}`, 11, 12, `{"third_party_invite":{}}`},
		{"m.room.member", `{"third_party_invite":[{"signed":1}]}`, 11, 12, `{}`},
		{"m.room.member", `{"third_party_invite":null}`, 11, 12, `{}`},
		{"m.room.create", `{"a":1,"creator":"@a:b","room_version":"1"}`, 1, 10, `{"creator":"@a:b"}`},
		{"m.room.create", `{"a":1,"creator":"@a:b","room_version":"1"}`, 11, 12, `{"a":1,"creator":"@a:b","room_version":"1"}`},
		{"m.room.join_rules", `{"allow":[],"join_rule":"restricted","x":1}`, 1, 7, `{"join_rule":"restricted"}`},
		{"m.room.join_rules", `{"allow":[],"join_rule":"restricted","x":1}`, 8, 12, `{"allow":[],"join_rule":"restricted"}`},
		{"m.room.power_levels", levels, 1, 10, kept},
		{"m.room.power_levels", levels, 11, 12, `{"ban":1,"events":{},"events_default":1,"invite":1,"kick":1,"redact":1,"state_default":1,"users":{},"users_default":1}`},
		{"m.room.aliases", `{"aliases":[],"x":1}`, 1, 5, `{"aliases":[]}`},
		{"m.room.aliases", `{"aliases":[],"x":1}`, 6, 12, `{}`},
		{"m.room.history_visibility", `{"history_visibility":"shared","x":1}`, 1, 12, `{"history_visibility":"shared"}`},
		{"m.room.redaction", `{"reason":"r","redacts":"$a"}`, 1, 10, `{}`},
		{"m.room.redaction", `{"reason":"r","redacts":"$a"}`, 11, 12, `{"redacts":"$a"}`},
	} {
		for v := c.from; v <= c.to; v++ {
			e := build(t, v, state(v, c.typ, "", c.content))
			if got := string(e.Redact().Content()); got != c.want {
				t.Errorf("version %s: redacted %s %s = %s, want %s", v, c.typ, c.content, got, c.want)
			}
		}
	}
}

// Redaction takes what it does not know, beside the content too, and neither the id nor
// the signature of the event.
func TestRedactTakesMembers(t *testing.T) {
	for _, v := range event.Versions() {
		e := build(t, v, message(v))
		remote := changed(t, e, "x", `1`, "origin", `"x.org"`, "membership", `"join"`, "prev_state", `[]`, "redacts", `"$a"`)
		got, err := v.Parse(remote)
		if err != nil {
			t.Fatal(err)
		}
		want := changed(t, e, "content", `{}`, "origin", `"x.org"`, "membership", `"join"`, "prev_state", `[]`)
		if v >= event.V11 {
			want = changed(t, e, "content", `{}`)
		}
		wanted, err := event.Canonical(want, true)
		if err != nil || string(got.JSON()) != string(wanted) {
			t.Errorf("version %s: got  %s\nwant %s, %v", v, got.JSON(), wanted, err)
		}
		redacted := e.Redact()
		if redacted.ID() != e.ID() || redacted.Verify(keys) != nil || !redacted.Redacted() || e.Redacted() || redacted.Redact() != redacted {
			t.Errorf("version %s: redacted %s is another event: %s", v, e.JSON(), redacted.JSON())
		}
		if redacted.ReferenceHash() != e.ReferenceHash() {
			t.Errorf("version %s: redaction changes the reference hash", v)
		}
	}
}
