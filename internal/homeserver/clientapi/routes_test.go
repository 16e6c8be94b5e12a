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
		for _, path := range []string{"/_matrix/client/r0/login", "/_matrix/client/v3", v3 + "/sync", v3 + "/login/", v3 + "/user//openid/request_token", v3 + "/user/a/b/openid/request_token"} {
			w.want("GET "+path, w.do("GET", path, "", bearer(token)), 404, "M_UNRECOGNIZED")
		}
		for _, call := range []string{"PUT /login", "GET /register", "GET /logout", "POST /account/whoami", "GET /user/@alice:hs.test/openid/request_token"} {
			method, path, _ := strings.Cut(call, " ")
			w.want(call, w.do(method, v3+path, "{}", bearer(token)), 405, "M_UNRECOGNIZED")
		}
	})
}

func TestDiscovery(t *testing.T) {
	each(t, func(w *world) {
		w.wantJSON("versions", w.do("GET", "/_matrix/client/versions", ""),
			`{"versions":["v1.11","v1.12","v1.13","v1.14","v1.15","v1.16","v1.17","v1.18","v1.19"],"unstable_features":{}}`)
		w.wantJSON("client", w.do("GET", "/.well-known/matrix/client", ""),
			`{"m.homeserver":{"base_url":"https://hs.test"},"m.identity_server":{"base_url":"https://id.test"}}`)
		w.wantJSON("server", w.do("GET", "/.well-known/matrix/server", ""), `{"m.server":"hs.test:8448"}`)
		w.api.IdentityServer = ""
		w.wantJSON("client without an identity server", w.do("GET", "/.well-known/matrix/client", ""),
			`{"m.homeserver":{"base_url":"https://hs.test"}}`)
	})
}
