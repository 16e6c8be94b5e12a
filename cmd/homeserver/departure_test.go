package main

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"signet/internal/store/storetest"
)

// register makes an account and returns its access token, as a query.
func (r *running) register(name string) (token string) {
	r.Helper()
	status, answer := r.post("/_matrix/client/v3/register", `{"username":"`+name+`","password":"correct horse","auth":{"type":"m.login.dummy"}}`)
	var login struct {
		Token string `json:"access_token"`
	}
	if err := json.Unmarshal(answer, &login); err != nil || status != 200 {
		r.Fatalf("registering %s = %d %s", name, status, answer)
	}
	return "?access_token=" + url.QueryEscape(login.Token)
}

// An account that the operator ends leaves its rooms once the server runs.
func TestTheOperatorEndsAnAccount(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		w := newWorld(t, url)
		server := w.serve()
		alice, bob := server.register("alice"), server.register("bob")
		status, made := server.post("/_matrix/client/v3/createRoom"+alice, `{"preset":"public_chat"}`)
		_, id, _ := strings.Cut(strings.TrimSuffix(string(made), `"}`), `:"`)
		if joined, answer := server.post("/_matrix/client/v3/join/"+id+bob, `{}`); status != 200 || joined != 200 {
			t.Fatalf("join = %d %s", joined, answer)
		}
		if status := server.stop(); status != 0 {
			t.Errorf("the server ends with %d", status)
		}
		if status, _, stderr := w.command("users", "deactivate", "bob"); status != 0 {
			t.Fatalf("users deactivate = %d %s", status, stderr)
		}
		server = w.serve()
		server.until("bob has left the room", func() bool {
			status, members := server.get(http.DefaultClient, "http://"+server.clients+"/_matrix/client/v3/rooms/"+id+"/joined_members"+alice, "localhost:8008")
			return status == 200 && !strings.Contains(string(members), "@bob:")
		})
		if status := server.stop(); status != 0 {
			t.Errorf("the next ends with %d", status)
		}
	})
}
