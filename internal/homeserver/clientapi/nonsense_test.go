package clientapi_test

import (
	"net/http"
	"strings"
	"testing"

	"signet/internal/store/storetest"
)

// nonsense is bodies that are no JSON object.
var nonsense = []string{
	"", " ", "nul", "null", "true", "[]", `"x"`, "1e999", "{", `{"a":}`, "{}{}", "{\"\xff\":1}", `{"a":"\ud800"}`, `{"a":1,"a":1}`,
	`{"a":` + strings.Repeat(`{"a":`, 5000) + "1" + strings.Repeat("}", 5000) + "}", strings.Repeat("[", 60_000),
	"username=alice&password=x", "\x00", "<?xml version=\"1.0\"?>",
}

// wrong is JSON objects with members of types and sizes that no endpoint wants. Where
// any object is right, they are.
var wrong = func() (bodies []string) {
	names := []string{"auth", "username", "password", "device_id", "initial_device_display_name", "inhibit_login", "refresh_token", "type", "identifier",
		"user", "display_name", "devices", "new_password", "logout_devices", "erase", "displayname", "avatar_url", "order", "room", "presence", "nonce", "mac", "admin",
		"thread_id", "m.fully_read", "m.read", "typing", "timeout", "actions", "conditions", "pattern", "enabled"}
	values := []string{`null`, `1e300`, `-1`, `99999999999999999999999`, `[[]]`, `{"type":{},"session":[]}`, `{"type":"m.login.password","identifier":7}`, `"\u0000"`, `"` + strings.Repeat("x", 60_000) + `"`}
	for _, value := range values {
		for _, name := range names {
			bodies = append(bodies, `{"`+name+`":`+value+`}`)
		}
	}
	return bodies
}()

// segments is what may stand in a path in the place of an id.
var segments = []string{"@alice:hs.test", "@bob:hs.test", "alice", "%00", "%ff", "%2e%2e", "..%2f", "!room:hs.test", "%20", strings.Repeat("x", 300), "displayname", "%F0%9F%A6%8A"}

// in puts a segment in the place of every parameter of a path, but that Alice stays the
// user where she is asked for.
func in(path, segment string, alice bool) string {
	parts := strings.Split(path, "/")
	for i, part := range parts {
		switch {
		case part == ":userId" && alice:
			parts[i] = "@alice:hs.test"
		case strings.HasPrefix(part, ":"):
			parts[i] = segment
		}
	}
	return strings.Join(parts, "/")
}

// Whatever comes, every endpoint answers with an error of the specification's form, or
// does what it is for, and never fails itself.
func TestEveryEndpointBearsNonsense(t *testing.T) {
	w := newWorld(t, storetest.Open(t, storetest.SQLite(t), owners), nil)
	w.api.Accounts.SharedSecret = nil
	alice := w.byOperator("alice")
	bears := func(method, path, body string) answer {
		t.Helper()
		a := w.do(method, path, body, bearer(alice))
		if a.status >= 500 || a.status >= 400 && a.json != nil && (!strings.HasPrefix(a.str("errcode"), "M_") && a.json["session"] == nil) {
			t.Errorf("%s %.120s with %.60q = %d %.200s", method, path, body, a.status, a.text)
		}
		return a
	}
	before := w.dump()
	for _, r := range w.api.Routes() {
		if strings.Contains(r.Path, "/logout") || strings.Contains(r.Path, "/r0/") {
			continue // the one does what it is for, the other is the same again
		}
		for _, segment := range segments {
			bears(r.Method, in(r.Path, segment, false), "")
			bears(r.Method, in(r.Path, segment, true), "null")
		}
		for _, body := range nonsense {
			a := bears(r.Method, in(r.Path, "displayname", true), body)
			if needsBody := r.Method == http.MethodPut || r.Method == http.MethodPost; needsBody && a.status < 400 {
				t.Errorf("%s %s takes %.60q: %d %s", r.Method, r.Path, body, a.status, a.text)
			}
		}
	}
	if after := w.dump(); after != before {
		t.Errorf("nonsense was stored; before\n%s\nafter\n%s", before, after)
	}
	for _, r := range w.api.Routes() {
		if (r.Method == http.MethodPut || r.Method == http.MethodPost) && !strings.Contains(r.Path, "/logout") && !strings.Contains(r.Path, "/r0/") {
			for _, body := range wrong {
				bears(r.Method, in(r.Path, "displayname", true), body)
			}
		}
	}
	w.want("the account after all that", w.do("GET", v3+"/account/whoami", "", bearer(alice)), 200, "")
}

// dump is all that is stored but the sessions of who is asked to authenticate.
func (w *world) dump() string {
	w.Helper()
	return storetest.Dump(w.T, w.db, "account_users", "account_devices", "account_tokens", "account_openid", "account_registration_tokens",
		"userdata_profiles", "userdata_filters", "userdata_account_data", "receipts", "departures", "contact_addresses", "contact_sessions", "contact_bindings", "contact_wishes", "contact_passes", "contact_found")
}
