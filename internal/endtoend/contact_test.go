package endtoend

import (
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"signet/internal/store/storetest"
)

// member is a person with a token of the homeserver.
type member struct {
	*person
	hsToken string
}

const memberPassword = "correct horse battery" // that of join

func (p *pair) member(name string) *member {
	p.Helper()
	a := p.join(name)
	in := p.hs.call("POST", clientV3+"/login", "", map[string]any{"type": "m.login.password", "password": memberPassword,
		"identifier": map[string]any{"type": "m.id.user", "user": name}})
	if !in.ok() {
		p.Fatalf("%s does not come in: %+v", name, in)
	}
	return &member{person: a, hsToken: in.text("access_token")}
}

// do asks the homeserver for what must succeed.
func (m *member) do(method, path string, body map[string]any) reply {
	m.Helper()
	r := m.hs.call(method, clientV3+path, m.hsToken, body)
	if !r.ok() {
		m.Fatalf("%s %s: %+v\n%s\n%s", method, path, r, m.hs.output.String(), m.pair.id.output.String())
	}
	return r
}

func (m *member) auth() map[string]any {
	return map[string]any{"type": "m.login.password", "password": memberPassword, "identifier": map[string]any{"type": "m.id.user", "user": m.user}}
}

// adds gives the account the address, by the code that is mailed.
func (m *member) adds() {
	m.Helper()
	asked := m.do("POST", "/account/3pid/email/requestToken", map[string]any{"email": m.address, "client_secret": "adding", "send_attempt": 1})
	session := map[string]any{"sid": asked.text("sid"), "client_secret": "adding", "token": m.newestCode(m.address)}
	path, is := strings.CutPrefix(asked.text("submit_url"), m.hs.url)
	if r := m.hs.call("POST", path, "", session); !is || !r.ok() {
		m.Fatalf("submitting the code to %s: %+v", asked.text("submit_url"), r)
	}
	m.do("POST", "/account/3pid/add", map[string]any{"sid": asked.text("sid"), "client_secret": "adding", "auth": m.auth()})
}

// isFound has the member found by the address, by a session that they open themselves, as
// clients do.
func (m *member) isFound() {
	m.Helper()
	if !m.request("binding") || !m.submit() {
		m.Fatal("no session to bind by")
	}
	m.do("POST", "/account/3pid/bind", map[string]any{"id_server": strings.TrimPrefix(m.pair.id.url, "http://"), "id_access_token": m.token,
		"sid": m.sid, "client_secret": m.secret})
}

// addresses is how many the account has.
func (m *member) addresses() int {
	m.Helper()
	all, _ := m.do("GET", "/account/3pid", nil).body["threepids"].([]any)
	return len(all)
}

// finds looks the other's address up.
func (m *member) finds(other *member) bool {
	m.Helper()
	look := *m.person
	look.address, look.user = other.address, other.user
	return look.found()
}

// awaitsTheEndOf waits until nobody finds the other any more.
func (m *member) awaitsTheEndOf(other *member) {
	m.Helper()
	for deadline := time.Now().Add(time.Minute); m.finds(other); {
		if time.Now().After(deadline) {
			m.Fatalf("%s is found still\n%s", other.user, m.hs.output.String())
		}
		time.Sleep(20 * time.Millisecond) // another process has no signal to give
	}
}

// Alice adds an address to her account and is found by it; she deletes it, adds it again, and
// her account ends: nobody finds her any more. Bob, of whom all of it is true but the end, is
// found. A code that the homeserver has asked for binds nothing, and one that Alice has asked for
// herself adds nothing.
func TestAnAddressFromTheCodeToTheEnd(t *testing.T) {
	t.Parallel()
	onEachEngine(t, func(t *testing.T, p *pair) {
		alice, bob := p.member("alice"), p.member("bob")
		for _, m := range []*member{alice, bob} {
			m.adds()
			m.isFound()
			if m.addresses() != 1 {
				t.Errorf("%s has %d addresses", m.user, m.addresses())
			}
		}
		if !bob.finds(alice) || !alice.finds(bob) {
			t.Error("they do not find each other")
		}
		mine := map[string]any{"sid": alice.sid, "client_secret": alice.secret, "auth": alice.auth()}
		if r := p.hs.call("POST", clientV3+"/account/3pid/add", alice.hsToken, mine); r.status != 403 || r.text("errcode") != "M_THREEPID_AUTH_FAILED" {
			t.Errorf("adding by a session of her own: %+v", r)
		}
		theirs := map[string]any{"medium": "email", "address": alice.address}
		if r := alice.do("POST", "/account/3pid/delete", theirs); r.text("id_server_unbind_result") != "success" || bob.finds(alice) || alice.addresses() != 0 {
			t.Errorf("deleted: %+v; she is found: %v", r, bob.finds(alice))
		}
		if !alice.request("once_more") || !alice.submit() {
			t.Fatal("no session to bind by")
		}
		if !alice.bind() || !bob.finds(alice) { // with no homeserver in between
			t.Error("alice is not found again")
		}
		if r := alice.do("POST", "/account/deactivate", map[string]any{"auth": alice.auth()}); r.text("id_server_unbind_result") != "success" {
			t.Errorf("the end: %+v\n%s", r, p.hs.output.String())
		}
		if bob.finds(alice) || !bob.finds(bob) {
			t.Errorf("alice is found: %v, bob: %v", bob.finds(alice), bob.finds(bob))
		}
	})
}

// The homeserver is killed while it tells an identity server that does not answer whom nobody is
// to find any more; of another account it learns from a command, while it does not run. Both are
// told when it is back.
func TestKillAtTheEndOfAnAccount(t *testing.T) {
	t.Parallel()
	onEachEngine(t, func(t *testing.T, p *pair) {
		alice, bob, carol := p.member("alice"), p.member("bob"), p.member("carol")
		for _, m := range []*member{alice, bob} {
			m.adds()
			m.isFound()
		}
		if !carol.finds(alice) || !carol.finds(bob) {
			t.Fatal("carol does not find them")
		}
		if err := p.id.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		ended := make(chan reply)
		go func() {
			ended <- p.hs.call("POST", clientV3+"/account/deactivate", alice.hsToken, map[string]any{"auth": alice.auth()})
		}()
		for p.hs.call("GET", clientV3+"/account/whoami", alice.hsToken, nil).ok() {
			time.Sleep(10 * time.Millisecond) // another process has no signal to give
		}
		if exit := (*exec.ExitError)(nil); !errors.As(p.hs.end(syscall.SIGKILL), &exit) {
			t.Fatal("it was not killed")
		}
		if r := <-ended; r.ok() {
			t.Errorf("it had been answered: %+v", r)
		}
		command := exec.Command(filepath.Join(bin, "homeserver"), "--config", "homeserver.yaml", "users", "deactivate", "bob")
		command.Dir = p.hs.dir
		if out, err := command.CombinedOutput(); err != nil {
			t.Fatalf("users deactivate: %v\n%s", err, out)
		}
		if err := p.id.cmd.Process.Signal(syscall.SIGCONT); err != nil {
			t.Fatal(err)
		}
		if !carol.finds(bob) {
			t.Error("bob is not found, of whom nobody has told")
		}
		p.hs.start()
		carol.awaitsTheEndOf(alice)
		carol.awaitsTheEndOf(bob)
	})
}

// An unmodified client does all of it.
func TestAddressesByMatrixJSSDK(t *testing.T) {
	modules := nodeModules(t)
	t.Parallel()
	p := newPair(t, storetest.SQLite(t), storetest.SQLite(t))
	hs := &homeserver{process: p.hs}
	hs.tell(scripts(t, modules), filepath.Join(modules, ".bin", "node"), "jssdk_address.mjs", p.hs.url, p.id.url, filepath.Join(p.id.dir, "signet-data", "mailbox"))
}
