package room_test

import (
	"fmt"
	"slices"
	"testing"

	"signet/internal/homeserver/event"
	"signet/internal/homeserver/room"
	"signet/internal/matrix"
)

// In every version a room begins, goes on and ends.
func TestARoomOfEveryVersion(t *testing.T) {
	each(t, func(w *world) {
		for _, v := range event.Versions() {
			id := w.create(room.Creation{Version: v.String(), Name: "Attic", Topic: "Boxes", Invite: []matrix.UserID{bob}, AliasName: "attic" + v.String()})
			w.join(id, bob)
			first := w.say(id, bob, "hello")
			w.ok(w.set(id, alice, "m.room.name", `{"name":"Cellar"}`))
			_, err := w.rooms.Redact(w.Context(), room.Redaction{Room: id, Sender: alice, EventID: first, Reason: "rude"})
			w.ok(err)
			w.ok(w.rooms.Leave(w.Context(), room.Membership{Room: id, Sender: bob}))
			var types []string
			for _, e := range w.events(id) {
				types = append(types, e.typ)
			}
			want := []string{"m.room.create", "m.room.member", "m.room.power_levels", "m.room.canonical_alias", "m.room.join_rules", "m.room.history_visibility",
				"m.room.guest_access", "m.room.name", "m.room.topic", "m.room.member", "m.room.member", "m.room.message", "m.room.name", "m.room.redaction", "m.room.member"}
			if !slices.Equal(types, want) {
				w.Errorf("version %s has %q, want %q", v, types, want)
			}
			if e := w.events(id)[11]; len(e.content()) != 0 || e.redactedBy == 0 {
				w.Errorf("version %s: redacted, the message is still %s", v, e.json)
			}
		}
	})
}

// Two rooms that are begun alike at the same moment are two, also where their first event
// is all that makes the id.
func TestRoomsBegunAlikeAreTwo(t *testing.T) {
	each(t, func(w *world) {
		seen := map[string]bool{}
		for range 5 {
			seen[w.create(room.Creation{Version: "12"})] = true
		}
		if len(seen) != 5 {
			w.Errorf("five rooms have %d ids", len(seen))
		}
	})
}

func TestPresets(t *testing.T) {
	tests := []struct {
		creation room.Creation
		want     []string // type, member and value of what the state says
	}{
		{room.Creation{}, []string{"m.room.join_rules join_rule invite", "m.room.history_visibility history_visibility shared", "m.room.guest_access guest_access can_join"}},
		{room.Creation{Listed: true}, []string{"m.room.join_rules join_rule public", "m.room.guest_access guest_access <nil>"}},
		{room.Creation{Listed: true, Preset: room.PrivateChat}, []string{"m.room.join_rules join_rule invite"}},
		{room.Creation{Preset: room.PublicChat}, []string{"m.room.join_rules join_rule public", "m.room.history_visibility history_visibility shared"}},
		{room.Creation{Preset: room.PublicChat, InitialState: []room.StateEvent{{Type: "m.room.history_visibility", Content: []byte(`{"history_visibility":"joined"}`)}}},
			[]string{"m.room.history_visibility history_visibility joined"}},
		{room.Creation{Preset: room.TrustedPrivateChat, Version: "11", Invite: []matrix.UserID{bob}},
			[]string{"m.room.power_levels users map[@alice:hs.test:100 @bob:hs.test:100]"}},
		{room.Creation{Preset: room.TrustedPrivateChat, Version: "12", Invite: []matrix.UserID{bob, alice, bob}[:1]},
			[]string{"m.room.power_levels users map[]", "m.room.create additional_creators [@bob:hs.test]"}},
		{room.Creation{Version: "11"}, []string{"m.room.power_levels users map[@alice:hs.test:100]", "m.room.create room_version 11", "m.room.create creator <nil>"}},
		{room.Creation{Version: "10"}, []string{"m.room.create creator @alice:hs.test"}},
		{room.Creation{CreationContent: []byte(`{"m.federate":false,"creator":"@bob:hs.test","room_version":"1","type":"m.space"}`)},
			[]string{"m.room.create m.federate false", "m.room.create creator <nil>", "m.room.create room_version 12", "m.room.create type m.space"}},
		{room.Creation{PowerLevels: []byte(`{"users_default":5,"events":{}}`)}, []string{"m.room.power_levels users_default 5", "m.room.power_levels events map[]", "m.room.power_levels ban 50"}},
		{room.Creation{Name: "Attic", InitialState: []room.StateEvent{{Type: "m.room.name", Content: []byte(`{"name":"Cellar"}`)}}}, []string{"m.room.name name Attic"}},
		{room.Creation{Direct: true, Invite: []matrix.UserID{bob}}, []string{"m.room.member is_direct true"}},
	}
	each(t, func(w *world) {
		for i, test := range tests {
			said := map[string]any{}
			for _, e := range w.events(w.create(test.creation)) {
				for _, member := range []string{"join_rule", "history_visibility", "guest_access", "users", "additional_creators", "room_version", "creator",
					"m.federate", "type", "users_default", "events", "ban", "name", "is_direct"} {
					said[e.typ+" "+member] = e.content()[member]
				}
			}
			for _, want := range test.want {
				var typ, member string
				_, _ = fmt.Sscan(want, &typ, &member)
				if got := fmt.Sprint(typ, " ", member, " ", said[typ+" "+member]); got != want {
					w.Errorf("room %d says %q, want %q", i, got, want)
				}
			}
		}
	})
}

// What cannot be made leaves nothing behind, not even its alias.
func TestCreateRefuses(t *testing.T) {
	tests := []struct {
		name     string
		creation room.Creation
		want     error
	}{
		{"a version nobody knows", room.Creation{Version: "13"}, event.ErrVersion},
		{"a preset nobody knows", room.Creation{Preset: "public"}, room.ErrPreset},
		{"a create event of one's own", room.Creation{InitialState: []room.StateEvent{{Type: "m.room.create", Content: []byte(`{}`)}}}, room.ErrInitialState},
		{"a membership of one's own", room.Creation{InitialState: []room.StateEvent{{Type: "m.room.member", StateKey: string(bob), Content: []byte(`{}`)}}}, room.ErrInitialState},
		{"a user id that is none", room.Creation{Invite: []matrix.UserID{"bob"}}, room.ErrUserID},
		{"too many invitations", room.Creation{Invite: make([]matrix.UserID, 101)}, room.ErrManyInvites},
		{"an alias that is taken", room.Creation{AliasName: "taken"}, room.ErrAliasTaken},
		{"an alias with a server", room.Creation{AliasName: "a:hs.test"}, room.ErrAliasFormat},
		{"an alias with a space", room.Creation{AliasName: "a b"}, room.ErrAliasFormat},
		{"levels that are a list", room.Creation{PowerLevels: []byte(`[]`)}, room.ErrContent},
		{"levels that are no numbers", room.Creation{PowerLevels: []byte(`{"ban":"many"}`)}, room.ErrRoomState},
		{"levels that name a creator", room.Creation{PowerLevels: []byte(`{"users":{"@alice:hs.test":100}}`)}, room.ErrRoomState},
		{"levels that shut the creator out", room.Creation{Version: "11", PowerLevels: []byte(`{"users":{},"state_default":100}`)}, room.ErrRoomState},
		{"creators that are no list", room.Creation{CreationContent: []byte(`{"additional_creators":"@bob:hs.test"}`)}, room.ErrRoomState},
		{"creators that are no list, with more", room.Creation{Preset: room.TrustedPrivateChat, Invite: []matrix.UserID{bob}, CreationContent: []byte(`{"additional_creators":7}`)}, room.ErrRoomState},
		{"state with a fraction", room.Creation{InitialState: []room.StateEvent{{Type: "a", Content: []byte(`{"a":0.5}`)}}}, event.ErrCanonical},
		{"state that is huge", room.Creation{InitialState: []room.StateEvent{{Type: "a", Content: fmt.Appendf(nil, `{"a":"%070000d"}`, 1)}}}, event.ErrTooLarge},
		{"a type that is long", room.Creation{InitialState: []room.StateEvent{{Type: fmt.Sprintf("%0256d", 1), Content: []byte(`{}`)}}}, event.ErrFieldLength},
	}
	each(t, func(w *world) {
		w.create(room.Creation{AliasName: "taken"})
		for _, test := range tests {
			test.creation.Creator = alice
			free := test.creation.AliasName == ""
			if free {
				test.creation.AliasName = "free"
			}
			w.unchanged(test.name, func() error { _, err := w.rooms.Create(w.Context(), test.creation); return err }, test.want)
		}
		w.create(room.Creation{AliasName: "free"})
	})
}
