package main

import (
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"signet/internal/freeport"
	"signet/internal/homeserver/e2ee/e2eetest"
	"signet/internal/matrix"
	"signet/internal/store/storetest"
)

// newPair is two servers on this machine that know each other by name alone.
func newPair(t *testing.T, urls [2]string, changes ...func(*Config)) (pair [2]*running) {
	t.Helper()
	dir := t.TempDir()
	for i := range pair {
		port, err := freeport.Take()
		if err != nil {
			t.Fatal(err)
		}
		pair[i] = newWorld(t, urls[i], func(c *Config) {
			c.ServerName, c.Federation.Listen = matrix.ServerName("localhost:"+port), "127.0.0.1:"+port
			c.DataDir = dir // with the authority that both trust
			c.KeyFile = filepath.Join(t.TempDir(), "kek")
			for _, change := range changes {
				change(c)
			}
		}).serve()
	}
	return pair
}

// person is somebody with a device.
type person struct {
	*running
	id, token, since string
}

func (r *running) person(name string) *person {
	r.Helper()
	_, login := r.call("", "POST", "/register", fmt.Sprintf(`{"auth":{"type":"m.login.dummy"},"username":%q,"password":"correct horse","device_id":"PHONE"}`, name))
	token, _ := login["access_token"].(string)
	id, _ := login["user_id"].(string)
	if token == "" {
		r.Fatalf("register = %v", login)
	}
	return &person{running: r, id: id, token: token}
}

// do makes a request that must succeed.
func (p *person) do(method, path, body string) map[string]any {
	p.Helper()
	status, answer := p.call(p.token, method, path, body)
	if status != 200 {
		p.Fatalf("%s %s of %s = %d %v", method, path, p.id, status, answer)
	}
	return answer
}

// await syncs until something stands in an answer.
func (p *person) await(what string) {
	p.Helper()
	var seen strings.Builder
	for deadline := time.Now().Add(5 * time.Minute); time.Now().Before(deadline); {
		answer := p.do("GET", "/sync?timeout=500&since="+url.QueryEscape(p.since), "")
		p.since, _ = answer["next_batch"].(string)
		text := fmt.Sprint(answer)
		if strings.Contains(text, what) {
			return
		}
		seen.WriteString(text + "\n")
	}
	p.Fatalf("%s never hears of %q, but of:\n%s", p.id, what, seen.String())
}

// A server that somebody comes to is told of their device, which its users have not asked for.
func TestANewcomersDeviceIsTold(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, first string) {
		pair := newPair(t, [2]string{first, storetest.SQLite(t)})
		alice, bob := pair[0].person("alice"), pair[1].person("bob")
		phone := e2eetest.NewPhone(matrix.UserID(bob.id), "PHONE")
		bob.do("POST", "/keys/upload", string(e2eetest.Object(map[string]any{"device_keys": phone.Keys()})))
		id, _ := alice.do("POST", "/createRoom", `{"preset":"public_chat"}`)["room_id"].(string)
		bob.do("POST", "/join/"+url.PathEscape(id)+"?via="+url.QueryEscape(pair[0].cfg.ServerName.String()), `{}`)
		db := storetest.Open(t, first, nil)
		pair[0].until("alice's server is told of the device of bob", func() bool {
			var told int
			if err := db.QueryRow(t.Context(), `SELECT COUNT(*) FROM e2ee_lists WHERE user_id = $1`, bob.id).Scan(&told); err != nil {
				t.Fatal(err)
			}
			return told > 0
		})
		http.DefaultClient.CloseIdleConnections()
		for _, r := range pair {
			if status := r.stop(); status != 0 {
				t.Errorf("told to stop, a server ends with %d", status)
			}
		}
	})
}

// Somebody joins a room of another server by its alias; both talk, write to each other's
// devices, and are told that keys have changed. What is said while one server is away comes
// to it when it is back.
func TestTwoServers(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, first string) {
		pair := newPair(t, [2]string{first, storetest.SQLite(t)})
		alice, bob := pair[0].person("alice"), pair[1].person("bob")
		id, _ := alice.do("POST", "/createRoom", `{"preset":"public_chat","room_alias_name":"attic","name":"Attic"}`)["room_id"].(string)
		alias := url.PathEscape("#attic:" + pair[0].cfg.ServerName.String())
		bob.do("POST", "/join/"+alias, `{}`)
		alice.await(bob.id)
		in := "/rooms/" + url.PathEscape(id)
		for i, who := range []*person{alice, bob, alice} {
			who.do("PUT", fmt.Sprintf("%s/send/m.room.message/%d", in, i), fmt.Sprintf(`{"msgtype":"m.text","body":"word %d"}`, i))
			for _, p := range []*person{alice, bob} {
				p.await(fmt.Sprintf("word %d", i))
			}
		}
		bob.do("PUT", in+"/typing/"+bob.id, `{"typing":true,"timeout":120000}`)
		alice.await("user_ids:[" + bob.id + "]")
		last, _ := alice.do("PUT", in+"/send/m.room.message/read", `{"msgtype":"m.text","body":"read this"}`)["event_id"].(string)
		bob.await(last)
		bob.do("POST", in+"/receipt/m.read/"+url.PathEscape(last), `{}`)
		alice.await(last + ":map[m.read:map[" + bob.id)
		phone := e2eetest.NewPhone(matrix.UserID(bob.id), "PHONE")
		bob.do("POST", "/keys/upload", string(e2eetest.Object(map[string]any{"device_keys": phone.Keys(), "one_time_keys": phone.OneTimes(0, 2)})))
		alice.await("changed:[" + bob.id)
		if keys := fmt.Sprint(alice.do("POST", "/keys/query", fmt.Sprintf(`{"device_keys":{%q:[]}}`, bob.id))); !strings.Contains(keys, e2eetest.Name(phone.Key)) {
			t.Errorf("alice sees bob's keys as %s", keys)
		}
		if claimed := fmt.Sprint(alice.do("POST", "/keys/claim", fmt.Sprintf(`{"one_time_keys":{%q:{"PHONE":"signed_curve25519"}}}`, bob.id))); !strings.Contains(claimed, "signed_curve25519:") {
			t.Errorf("alice claims %s", claimed)
		}
		alice.do("PUT", "/sendToDevice/m.test/1", fmt.Sprintf(`{"messages":{%q:{"PHONE":{"x":"secret"}}}}`, bob.id))
		bob.await("secret")
		if status := pair[1].stop(); status != 0 {
			t.Errorf("told to stop, bob's server ends with %d", status)
		}
		alice.do("PUT", in+"/send/m.room.message/away", `{"msgtype":"m.text","body":"while bob is away"}`)
		http.DefaultClient.CloseIdleConnections()
		pair[1] = pair[1].serve()
		bob.running = pair[1]
		bob.do("PUT", in+"/send/m.room.message/back", `{"msgtype":"m.text","body":"bob is back"}`)
		alice.await("bob is back") // so that his server is heard of
		bob.await("while bob is away")
		alice.do("POST", in+"/kick", fmt.Sprintf(`{"user_id":%q}`, bob.id))
		bob.await("leave:map[" + id)
		http.DefaultClient.CloseIdleConnections()
		for _, r := range pair {
			if status := r.stop(); status != 0 {
				t.Errorf("told to stop, a server ends with %d", status)
			}
		}
	})
}
