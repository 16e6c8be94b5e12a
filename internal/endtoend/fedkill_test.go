package endtoend

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"
)

// federated starts a homeserver that other servers of the tests reach.
func federated(t *testing.T, e engine) *homeserver {
	t.Helper()
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	write(t, cert, string(testAuthority.cert))
	write(t, key, string(testAuthority.key))
	return newHomeserver(t, e, "tls_cert: "+cert, "tls_key: "+key, "ca_file: "+cert)
}

func (p *homeserver) enters(name string) *guest {
	p.Helper()
	p.register(name)
	in := p.call("POST", clientV3+"/login", "", map[string]any{"type": "m.login.password",
		"identifier": map[string]any{"type": "m.id.user", "user": name}, "password": clientPassword})
	if !in.ok() {
		p.Fatalf("%s does not come in: %+v", name, in)
	}
	return &guest{homeserver: p, token: in.text("access_token")}
}

const clientV3 = "/_matrix/client/v3"

// guest is somebody who talks in a room, and remembers which events the server has taken.
type guest struct {
	*homeserver
	token string
	room  string
	said  []string // bodies, in the order in which the server took them
}

func (g *guest) do(method, path string, body map[string]any) reply {
	return g.call(method, clientV3+path, g.token, body)
}

// say says something until the server has taken it; false if it stops answering. What is
// said again after that is the same message.
func (g *guest) say(n int) bool {
	text := fmt.Sprintf("message %d", n)
	r := g.do("PUT", fmt.Sprintf("/rooms/%s/send/m.room.message/%d", url.PathEscape(g.room), n), map[string]any{"msgtype": "m.text", "body": text})
	if r.ok() {
		g.said = append(g.said, text)
	}
	return r.ok()
}

// reads is all that is said in the room, in order.
func (g *guest) reads() (bodies []string) {
	g.Helper()
	from := ""
	for {
		page := g.do("GET", "/rooms/"+url.PathEscape(g.room)+"/messages?dir=b&limit=100"+from, nil)
		if !page.ok() {
			g.Fatalf("reading: %+v", page)
		}
		chunk, _ := page.body["chunk"].([]any)
		for _, e := range chunk {
			content, _ := e.(map[string]any)["content"].(map[string]any)
			if body, is := content["body"].(string); is {
				bodies = append(bodies, body)
			}
		}
		end := page.text("end")
		if end == "" || len(chunk) == 0 {
			slices.Reverse(bodies)
			return bodies
		}
		from = "&from=" + url.QueryEscape(end)
	}
}

// awaits waits until something was said.
func (g *guest) awaits(text string) {
	g.Helper()
	if !comes(func() bool { return slices.Contains(g.reads(), text) }) {
		g.Fatalf("%q does not come; of what was said there are %d", text, len(g.reads()))
	}
}

func (p *homeserver) killed() {
	p.Helper()
	if exit := (*exec.ExitError)(nil); !errors.As(p.end(syscall.SIGKILL), &exit) {
		p.Fatalf("it was not killed\n%s", p.output.String())
	}
	p.start()
}

// Of two servers in a room the one that sends is killed at any moment, and now and then the
// one that receives. What the sender has taken, those on the other server read in the end:
// all of it, once, and in order.
func TestKillBetweenServers(t *testing.T) {
	tell := func(t *testing.T, e engine) {
		ours, theirs := federated(t, e), federated(t, e)
		alice, bob := ours.enters("alice"), theirs.enters("bob")
		created := alice.do("POST", "/createRoom", map[string]any{"preset": "public_chat"})
		alice.room, bob.room = created.text("room_id"), created.text("room_id")
		if r := bob.do("POST", "/join/"+url.PathEscape(bob.room)+"?server_name="+url.QueryEscape(ours.name), map[string]any{}); !r.ok() {
			t.Fatalf("joining: %+v\n%s\n%s", r, ours.output.String(), theirs.output.String())
		}
		n := 0
		for round := range kills(t) {
			var talk sync.WaitGroup
			talk.Go(func() {
				for alice.say(n) {
					n++
				}
			})
			time.Sleep(rand.N(300 * time.Millisecond)) // the moment is the test's random input
			if round%2 == 1 {
				theirs.killed()
			}
			ours.killed()
			talk.Wait()
		}
		if !alice.say(n) {
			t.Fatalf("nothing is taken after the kills\n%s", ours.output.String())
		}
		bob.awaits(alice.said[len(alice.said)-1])
		if got := alice.reads(); !slices.Equal(got, alice.said) {
			t.Errorf("the sender reads %d messages, want %d, in order", len(got), len(alice.said))
		}
		if got := bob.reads(); !slices.Equal(got, alice.said) {
			t.Errorf("they read %d messages, want %d, in order:\n%q", len(got), len(alice.said), got)
		}
	}
	onEach(t, tell)
}
