package endtoend

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// holder is a person who has an account at the homeserver, and one at the identity server.
type holder struct{ *person }

const holderPassword = "correct horse battery" // that of join

func (p *pair) holder(name string) *holder {
	p.Helper()
	return &holder{p.join(name)}
}

// do asks the homeserver for what must succeed.
func (h *holder) do(method, path string, body map[string]any) reply {
	h.Helper()
	r := h.hs.call(method, clientV3+path, h.access, body)
	if !r.ok() {
		h.Fatalf("%s %s: %+v\n%s\n%s", method, path, r, h.hs.output.String(), h.pair.id.output.String())
	}
	return r
}

func (h *holder) auth() map[string]any {
	return map[string]any{"type": "m.login.password", "password": holderPassword, "identifier": map[string]any{"type": "m.id.user", "user": h.user}}
}

// adds gives the account the address, by the code that is mailed.
func (h *holder) adds() {
	h.Helper()
	asked := h.do("POST", "/account/3pid/email/requestToken", map[string]any{"email": h.address, "client_secret": "adding", "send_attempt": 1})
	session := map[string]any{"sid": asked.text("sid"), "client_secret": "adding", "token": h.code(h.address)}
	path, is := strings.CutPrefix(asked.text("submit_url"), h.hs.url)
	if r := h.hs.call("POST", path, "", session); !is || !r.ok() {
		h.Fatalf("submitting the code to %s: %+v", asked.text("submit_url"), r)
	}
	h.do("POST", "/account/3pid/add", map[string]any{"sid": asked.text("sid"), "client_secret": "adding", "auth": h.auth()})
}

// isFound has the holder found by the address, by a session that they open themselves, as
// clients do.
func (h *holder) isFound() {
	h.Helper()
	if !h.request("binding") || !h.submit() {
		h.Fatal("no session to bind by")
	}
	h.do("POST", "/account/3pid/bind", map[string]any{"id_server": strings.TrimPrefix(h.pair.id.url, "http://"), "id_access_token": h.token,
		"sid": h.sid, "client_secret": h.secret})
}

// addresses is how many the account has.
func (h *holder) addresses() int {
	h.Helper()
	all, _ := h.do("GET", "/account/3pid", nil).body["threepids"].([]any)
	return len(all)
}

// finds looks the other's address up.
func (h *holder) finds(other *holder) bool {
	h.Helper()
	look := *h.person
	look.address, look.user = other.address, other.user
	return look.found()
}

// awaitsTheEndOf waits until nobody finds the other any more.
func (h *holder) awaitsTheEndOf(other *holder) {
	h.Helper()
	if !comes(func() bool { return !h.finds(other) }) {
		h.Fatalf("%s is found still\n%s", other.user, h.hs.output.String())
	}
}

// Alice adds an address to her account and is found by it; she deletes it, adds it again, and
// her account ends: nobody finds her any more. Bob, of whom all of it is true but the end, is
// found. A code that the homeserver has asked for binds nothing, and one that Alice has asked for
// herself adds nothing.
func TestAnAddressFromTheCodeToTheEnd(t *testing.T) {
	t.Parallel()
	onEachEngine(t, func(t *testing.T, p *pair) {
		alice, bob := p.holder("alice"), p.holder("bob")
		for _, h := range []*holder{alice, bob} {
			h.adds()
			h.isFound()
			if h.addresses() != 1 {
				t.Errorf("%s has %d addresses", h.user, h.addresses())
			}
		}
		if !bob.finds(alice) || !alice.finds(bob) {
			t.Error("they do not find each other")
		}
		mine := map[string]any{"sid": alice.sid, "client_secret": alice.secret, "auth": alice.auth()}
		if r := p.hs.call("POST", clientV3+"/account/3pid/add", alice.access, mine); r.status != 403 || r.text("errcode") != "M_THREEPID_AUTH_FAILED" {
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

// mails is how many messages have come to an address, with a code or without.
func (p *pair) mails(address string) (n int) {
	p.Helper()
	files, err := filepath.Glob(filepath.Join(p.id.dir, "signet-data", "mailbox", "*.json"))
	if err != nil {
		p.Fatal(err)
	}
	for _, file := range files {
		stored, err := os.ReadFile(file)
		if err != nil {
			p.Fatal(err)
		}
		if strings.Contains(string(stored), `"to":"`+address+`"`) || strings.Contains(string(stored), `"to": "`+address+`"`) {
			n++
		}
	}
	return n
}

// Somebody signs up with alice's address: they are answered as with any other, and she is written
// to with no code that they could be told.
func TestSigningUpWithAnAddressInUse(t *testing.T) {
	t.Parallel()
	onEachEngine(t, func(t *testing.T, p *pair) {
		alice := p.holder("alice")
		alice.adds()
		before, code := p.mails(alice.address), p.newestCode(alice.address)
		if before != 1 {
			t.Errorf("alice has %d messages", before)
		}
		r := p.hs.call("POST", clientV3+"/register/email/requestToken", "", map[string]any{"email": alice.address, "client_secret": "signing_up", "send_attempt": 1})
		if !r.ok() || len(r.body) != 2 || r.text("sid") == "" || r.text("submit_url") == "" {
			t.Errorf("asking for her address: %+v", r)
		}
		if !comes(func() bool { return p.mails(alice.address) > before }) || p.mails(alice.address) != before+1 {
			t.Errorf("alice has %d messages", p.mails(alice.address))
		}
		if p.newestCode(alice.address) != code {
			t.Error("a code was sent to alice")
		}
	})
}

// The homeserver is killed while it tells an identity server that does not answer whom nobody is
// to find any more; of another account it learns from a command, while it does not run. Both are
// told when it is back.
func TestKillAtTheEndOfAnAccount(t *testing.T) {
	t.Parallel()
	onEachEngine(t, func(t *testing.T, p *pair) {
		alice, bob, carol := p.holder("alice"), p.holder("bob"), p.holder("carol")
		for _, h := range []*holder{alice, bob} {
			h.adds()
			h.isFound()
		}
		if !carol.finds(alice) || !carol.finds(bob) {
			t.Fatal("carol does not find them")
		}
		if err := p.id.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		ended := make(chan reply)
		go func() {
			ended <- p.hs.call("POST", clientV3+"/account/deactivate", alice.access, map[string]any{"auth": alice.auth()})
		}()
		for p.hs.call("GET", clientV3+"/account/whoami", alice.access, nil).ok() {
			time.Sleep(10 * time.Millisecond) // another process has no signal to give
		}
		if exit := (*exec.ExitError)(nil); !errors.As(p.hs.end(syscall.SIGKILL), &exit) {
			t.Fatal("it was not killed")
		}
		if r := <-ended; r.text("id_server_unbind_result") == "success" {
			t.Errorf("the identity server does not answer, and alice is told: %+v", r)
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
	p := newPair(t, sqlite)
	hs := &homeserver{process: p.hs}
	hs.tell(scripts(t, modules), filepath.Join(modules, ".bin", "node"), "jssdk_address.mjs", p.hs.url, p.id.url)
}
