package clientapi_test

import (
	"net/url"
	"strings"
	"testing"
)

// odd is content of events with text that no identifier has, where servers look for one.
var odd = map[string][]string{
	"send/m.room.message": {
		`{"body":"\u0000","msgtype":"m.text"}`, `{"m.relates_to":{"rel_type":"m.thread","event_id":"$\u0000"}}`, `{"m.relates_to":{"rel_type":"m.replace","event_id":"$\u0000"}}`,
		`{"m.relates_to":{"rel_type":"m.thread","event_id":"$` + strings.Repeat("x", 5000) + `"}}`, `{"m.relates_to":[]}`, `{"m.mentions":{"user_ids":["\u0000"],"room":1}}`,
		`{"body":{"a":1}}`, `{"body":"` + strings.Repeat("é", 20_000) + `"}`, `{"":""}`, `{"a":9007199254740991}`,
	},
	"send/m.room.redaction": {`{}`, `{"redacts":"$\u0000"}`, `{"redacts":1}`, `{"redacts":"` + strings.Repeat("x", 5000) + `"}`},
	"send/m.reaction":       {`{"m.relates_to":{"rel_type":"m.annotation","event_id":"$\u0000","key":"\u0000"}}`},
	"state/m.room.name":     {`{"name":"\u0000"}`, `{"name":1}`, `{"name":null}`},
	"state/m.room.topic":    {`{"topic":["\u0000"]}`},
	"state/m.room.avatar":   {`{"url":"\u0000"}`},
	"state/m.room.canonical_alias": {
		`{"alias":"#\u0000:hs.test"}`, `{"alias":1}`, `{"alt_aliases":"x"}`, `{"alt_aliases":["#\u0000:hs.test",1]}`, `{"alias":"#"}`, `{"alias":""}`, `{"alias":"x"}`,
	},
	"state/m.room.member/@alice:hs.test": {
		`{"membership":"join","displayname":"\u0000","avatar_url":1}`, `{"membership":"\u0000"}`, `{"membership":1}`, `{}`, `{"membership":"join","join_authorised_via_users_server":"\u0000"}`,
		`{"membership":"join","third_party_invite":{"signed":"\u0000"}}`,
	},
	"state/m.room.member/@no%20one":       {`{"membership":"invite"}`},
	"state/m.room.join_rules":             {`{"join_rule":"restricted","allow":[{"type":"m.room_membership","room_id":"\u0000"},1]}`, `{"join_rule":"\u0000"}`, `{"join_rule":[]}`},
	"state/m.room.history_visibility":     {`{"history_visibility":"\u0000"}`, `{"history_visibility":{}}`},
	"state/m.room.server_acl":             {`{"allow":["*"],"deny":["\u0000",1]}`},
	"state/m.room.tombstone":              {`{"replacement_room":"\u0000"}`},
	"state/m.room.power_levels":           {`{"users":{"@\u0000:hs.test":100}}`, `{"users":{"@alice:hs.test":9007199254740991}}`, `{"users":{"@alice:hs.test":1e400}}`, `{"users_default":"1000"}`},
	"state/m.room.third_party_invite/x":   {`{"public_keys":[{"public_key":"\u0000"}]}`},
	"state/x/%F0%9F%A6%8A":                {`{"\u0000":"\u0000"}`},
	"state/x/" + strings.Repeat("x", 256): {`{}`},
	"state/" + strings.Repeat("x", 256):   {`{}`},
	"send/x":                              {`{"a":1e400}`, `{"a":9007199254740993}`, `{"a":1.5}`, `{"a":"\ud800"}`, "{\"a\":\"\xff\"}", `{"a":1,"a":2}`, `{"a":` + strings.Repeat("[", 60_000) + strings.Repeat("]", 60_000) + `}`},
}

// Events may have any text in them, and nobody who reads them, or looks for what they name,
// fails for it.
func TestOddContent(t *testing.T) {
	each(t, func(w *world) {
		alice, bob := w.joined("alice"), w.joined("bob")
		id := w.room(alice)
		w.want("join", w.call(bob, "POST /join/"+id, ""), 200, "")
		bears := func(token, call, body string) answer {
			w.Helper()
			a := w.call(token, call, body)
			if a.status >= 500 {
				w.Errorf("%.150s %.150s = %d %s", call, body, a.status, a.text)
			}
			return a
		}
		reads := []string{"/sync", "/rooms/" + id + "/messages?dir=b&limit=500", "/rooms/" + id + "/members", "/rooms/" + id + "/joined_members",
			"/publicRooms", "/sync?filter=" + url.QueryEscape(`{"room":{"timeline":{"lazy_load_members":true,"unread_thread_notifications":true}}}`)}
		bears(alice, "PUT /directory/list/room/"+id, `{"visibility":"public"}`)
		n := 0
		for where, bodies := range odd {
			for _, body := range bodies {
				path := "/rooms/" + id + "/" + where
				if strings.HasPrefix(where, "send/") {
					n++
					path += "/t" + strings.Repeat("x", n)
				}
				a := bears(alice, "PUT "+path, body)
				if event := a.str("event_id"); event != "" {
					for _, thread := range []string{`{}`, `{"thread_id":"main"}`, `{"thread_id":"` + event + `"}`, `{"thread_id":"$x"}`, `{"thread_id":1}`} {
						bears(bob, "POST /rooms/"+id+"/receipt/m.read/"+event, thread)
					}
					bears(bob, "GET /rooms/"+id+"/context/"+event, "")
					bears(bob, "GET /rooms/"+id+"/event/"+event, "")
					bears(alice, "PUT /rooms/"+id+"/redact/"+event+"/r"+event, `{"reason":"odd"}`)
				}
			}
		}
		for _, read := range reads {
			for _, token := range []string{alice, bob} {
				bears(token, "GET "+read, "")
			}
		}
		w.want("an event of a time", w.do("GET", "/_matrix/client/v1/rooms/"+id+"/timestamp_to_event?dir=b&ts=9223372036854775807", "", bearer(bob)), 200, "")
		w.want("a report", w.call(bob, "POST /rooms/"+id+"/report", `{"reason":"x`+strings.Repeat("é", 3000)+`"}`), 200, "")
		w.want("upgrade", w.call(alice, "POST /rooms/"+id+"/upgrade", `{"new_version":"11"}`), 200, "")
	})
}
