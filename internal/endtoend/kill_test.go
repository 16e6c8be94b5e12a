package endtoend

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"
)

const v2 = "/_matrix/identity/v2"

// person is somebody who proves, binds and unbinds an address, and remembers what
// the server has said.
type person struct {
	*pair
	user, token, address string
	access               string // at the homeserver
	sid, secret          string
	validated            bool   // submitToken was answered
	bound                string // "yes", "no", or "unknown" while no answer came
}

// join registers somebody at the homeserver and at the identity server.
func (p *pair) join(name string) *person {
	p.Helper()
	return p.joinAt(p.hs, name)
}

func (p *pair) joinAt(hs *process, name string) *person {
	p.Helper()
	body := map[string]any{"username": name, "password": "correct horse battery"}
	stage := hs.call("POST", "/_matrix/client/v3/register", "", body)
	body["auth"] = map[string]any{"type": "m.login.dummy", "session": stage.text("session")}
	account := hs.call("POST", "/_matrix/client/v3/register", "", body)
	openID := hs.call("POST", "/_matrix/client/v3/user/"+account.text("user_id")+"/openid/request_token", account.text("access_token"), map[string]any{})
	registered := p.id.call("POST", v2+"/account/register", "", openID.body)
	if !registered.ok() {
		p.Fatalf("registering %s: %+v", name, registered)
	}
	return &person{pair: p, user: account.text("user_id"), access: account.text("access_token"), token: registered.text("token"), address: name + "@example.org", bound: "no"}
}

func (a *person) request(secret string) bool {
	r := a.id.call("POST", v2+"/validate/email/requestToken", a.token, map[string]any{"email": a.address, "client_secret": secret, "send_attempt": 1})
	if r.ok() {
		a.sid, a.secret, a.validated = r.text("sid"), secret, false
	}
	return r.ok()
}

func (a *person) submit() bool {
	r := a.id.call("POST", v2+"/validate/email/submitToken", a.token, map[string]any{"sid": a.sid, "client_secret": a.secret, "token": a.code(a.address)})
	a.validated = a.validated || r.ok()
	return r.ok()
}

func (a *person) bind() bool {
	a.bound = "unknown"
	r := a.id.call("POST", v2+"/3pid/bind", a.token, map[string]any{"sid": a.sid, "client_secret": a.secret, "mxid": a.user})
	if r.ok() {
		a.bound = "yes"
	}
	return r.ok()
}

func (a *person) unbind() bool {
	a.bound = "unknown"
	r := a.id.call("POST", v2+"/3pid/unbind", "", map[string]any{"sid": a.sid, "client_secret": a.secret, "mxid": a.user,
		"threepid": map[string]any{"medium": "email", "address": a.address}})
	if r.ok() {
		a.bound = "no"
	}
	return r.ok()
}

// found tells whether a look-up finds the person.
func (a *person) found() bool {
	a.Helper()
	pepper := a.id.call("GET", v2+"/hash_details", a.token, nil).text("lookup_pepper")
	sum := sha256.Sum256([]byte(a.address + " email " + pepper))
	hash := base64.RawURLEncoding.EncodeToString(sum[:])
	r := a.id.call("POST", v2+"/lookup", a.token, map[string]any{"algorithm": "sha256", "pepper": pepper, "addresses": []string{hash}})
	if !r.ok() {
		a.Fatalf("lookup: %+v", r)
	}
	mappings, _ := r.body["mappings"].(map[string]any)
	return mappings[hash] == a.user
}

// check holds the server to everything that it said.
func (a *person) check() {
	a.Helper()
	if r := a.id.call("GET", v2+"/account", a.token, nil); r.text("user_id") != a.user {
		a.Errorf("the token of %s is lost: %+v", a.user, r)
	}
	if a.validated {
		r := a.id.call("GET", v2+"/3pid/getValidated3pid?sid="+a.sid+"&client_secret="+a.secret, a.token, nil)
		if r.text("address") != a.address {
			a.Errorf("the validated session of %s is lost: %+v", a.user, r)
		}
	}
	if a.bound != "unknown" && a.found() != (a.bound == "yes") {
		a.Errorf("%s is bound: %s; found: %v", a.user, a.bound, a.found())
	}
}

// walk goes from a request to an unbind, unless the server stops answering.
func (a *person) walk(secret string) bool {
	return a.request(secret) && a.submit() && a.bind() && a.unbind()
}

// live goes on until the server stops answering.
func (a *person) live(round int) {
	for n := 0; a.walk(fmt.Sprintf("secret_%d_%d", round, n)); n++ {
	}
}

// mustWalk is how it goes on after the kills. A mail of a request that was cut off may still
// come, after that of the next one, whose code is then not the newest.
func (a *person) mustWalk() {
	a.Helper()
	for n := range 5 {
		if a.walk(fmt.Sprintf("secret_after_%d", n)) {
			a.check()
			return
		}
	}
	a.Errorf("%s does not get from a request to an unbind any more", a.user)
}

func (p *pair) killAndRestart() {
	p.Helper()
	err := p.id.end(syscall.SIGKILL)
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		p.Fatalf("killed: %v\n%s", err, p.id.output.String())
	}
	p.id.start()
}

// kills is how often a test kills the server: a few times in the suite, a thousand
// in script/soak.
func kills(t *testing.T) int {
	text := os.Getenv("SIGNET_KILLS")
	if text == "" {
		return 4
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// The server is killed after each answer on the way from an address to a binding;
// what it has answered holds.
func TestKillBetweenTheSteps(t *testing.T) {
	onEachEngine(t, func(t *testing.T, p *pair) {
		alice := p.join("alice")
		for i, step := range []func() bool{func() bool { return alice.request("secret") }, alice.submit, alice.bind, alice.unbind} {
			if !step() {
				t.Fatalf("step %d failed", i)
			}
			p.killAndRestart()
			alice.check()
		}
	})
}

// The server is killed at any moment, under load; whatever it has answered holds.
func TestKillAtAnyMoment(t *testing.T) {
	t.Parallel()
	onEachEngine(t, func(t *testing.T, p *pair) {
		people := []*person{p.join("alice"), p.join("bob"), p.join("carol")}
		for round := range kills(t) {
			var lives sync.WaitGroup
			for _, a := range people {
				lives.Go(func() { a.live(round) })
			}
			time.Sleep(rand.N(300 * time.Millisecond)) // the moment is the test's random input
			p.killAndRestart()
			lives.Wait()
			for _, a := range people {
				a.check()
			}
		}
		for _, a := range people {
			a.mustWalk()
		}
	})
}

// SIGTERM ends both programs with status 0.
func TestTerminate(t *testing.T) {
	onEachEngine(t, func(t *testing.T, p *pair) {
		for _, program := range []*process{p.hs, p.id} {
			if err := program.end(syscall.SIGTERM); err != nil {
				t.Errorf("%s after SIGTERM: %v\n%s", program.program, err, program.output.String())
			}
		}
	})
}

// A development server answers to no name but its own, so that a page elsewhere
// cannot reach it through its visitor's browser.
func TestForeignHostIsRefused(t *testing.T) {
	p := newPair(t, sqlite)
	for _, program := range []*process{p.id, p.hs} {
		r, err := http.NewRequest(http.MethodGet, program.url+"/", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = "rebound.example"
		response, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != http.StatusMisdirectedRequest {
			t.Errorf("%s answers %s", program.program, response.Status)
		}
	}
}

func onEachEngine(t *testing.T, tell func(t *testing.T, p *pair)) {
	onEach(t, func(t *testing.T, e engine) { tell(t, newPair(t, e)) })
}
