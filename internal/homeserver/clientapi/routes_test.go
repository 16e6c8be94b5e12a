package clientapi_test

import (
	"os"
	"strings"
	"testing"

	"signet/internal/homeserver/clientapi"
)

// A change of the table is a change of what the server promises: it shows here.
func TestRoutes(t *testing.T) {
	var got strings.Builder
	for _, r := range new(clientapi.API).Routes() {
		got.WriteString(r.Method + " " + r.Path + "\n")
	}
	want, err := os.ReadFile("testdata/routes.golden")
	if err != nil {
		t.Fatal(err)
	}
	if got.String() != string(want) {
		t.Errorf("the table of routes is\n%s\nwant\n%s", got.String(), want)
	}
}

func TestWhatIsNotThere(t *testing.T) {
	each(t, func(w *world) {
		token := w.joined("alice")
		for _, path := range []string{
			"/_matrix/client/r1/login", "/_matrix/client/v3", v3 + "/sync/", v3 + "/login/", v3 + "/user//openid/request_token", v3 + "/user/a/b/openid/request_token",
			"/_matrix/client/r0/events", v3 + "/devices/", v3 + "/devices/a/b", v3 + "/profile", v3 + "/user/@alice:hs.test/account_data", "/_matrix/media/v3/config", "/_matrix/client/unstable/x",
			"/_synapse/admin/v2/users", "/", "/favicon.ico",
		} {
			w.want("GET "+path, w.do("GET", path, "", bearer(token)), 404, "M_UNRECOGNIZED")
		}
		for _, call := range []string{"PUT /login", "GET /register", "GET /logout", "POST /account/whoami", "GET /user/@alice:hs.test/openid/request_token"} {
			method, path, _ := strings.Cut(call, " ")
			w.want(call, w.do(method, v3+path, "{}", bearer(token)), 405, "M_UNRECOGNIZED")
		}
	})
}

// Clients in the field call v3 by its former name.
func TestR0(t *testing.T) {
	each(t, func(w *world) {
		token := w.joined("alice")
		a := w.do("POST", "/_matrix/client/r0/login", `{"type":"m.login.password","user":"alice","password":"`+password+`"}`)
		w.want("logging in", a, 200, "")
		w.wantJSON("whoami", w.do("GET", "/_matrix/client/r0/account/whoami?access_token="+a.str("access_token"), ""),
			`{"user_id":"@alice:hs.test","device_id":"`+a.str("device_id")+`","is_guest":false}`)
		w.want("the devices", w.do("GET", "/_matrix/client/r0/devices", "", bearer(token)), 200, "")
	})
}

// Web clients ask whether they may, on every path, and read whatever is answered.
func TestWebClients(t *testing.T) {
	each(t, func(w *world) {
		for _, path := range []string{v3 + "/login", v3 + "/devices/X", "/_matrix/client/r0/profile/@a:b/displayname", "/_matrix/client/v1/nothing", "/.well-known/matrix/client"} {
			for _, method := range []string{"OPTIONS", "GET"} {
				a := w.do(method, path, "")
				if method == "OPTIONS" && a.status != 204 {
					w.Errorf("OPTIONS %s = %d", path, a.status)
				}
				for header, want := range map[string]string{"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Headers": "Authorization", "Access-Control-Allow-Methods": "DELETE"} {
					if got := a.header.Get(header); !strings.Contains(got, want) {
						w.Errorf("%s %s has %s %q, want in it %s", method, path, header, got, want)
					}
				}
			}
		}
	})
}

func TestCapabilities(t *testing.T) {
	each(t, func(w *world) {
		token := w.joined("alice")
		w.want("without a token", w.do("GET", v3+"/capabilities", ""), 401, "M_MISSING_TOKEN")
		w.wantJSON("capabilities", w.do("GET", v3+"/capabilities", "", bearer(token)), `{"capabilities":{"m.change_password":{"enabled":true},`+
			`"m.3pid_changes":{"enabled":true},"m.get_login_token":{"enabled":false},"m.set_displayname":{"enabled":true},"m.set_avatar_url":{"enabled":true},`+
			`"m.profile_fields":{"enabled":true},"m.room_versions":{"default":"12","available":{"11":"stable","12":"stable"}}}}`)
	})
}

func TestDiscovery(t *testing.T) {
	each(t, func(w *world) {
		w.wantJSON("versions", w.do("GET", "/_matrix/client/versions", ""),
			`{"versions":["r0.5.0","r0.6.0","r0.6.1","v1.1"],"unstable_features":{"org.matrix.msc2285.stable":true,"org.matrix.msc3771":true,"org.matrix.msc3773":true,`+
				`"org.matrix.msc3827.stable":true,"uk.tcpip.msc4133.stable":true}}`)
		w.wantJSON("client", w.do("GET", "/.well-known/matrix/client", ""),
			`{"m.homeserver":{"base_url":"https://hs.test"},"m.identity_server":{"base_url":"https://id.test"}}`)
		w.wantJSON("server", w.do("GET", "/.well-known/matrix/server", ""), `{"m.server":"hs.test:8448"}`)
		w.api.IdentityServer = ""
		w.wantJSON("client without an identity server", w.do("GET", "/.well-known/matrix/client", ""),
			`{"m.homeserver":{"base_url":"https://hs.test"}}`)
	})
}
