package clientapi_test

import (
	"net/url"
	"testing"
)

// Whoever wants no invitations gets none, by whichever way they are sent, and others are told
// so (client-server API, "Invite permission").
func TestWhoWantsNoInvitations(t *testing.T) {
	each(t, func(w *world) {
		alice, bob := w.joined("alice"), w.joined("bob")
		id := w.room(alice)
		ways := map[string][2]string{
			"invite":     {"POST /rooms/" + id + "/invite", `{"user_id":"@bob:hs.test"}`},
			"createRoom": {"POST /createRoom", `{"invite":["@bob:hs.test"]}`},
			"state":      {"PUT /rooms/" + id + "/state/m.room.member/" + url.PathEscape("@bob:hs.test"), `{"membership":"invite"}`},
		}
		odd := "PUT /rooms/" + id + "/state/m.room.member/" + url.PathEscape("@bob:hs.test")
		for name, content := range map[string]string{
			"spaced": ` { "membership" : "invite" } `, "escaped": `{"m\u0065mbership":"\u0069nvite"}`, "with more": `{"a":{"membership":"join"},"membership":"invite"}`,
			"from an address": `{"membership":"invite","third_party_invite":{"signed":{}}}`,
		} {
			ways[name] = [2]string{odd, content}
		}
		configure := func(content string) {
			w.Helper()
			w.want("configuring", w.call(bob, "PUT /user/@bob:hs.test/account_data/m.invite_permission_config", content), 200, "")
		}
		configure(`{"default_action":"block"}`)
		rooms := w.call(alice, "GET /joined_rooms", "").text
		for name, way := range ways {
			w.want(name, w.call(alice, way[0], way[1]), 403, "M_INVITE_BLOCKED")
		}
		if after := w.call(alice, "GET /joined_rooms", "").text; after != rooms {
			w.Errorf("a room was made: %s", after)
		}
		w.want("a join", w.call(bob, "POST /join/"+id, ""), 200, "")
		w.want("a leave", w.call(bob, "POST /rooms/"+id+"/leave", ""), 200, "")

		for _, content := range []string{`{}`, `{"default_action":"allow"}`, `{"default_action":["block"]}`, `{"default_action":null}`} {
			configure(content)
			w.want("an invitation with "+content, w.call(alice, "POST /createRoom", `{"invite":["@bob:hs.test"]}`), 200, "")
		}
		for _, name := range []string{"invite", "createRoom", "state"} {
			w.want(name, w.call(alice, ways[name][0], ways[name][1]), 200, "")
		}
		twice := w.call(alice, odd, `{"membership":"leave","membership":"invite"}`)
		if twice.status != 400 {
			w.Errorf("said twice: %d %s", twice.status, twice.text)
		}
	})
}
