package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"signet/internal/localca"
	"signet/internal/matrix"
	"signet/internal/store/storetest"
)

// peer is another server on this machine, which writes down what it is sent.
type peer struct {
	*httptest.Server
	name matrix.ServerName
	sent chan string // method, path and body of each request that is signed
}

// newPeer is a server with a certificate that the world trusts.
func (w *world) newPeer() *peer {
	w.Helper()
	authority, err := localca.Open(w.cfg.DataDir, time.Now, w.env(w.Context(), nil, nil).Rand)
	if err != nil {
		w.Fatal(err)
	}
	p := &peer{sent: make(chan string, 100)}
	p.Server = httptest.NewUnstartedServer(http.HandlerFunc(p.answer))
	if p.TLS, err = authority.TLSConfig([]string{"localhost"}); err != nil {
		w.Fatal(err)
	}
	p.StartTLS()
	w.Cleanup(p.Close)
	_, port, _ := strings.Cut(p.Listener.Addr().String(), ":")
	p.name = matrix.ServerName("localhost:" + port)
	return p
}

func (p *peer) answer(rw http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	x, err := matrix.ParseXMatrix(r.Header.Get("Authorization"))
	if err != nil || x.Origin != "localhost:8448" || x.Destination != p.name {
		rw.WriteHeader(http.StatusUnauthorized)
		return
	}
	p.sent <- r.Method + " " + r.URL.Path + " " + string(body)
	switch {
	case strings.Contains(r.URL.Path, "/invite/"):
		_, _ = rw.Write(body) // as it is: it has an event
	case strings.Contains(r.URL.Path, "/send/"):
		_, _ = io.WriteString(rw, `{"pdus":{}}`)
	case strings.Contains(r.URL.Path, "/query/profile"):
		_, _ = io.WriteString(rw, `{"displayname":"Dave"}`)
	default:
		_, _ = io.WriteString(rw, `{"device_keys":{},"one_time_keys":{}}`)
	}
}

// An invitation and a message to a device come to another server, signed, and it is asked for
// its users.
func TestAnotherServerIsReached(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		w := newWorld(t, url)
		p := w.newPeer()
		r := w.serve()
		_, login := r.call("", "POST", "/register", `{"auth":{"type":"m.login.dummy"},"username":"alice","password":"correct horse"}`)
		token, _ := login["access_token"].(string)
		dave := "@dave:" + p.name.String()
		_, created := r.call(token, "POST", "/createRoom", fmt.Sprintf(`{"name":"Attic","invite":[%q]}`, dave))
		id, _ := created["room_id"].(string)
		got := <-p.sent
		var invitation struct {
			Version string            `json:"room_version"`
			Event   map[string]any    `json:"event"`
			State   []json.RawMessage `json:"invite_room_state"`
		}
		_, body, _ := strings.Cut(got, " {")
		if err := json.Unmarshal([]byte("{"+body), &invitation); err != nil || !strings.HasPrefix(got, "PUT /_matrix/federation/v2/invite/"+id+"/$") {
			t.Fatalf("createRoom sends %s, %v", got, err)
		}
		if invitation.Version != "12" || invitation.Event["state_key"] != dave || !strings.Contains(body, "Attic") || len(invitation.State) < 3 {
			t.Errorf("the invitation is %s", body)
		}
		if status, answer := r.call(token, "PUT", "/sendToDevice/m.test/1", fmt.Sprintf(`{"messages":{%q:{"D":{"x":1}}}}`, dave)); status != 200 {
			t.Fatalf("sendToDevice = %d %v", status, answer)
		}
		if got := <-p.sent; !strings.HasPrefix(got, "PUT /_matrix/federation/v1/send/") || !strings.Contains(got, `"edu_type":"m.direct_to_device"`) || !strings.Contains(got, `{"D":{"x":1}}`) {
			t.Errorf("sendToDevice sends %s", got)
		}
		if status, answer := r.call(token, "GET", "/profile/"+dave, ""); status != 200 || answer["displayname"] != "Dave" {
			t.Errorf("profile = %d %v", status, answer)
		}
		if got := <-p.sent; !strings.HasPrefix(got, "GET /_matrix/federation/v1/query/profile") {
			t.Errorf("profile asks %s", got)
		}
		if status, answer := r.call(token, "POST", "/keys/query", fmt.Sprintf(`{"device_keys":{%q:[]}}`, dave)); status != 200 || fmt.Sprint(answer["failures"]) != "map[]" {
			t.Errorf("keys/query = %d %v", status, answer)
		}
		if got := <-p.sent; !strings.HasPrefix(got, "POST /_matrix/federation/v1/user/keys/query") {
			t.Errorf("keys/query asks %s", got)
		}
		http.DefaultClient.CloseIdleConnections()
		if status := r.stop(); status != 0 {
			t.Errorf("told to stop, the server ends with %d", status)
		}
	})
}
