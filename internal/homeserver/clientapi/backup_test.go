package clientapi_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
)

const (
	backupBody = `{"algorithm":"m.megolm_backup.v1.curve25519-aes-sha2","auth_data":{"public_key":"x"}}`
	sessionKey = `{"first_message_index":1,"forwarded_count":0,"is_verified":true,"session_data":{"ciphertext":"y"}}`
)

func TestBackup(t *testing.T) {
	eachTwo(t, func(w *world, alice, bob phone) {
		w.want("none yet", w.by(alice, "GET", "/room_keys/version", ``), 404, "M_NOT_FOUND")
		w.wantJSON("creating", w.by(alice, "POST", "/room_keys/version", backupBody), `{"version":"1"}`)
		state := `{"algorithm":"m.megolm_backup.v1.curve25519-aes-sha2","auth_data":{"public_key":"x"},"count":0,"etag":"0","version":"1"}`
		w.wantJSON("the current one", w.by(alice, "GET", "/room_keys/version", ``), state)
		w.wantJSON("by its version", w.by(alice, "GET", "/room_keys/version/1", ``), state)
		w.wantJSON("updating", w.by(alice, "PUT", "/room_keys/version/1", `{"version":"1",`+backupBody[1:]), `{}`)

		const keys, query = "/room_keys/keys", "?version=1"
		w.wantJSON("nothing in it", w.by(alice, "GET", keys+query, ``), `{"rooms":{}}`)
		w.wantJSON("nothing of a room", w.by(alice, "GET", keys+"/!r:hs.test"+query, ``), `{"sessions":{}}`)
		w.want("not a key", w.by(alice, "GET", keys+"/!r:hs.test/s1"+query, ``), 404, "M_NOT_FOUND")
		w.wantJSON("a key", w.by(alice, "PUT", keys+"/!r:hs.test/a%2Fb"+query, sessionKey), `{"count":1,"etag":"1"}`)
		w.wantJSON("a room", w.by(alice, "PUT", keys+"/!r:hs.test"+query, `{"sessions":{"s2":`+sessionKey+`}}`), `{"count":2,"etag":"2"}`)
		w.wantJSON("rooms", w.by(alice, "PUT", keys+query, `{"rooms":{"!q:hs.test":{"sessions":{"s3":`+sessionKey+`}}}}`), `{"count":3,"etag":"3"}`)
		w.wantJSON("reading a key", w.by(alice, "GET", keys+"/!r:hs.test/a%2Fb"+query, ``), sessionKey)
		w.wantJSON("reading a room", w.by(alice, "GET", keys+"/!r:hs.test"+query, ``), `{"sessions":{"a/b":`+sessionKey+`,"s2":`+sessionKey+`}}`)
		w.wantJSON("reading all", w.by(alice, "GET", keys+query, ``),
			`{"rooms":{"!q:hs.test":{"sessions":{"s3":`+sessionKey+`}},"!r:hs.test":{"sessions":{"a/b":`+sessionKey+`,"s2":`+sessionKey+`}}}}`)
		w.wantJSON("deleting a key", w.by(alice, "DELETE", keys+"/!r:hs.test/a%2Fb"+query, ``), `{"count":2,"etag":"4"}`)
		w.wantJSON("deleting a room", w.by(alice, "DELETE", keys+"/!r:hs.test"+query, ``), `{"count":1,"etag":"5"}`)
		w.wantJSON("deleting all", w.by(alice, "DELETE", keys+query, ``), `{"count":0,"etag":"6"}`)
		w.want("Bob", w.by(bob, "GET", keys+query, ``), 404, "M_NOT_FOUND")
		for range 2 {
			w.wantJSON("deleting it", w.by(alice, "DELETE", "/room_keys/version/1", ``), `{}`)
		}
		w.want("deleted", w.by(alice, "GET", "/room_keys/version/1", ``), 404, "M_NOT_FOUND")
	})
}

// A backup goes out as it is read, since all of it may be more than memory.
func TestALargeBackup(t *testing.T) {
	eachTwo(t, func(w *world, alice, _ phone) {
		w.want("creating", w.by(alice, "POST", "/room_keys/version", backupBody), 200, "")
		sent := map[string]any{}
		for _, room := range []string{"!q:hs.test", "!r:hs.test"} {
			sessions := map[string]any{}
			for i := range 130 {
				sessions[fmt.Sprintf("s%03d", i)] = map[string]any{"first_message_index": float64(i), "forwarded_count": 0.0, "is_verified": true,
					"session_data": map[string]any{"ciphertext": strings.Repeat("y", 1000)}}
			}
			sent[room] = map[string]any{"sessions": sessions}
		}
		w.want("storing", w.by(alice, "PUT", "/room_keys/keys?version=1", map[string]any{"rooms": sent}), 200, "")
		all := w.by(alice, "GET", "/room_keys/keys?version=1", ``)
		if !reflect.DeepEqual(all.json, map[string]any{"rooms": sent}) {
			w.Errorf("reading all = %d %.300s", all.status, all.text)
		}
		room := w.by(alice, "GET", "/room_keys/keys/!q:hs.test?version=1", ``)
		if !reflect.DeepEqual(room.json, sent["!q:hs.test"]) {
			w.Errorf("reading a room = %d %.300s", room.status, room.text)
		}
		for _, a := range []answer{all, room} {
			if a.header.Get("Content-Length") != "" || a.header.Get("Content-Type") != "application/json" || a.header.Get("Cache-Control") != "no-store" {
				w.Errorf("a large backup comes with %v", a.header)
			}
		}
	})
}

func TestBackupRefuses(t *testing.T) {
	eachTwo(t, func(w *world, alice, bob phone) {
		for range 2 {
			w.want("creating", w.by(alice, "POST", "/room_keys/version", backupBody), 200, "")
		}
		many := strings.Repeat(`"x%d":`+sessionKey+`,`, 1001)
		numbers := make([]any, 1001)
		for i := range numbers {
			numbers[i] = i
		}
		many = fmt.Sprintf(strings.TrimSuffix(many, ","), numbers...)
		for _, test := range []struct {
			method, path, body string
			status             int
			code               string
		}{
			{"POST", "/version", ``, 400, "M_NOT_JSON"},
			{"POST", "/version", `{}`, 400, "M_BAD_JSON"},
			{"POST", "/version", `{"algorithm":"a"}`, 400, "M_BAD_JSON"},
			{"POST", "/version", `{"algorithm":"a","auth_data":null}`, 400, "M_BAD_JSON"},
			{"POST", "/version", `{"algorithm":1,"auth_data":{}}`, 400, "M_BAD_JSON"},
			{"POST", "/version", `{"algorithm":"a","auth_data":[]}`, 400, "M_BAD_JSON"},
			{"GET", "/version/3", ``, 404, "M_NOT_FOUND"},
			{"GET", "/version/x", ``, 404, "M_NOT_FOUND"},
			{"DELETE", "/version/3", ``, 404, "M_NOT_FOUND"},
			{"PUT", "/version/3", backupBody, 404, "M_NOT_FOUND"},
			{"PUT", "/version/1", `{"version":"2",` + backupBody[1:], 400, "M_INVALID_PARAM"},
			{"PUT", "/version/1", `{"algorithm":"a","auth_data":{}}`, 400, "M_INVALID_PARAM"},
			{"PUT", "/keys", `{"rooms":{}}`, 400, "M_MISSING_PARAM"},
			{"PUT", "/keys?version=2", `{}`, 400, "M_BAD_JSON"},
			{"PUT", "/keys?version=2", `{"rooms":{"!r:hs.test":{}}}`, 400, "M_BAD_JSON"},
			{"PUT", "/keys?version=2", `{"rooms":{"!r:hs.test":{"sessions":{"s":{}}}}}`, 400, "M_BAD_JSON"},
			{"PUT", "/keys?version=2", `{"rooms":{"r":{"sessions":{"s":` + sessionKey + `}}}}`, 400, "M_INVALID_PARAM"},
			{"PUT", "/keys/!r:hs.test?version=2", `{"sessions":{` + many + `}}`, 413, "M_TOO_LARGE"},
			{"PUT", "/keys/r/s?version=2", sessionKey, 400, "M_INVALID_PARAM"},
			{"PUT", "/keys/!r:hs.test/s?version=2", strings.Replace(sessionKey, "1", "-1", 1), 400, "M_BAD_JSON"},
			{"PUT", "/keys/!r:hs.test/s?version=2&version=2", sessionKey, 400, "M_INVALID_PARAM"},
			{"GET", "/keys", ``, 400, "M_MISSING_PARAM"},
			{"GET", "/keys?version=9", ``, 404, "M_NOT_FOUND"},
			{"DELETE", "/keys?version=9", ``, 404, "M_NOT_FOUND"},
		} {
			a := w.by(alice, test.method, "/room_keys"+test.path, test.body)
			w.want(fmt.Sprintf("%s %s %.100s", test.method, test.path, test.body), a, test.status, test.code)
		}
		a := w.by(alice, "PUT", "/room_keys/keys/!r:hs.test/s?version=1", sessionKey)
		w.want("an old version", a, 403, "M_WRONG_ROOM_KEYS_VERSION")
		if a.json["current_version"] != "2" {
			w.Errorf("an old version = %s, want the current one named", a.text)
		}
		w.want("no backup", w.by(bob, "PUT", "/room_keys/keys/!r:hs.test/s?version=1", sessionKey), 404, "M_NOT_FOUND")
		w.wantJSON("after all that", w.by(alice, "GET", "/room_keys/version/2", ``),
			`{"algorithm":"m.megolm_backup.v1.curve25519-aes-sha2","auth_data":{"public_key":"x"},"count":0,"etag":"0","version":"2"}`)
	})
}
