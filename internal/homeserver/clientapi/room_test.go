package clientapi_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
)

// call sends a request as somebody; the path is below /_matrix/client/v3.
func (w *world) call(token, call, body string) answer {
	w.Helper()
	method, path, _ := strings.Cut(call, " ")
	return w.do(method, v3+path, body, bearer(token))
}

// room makes a room that anybody may join and returns its id, escaped for a path.
func (w *world) room(token string) string {
	w.Helper()
	a := w.call(token, "POST /createRoom", `{"preset":"public_chat","name":"Attic"}`)
	w.want("createRoom", a, 200, "")
	return url.PathEscape(a.str("room_id"))
}

// Two people meet in a room, from its beginning to its end.
func TestARoom(t *testing.T) {
	each(t, func(w *world) {
		alice, bob := w.joined("alice"), w.joined("bob")
		id := w.room(alice)
		w.want("the state, for a stranger", w.call(bob, "GET /rooms/"+id+"/state", ""), 403, "M_FORBIDDEN")
		w.want("a message of a stranger", w.call(bob, "PUT /rooms/"+id+"/send/m.room.message/1", `{}`), 403, "M_FORBIDDEN")
		w.want("join", w.call(bob, "POST /join/"+id, ""), 200, "")
		w.want("join again", w.call(bob, "POST /rooms/"+id+"/join", `{"reason":"again"}`), 200, "")
		said := w.call(bob, "PUT /rooms/"+id+"/send/m.room.message/1", `{"body":"hi","msgtype":"m.text"}`)
		w.want("send", said, 200, "")
		if again := w.call(bob, "PUT /rooms/"+id+"/send/m.room.message/1", `{"body":"ho","msgtype":"m.text"}`); again.text != said.text {
			w.Errorf("sent again it is %s, not %s", again.text, said.text)
		}
		event := w.call(alice, "GET /rooms/"+id+"/event/"+said.str("event_id"), "")
		if event.status != 200 || event.str("sender") != "@bob:hs.test" || fmt.Sprint(event.json["content"]) != "map[body:hi msgtype:m.text]" {
			w.Errorf("alice reads %s", event.text)
		}
		page := w.call(alice, "GET /rooms/"+id+"/messages?dir=b&limit=1", "")
		if chunk, _ := page.json["chunk"].([]any); len(chunk) != 1 || page.str("end") == "" || page.str("start") == "" {
			w.Errorf("messages = %s", page.text)
		}
		w.wantJSON("the name", w.call(bob, "GET /rooms/"+id+"/state/m.room.name", ""), `{"name":"Attic"}`)
		w.wantJSON("the name, with a slash", w.call(bob, "GET /rooms/"+id+"/state/m.room.name/", ""), `{"name":"Attic"}`)
		w.want("a new name", w.call(alice, "PUT /rooms/"+id+"/state/m.room.name/", `{"name":"Cellar"}`), 200, "")
		w.want("a new name of bob's", w.call(bob, "PUT /rooms/"+id+"/state/m.room.name", `{"name":"Roof"}`), 403, "M_FORBIDDEN")
		if name := w.call(bob, "GET /rooms/"+id+"/state/m.room.name?format=event", ""); name.str("type") != "m.room.name" {
			w.Errorf("the event of the name is %s", name.text)
		}
		w.want("redact", w.call(alice, "PUT /rooms/"+id+"/redact/"+said.str("event_id")+"/r1", `{}`), 200, "")
		if event := w.call(bob, "GET /rooms/"+id+"/event/"+said.str("event_id"), ""); fmt.Sprint(event.json["content"]) != "map[]" {
			w.Errorf("redacted it is %s", event.text)
		}
		nameless := `{"joined":{"@alice:hs.test":{"display_name":null,"avatar_url":null},"@bob:hs.test":{"display_name":null,"avatar_url":null}}}`
		w.wantJSON("the members", w.call(bob, "GET /rooms/"+id+"/joined_members", ""), nameless)
		w.wantJSON("bob's rooms", w.call(bob, "GET /joined_rooms", ""), `{"joined_rooms":["`+strings.ReplaceAll(id, "%21", "!")+`"]}`)
		w.want("kick", w.call(alice, "POST /rooms/"+id+"/kick", `{"user_id":"@bob:hs.test"}`), 200, "")
		w.want("kick again", w.call(alice, "POST /rooms/"+id+"/kick", `{"user_id":"@bob:hs.test"}`), 403, "M_FORBIDDEN")
		w.want("ban", w.call(alice, "POST /rooms/"+id+"/ban", `{"user_id":"@bob:hs.test","reason":"rude"}`), 200, "")
		w.want("join, banned", w.call(bob, "POST /join/"+id, "{}"), 403, "M_FORBIDDEN")
		w.want("unban", w.call(alice, "POST /rooms/"+id+"/unban", `{"user_id":"@bob:hs.test"}`), 200, "")
		w.want("invite", w.call(alice, "POST /rooms/"+id+"/invite", `{"user_id":"@bob:hs.test"}`), 200, "")
		w.want("join, invited", w.call(bob, "POST /join/"+id, "{}"), 200, "")
		w.want("leave", w.call(bob, "POST /rooms/"+id+"/leave", ""), 200, "")
		w.want("leave again", w.call(bob, "POST /rooms/"+id+"/leave", ""), 403, "M_FORBIDDEN")
		w.wantJSON("bob's rooms, in the end", w.call(bob, "GET /joined_rooms", ""), `{"joined_rooms":[]}`)
	})
}

// Who joins may say more of themselves than the specification names, but not what is the
// server's to say.
func TestWordsOfAJoin(t *testing.T) {
	each(t, func(w *world) {
		alice, bob := w.joined("alice"), w.joined("bob")
		id := w.room(alice)
		words := `{"reason":"why not","mood":"good","membership":"ban","join_authorised_via_users_server":"@alice:hs.test","third_party_invite":{}}`
		w.want("join", w.call(bob, "POST /join/"+id, words), 200, "")
		w.wantJSON("what it says", w.call(alice, "GET /rooms/"+id+"/state/m.room.member/@bob:hs.test", ""),
			`{"membership":"join","mood":"good","reason":"why not"}`)
	})
}

// A timeline that begins with its room leads to a time at which only its creator was there.
func TestMembersAtTheBeginning(t *testing.T) {
	each(t, func(w *world) {
		alice, bob := w.joined("alice"), w.joined("bob")
		id := w.room(alice)
		w.want("join", w.call(bob, "POST /join/"+id, ""), 200, "")
		members := w.call(alice, "GET /rooms/"+id+"/members?at=s0", "")
		if chunk, _ := members.json["chunk"].([]any); len(chunk) != 1 || !strings.Contains(members.text, `"state_key":"@alice:hs.test"`) {
			w.Errorf("at the beginning: %s", members.text)
		}
	})
}

// What is no request, and what is asked for what is not there, is told so, and nothing is
// written.
func TestRoomsRefuse(t *testing.T) {
	each(t, func(w *world) {
		alice := w.joined("alice")
		id := w.room(alice)
		name := w.call(alice, "GET /rooms/"+id+"/state/m.room.name?format=event", "").str("event_id")
		deep := strings.Repeat(`{"a":`, 2000) + `1` + strings.Repeat(`}`, 2000)
		tests := []struct {
			call, body string
			status     int
			code       string
		}{
			{"PUT /rooms/" + id + "/send/m.room.message/1", ``, 400, "M_NOT_JSON"},
			{"PUT /rooms/" + id + "/send/m.room.message/1", `{`, 400, "M_NOT_JSON"},
			{"PUT /rooms/" + id + "/send/m.room.message/1", `{"a":1}x`, 400, "M_NOT_JSON"},
			{"PUT /rooms/" + id + "/send/m.room.message/1", "{\"a\":\"\xff\"}", 400, "M_NOT_JSON"},
			{"PUT /rooms/" + id + "/send/m.room.message/1", `[]`, 400, "M_BAD_JSON"},
			{"PUT /rooms/" + id + "/send/m.room.message/1", `"text"`, 400, "M_BAD_JSON"},
			{"PUT /rooms/" + id + "/send/m.room.message/1", `{"a":1.5}`, 400, "M_BAD_JSON"},
			{"PUT /rooms/" + id + "/send/m.room.message/1", `{"a":9007199254740993}`, 400, "M_BAD_JSON"},
			{"PUT /rooms/" + id + "/send/m.room.message/1", `{"a":1,"a":2}`, 400, "M_BAD_JSON"},
			{"PUT /rooms/" + id + "/send/m.room.message/1", deep, 400, "M_BAD_JSON"},
			{"PUT /rooms/" + id + "/send/m.room.message/1", `{"a":"` + strings.Repeat("x", 70_000) + `"}`, 413, "M_TOO_LARGE"},
			{"PUT /rooms/" + id + "/send/m.room.message/1", `{"a":"` + strings.Repeat("x", 300_000) + `"}`, 413, "M_TOO_LARGE"},
			{"PUT /rooms/" + id + "/send/" + strings.Repeat("x", 256) + "/1", `{}`, 413, "M_TOO_LARGE"},
			{"PUT /rooms/!no:hs.test/send/m.room.message/1", `{}`, 404, "M_NOT_FOUND"},
			{"PUT /rooms/nonsense/send/m.room.message/1", `{}`, 404, "M_NOT_FOUND"},
			{"PUT /rooms/" + id + "/send/m.room.redaction/1", `{}`, 400, "M_INVALID_PARAM"},
			{"PUT /rooms/" + id + "/send/m.room.redaction/1", `{"redacts":7}`, 400, "M_INVALID_PARAM"},
			{"PUT /rooms/" + id + "/send/m.room.redaction/1", `{"redacts":"$\u0000"}`, 404, "M_NOT_FOUND"},
			{"PUT /rooms/" + id + "/state/m.room.canonical_alias", `{"alias":"#\u0000:hs.test"}`, 400, "M_INVALID_PARAM"},
			{"PUT /rooms/" + id + "/state/m.room.member/@alice:hs.test", `{"membership":"join\u0000"}`, 400, "M_BAD_JSON"},
			{"PUT /rooms/" + id + "/redact/no/1", `{}`, 404, "M_NOT_FOUND"},
			{"PUT /rooms/!no:hs.test/redact/" + name + "/1", `{}`, 404, "M_NOT_FOUND"},
			{"PUT /rooms/" + id + "/redact/" + name + "/1", `{"reason":7}`, 400, "M_BAD_JSON"},
			{"PUT /rooms/" + id + "/state/m.room.create", `{}`, 400, "M_INVALID_PARAM"},
			{"PUT /rooms/" + id + "/state/m.room.power_levels", `{"users":{"@alice:hs.test":100}}`, 400, "M_BAD_JSON"},
			{"PUT /rooms/" + id + "/state/m.room.power_levels", `{"ban":"many"}`, 400, "M_BAD_JSON"},
			{"PUT /rooms/" + id + "/state/m.room.power_levels", `{"users":[]}`, 400, "M_BAD_JSON"},
			{"PUT /rooms/" + id + "/state/m.room.member/@alice:hs.test", `{}`, 400, "M_BAD_JSON"},
			{"PUT /rooms/" + id + "/state/m.room.member/@alice:hs.test", `{"membership":"king"}`, 400, "M_BAD_JSON"},
			{"PUT /rooms/" + id + "/state/x/@bob:hs.test", `{}`, 403, "M_FORBIDDEN"},
			{"PUT /rooms/" + id + "/state/m.room.canonical_alias", `{"alias":"#no:hs.test"}`, 400, "M_BAD_ALIAS"},
			{"PUT /rooms/" + id + "/state/m.room.canonical_alias", `{"alias":"no"}`, 400, "M_INVALID_PARAM"},
			{"POST /rooms/" + id + "/invite", `{}`, 400, "M_MISSING_PARAM"},
			{"POST /rooms/" + id + "/invite", `{"user_id":"bob"}`, 400, "M_INVALID_PARAM"},
			{"POST /rooms/" + id + "/invite", `{"user_id":7}`, 400, "M_BAD_JSON"},
			{"POST /rooms/" + id + "/unban", `{"user_id":"@bob:hs.test"}`, 403, "M_FORBIDDEN"},
			{"POST /join/" + "%23no:hs.test", `{}`, 404, "M_NOT_FOUND"},
			{"POST /join/" + "%23no", `{}`, 400, "M_INVALID_PARAM"},
			{"POST /join/!no:hs.test", `{}`, 404, "M_NOT_FOUND"},
			{"POST /knock/" + id, `{}`, 403, "M_FORBIDDEN"},
			{"POST /createRoom", `[]`, 400, "M_BAD_JSON"},
			{"POST /createRoom", `{"preset":"x"}`, 400, "M_INVALID_PARAM"},
			{"POST /createRoom", `{"visibility":"x"}`, 400, "M_INVALID_PARAM"},
			{"POST /createRoom", `{"room_version":"13"}`, 400, "M_UNSUPPORTED_ROOM_VERSION"},
			{"POST /createRoom", `{"room_version":12}`, 400, "M_BAD_JSON"},
			{"POST /createRoom", `{"initial_state":[{"type":"x"}]}`, 400, "M_MISSING_PARAMS"},
			{"POST /createRoom", `{"initial_state":[{"type":"x","content":[]}]}`, 400, "M_BAD_JSON"},
			{"POST /createRoom", `{"creation_content":[]}`, 400, "M_BAD_JSON"},
			{"POST /createRoom", `{"invite":["bob"]}`, 400, "M_INVALID_PARAM"},
			{"POST /createRoom", `{"power_level_content_override":{"users":{"@alice:hs.test":1}}}`, 400, "M_INVALID_ROOM_STATE"},
			{"GET /rooms/" + id + "/messages?dir=x", ``, 400, "M_INVALID_PARAM"},
			{"GET /rooms/" + id + "/messages?dir=b&from=x", ``, 400, "M_INVALID_PARAM"},
			{"GET /rooms/" + id + "/messages?dir=b&limit=x", ``, 400, "M_INVALID_PARAM"},
			{"GET /rooms/" + id + "/messages?dir=b&limit=99999999999999999999", ``, 400, "M_INVALID_PARAM"},
			{"GET /rooms/" + id + "/messages?dir=b&filter=x", ``, 400, "M_INVALID_PARAM"},
			{"GET /rooms/" + id + "/messages?dir=b&filter={%22types%22:7}", ``, 400, "M_INVALID_PARAM"},
			{"GET /rooms/" + id + "/members?membership=x", ``, 400, "M_INVALID_PARAM"},
			{"GET /rooms/" + id + "/members?at=x", ``, 400, "M_INVALID_PARAM"},
			{"GET /rooms/" + id + "/event/x", ``, 404, "M_NOT_FOUND"},
			{"GET /rooms/" + id + "/context/x", ``, 404, "M_NOT_FOUND"},
			{"GET /rooms/" + id + "/state/x", ``, 404, "M_NOT_FOUND"},
			{"GET /rooms/" + id + "/state/m.room.name?format=x", ``, 400, "M_INVALID_PARAM"},
			{"GET /rooms/!no:hs.test/state", ``, 403, "M_FORBIDDEN"},
			{"GET /rooms/!no:hs.test/joined_members", ``, 403, "M_FORBIDDEN"},
			{"GET /rooms/!no:hs.test/messages", ``, 403, "M_FORBIDDEN"},
			{"GET /rooms/!no:hs.test/event/x", ``, 404, "M_NOT_FOUND"},
		}
		before := w.call(alice, "GET /rooms/"+id+"/messages?dir=b&limit=500", "")
		for _, test := range tests {
			w.want(test.call+" "+test.body[:min(60, len(test.body))], w.call(alice, test.call, test.body), test.status, test.code)
		}
		if after := w.call(alice, "GET /rooms/"+id+"/messages?dir=b&limit=500", ""); fmt.Sprint(after.json["chunk"]) != fmt.Sprint(before.json["chunk"]) {
			w.Errorf("something was written: %s, before %s", after.text, before.text)
		}
		if rooms := w.call(alice, "GET /joined_rooms", ""); strings.Count(rooms.text, "!") != 1 {
			w.Errorf("rooms were made: %s", rooms.text)
		}
	})
}

// A room is found, continued and forgotten.
func TestTheDirectoryOfRooms(t *testing.T) {
	each(t, func(w *world) {
		alice, bob := w.joined("alice"), w.joined("bob")
		made := w.call(alice, "POST /createRoom", `{"preset":"public_chat","name":"Attic","room_alias_name":"attic","visibility":"public"}`)
		id := made.str("room_id")
		w.want("the same alias", w.call(alice, "POST /createRoom", `{"room_alias_name":"attic"}`), 400, "M_ROOM_IN_USE")
		w.want("join", w.call(bob, "POST /join/%23attic:hs.test", `{}`), 200, "")
		w.wantJSON("the alias", w.do("GET", v3+"/directory/room/%23attic:hs.test", ""), `{"room_id":"`+id+`","servers":["hs.test"]}`)
		w.wantJSON("another alias", w.call(bob, "PUT /directory/room/%23loft:hs.test", `{"room_id":"`+id+`"}`), `{}`)
		w.want("again", w.call(bob, "PUT /directory/room/%23loft:hs.test", `{"room_id":"`+id+`"}`), 409, "M_UNKNOWN")
		w.want("of no room", w.call(bob, "PUT /directory/room/%23x:hs.test", `{"room_id":"!no"}`), 404, "M_NOT_FOUND")
		w.want("without a room", w.call(bob, "PUT /directory/room/%23x:hs.test", `{}`), 400, "M_MISSING_PARAMS")
		w.want("that is none", w.call(bob, "PUT /directory/room/x", `{"room_id":"`+id+`"}`), 400, "M_INVALID_PARAM")
		w.wantJSON("the aliases", w.call(bob, "GET /rooms/"+id+"/aliases", ""), `{"aliases":["#attic:hs.test","#loft:hs.test"]}`)
		w.want("deleting another's", w.call(bob, "DELETE /directory/room/%23attic:hs.test", ""), 403, "M_FORBIDDEN")
		w.wantJSON("deleting one's own", w.call(bob, "DELETE /directory/room/%23loft:hs.test", ""), `{}`)
		w.want("deleted", w.do("GET", v3+"/directory/room/%23loft:hs.test", ""), 404, "M_NOT_FOUND")
		public := `{"chunk":[{"room_id":"` + id + `","name":"Attic","canonical_alias":"#attic:hs.test","join_rule":"public","num_joined_members":2,"world_readable":false,"guest_can_join":false}],"total_room_count_estimate":1}`
		w.wantJSON("public rooms", w.do("GET", v3+"/publicRooms", ""), public)
		w.wantJSON("public rooms, looked for", w.call(bob, "POST /publicRooms", `{"limit":1,"filter":{"generic_search_term":"att","room_types":[null]}}`), public)
		w.wantJSON("no public rooms", w.call(bob, "POST /publicRooms", `{"filter":{"generic_search_term":"x"}}`), `{"chunk":[],"total_room_count_estimate":0}`)
		w.want("a bad token", w.do("GET", v3+"/publicRooms?since=x", ""), 400, "M_INVALID_PARAM")
		w.want("another server", w.do("GET", v3+"/publicRooms?server=other.test", ""), 404, "M_NOT_FOUND")
		w.want("a bad filter", w.call(bob, "POST /publicRooms", `{"filter":{"room_types":"x"}}`), 400, "M_BAD_JSON")
		w.wantJSON("listed", w.do("GET", v3+"/directory/list/room/"+id, ""), `{"visibility":"public"}`)
		w.want("unlisting as nobody", w.call(bob, "PUT /directory/list/room/"+id, `{"visibility":"private"}`), 403, "M_FORBIDDEN")
		w.want("a visibility that is none", w.call(alice, "PUT /directory/list/room/"+id, `{"visibility":"x"}`), 400, "M_INVALID_PARAM")
		w.wantJSON("unlisting", w.call(alice, "PUT /directory/list/room/"+id, `{"visibility":"private"}`), `{}`)
		w.wantJSON("unlisted", w.do("GET", v3+"/directory/list/room/"+id, ""), `{"visibility":"private"}`)

		w.wantJSON("a report", w.call(bob, "POST /rooms/"+id+"/report", `{"reason":"rude"}`), `{}`)
		w.want("a report of nothing", w.call(bob, "POST /rooms/"+id+"/report/$no", `{"reason":"rude"}`), 404, "M_NOT_FOUND")
		w.want("upgrading as nobody", w.call(bob, "POST /rooms/"+id+"/upgrade", `{"new_version":"11"}`), 403, "M_FORBIDDEN")
		w.want("upgrading to nothing", w.call(alice, "POST /rooms/"+id+"/upgrade", `{"new_version":"x"}`), 400, "M_UNSUPPORTED_ROOM_VERSION")
		next := w.call(alice, "POST /rooms/"+id+"/upgrade", `{"new_version":"11"}`)
		w.wantJSON("the alias, then", w.do("GET", v3+"/directory/room/%23attic:hs.test", ""), `{"room_id":"`+next.str("replacement_room")+`","servers":["hs.test"]}`)
		w.want("forgetting", w.call(bob, "POST /rooms/"+id+"/forget", ""), 400, "M_UNKNOWN")
		w.want("leave", w.call(bob, "POST /rooms/"+id+"/leave", `{"reason":"done"}`), 200, "")
		w.wantJSON("forgetting, then", w.call(bob, "POST /rooms/"+id+"/forget", `{}`), `{}`)
		w.want("messages", w.call(bob, "GET /rooms/"+id+"/messages?dir=b", ""), 403, "M_FORBIDDEN")
	})
}
