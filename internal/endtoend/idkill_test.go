package endtoend

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// scene is one step of a story: what its person asks for, and the status of the answer, 0 where
// there is none.
type scene struct {
	what string
	ask  func() (status int)
	away int // the status while the identity server is killed
}

// inAllScenes tells stories side by side. Before each step the identity server is killed: all ask
// in vain, or for what does not need it; and ask again when it is back.
func (p *pair) inAllScenes(stories ...[]scene) {
	p.Helper()
	for i := range stories[0] {
		var exit *exec.ExitError
		if err := p.id.end(syscall.SIGKILL); !errors.As(err, &exit) {
			p.Fatalf("killed: %v\n%s", err, p.id.output.String())
		}
		for _, story := range stories {
			if status := story[i].ask(); status != story[i].away {
				p.Errorf("%s without the identity server = %d, want %d", story[i].what, status, story[i].away)
			}
		}
		if err := endLeases(p.id.database); err != nil {
			p.Fatal(err)
		}
		p.id.start()
		for _, story := range stories {
			if story[i].away == http.StatusOK {
				continue // and is done
			}
			if status := story[i].ask(); status != http.StatusOK {
				p.Fatalf("%s with the identity server = %d\n%s\n%s", story[i].what, status, p.hs.output.String(), p.id.output.String())
			}
		}
	}
}

// asks makes a request of the homeserver, whose answer it keeps where that is asked for.
func (h *holder) asks(method, path string, body func() map[string]any, into *reply) func() int {
	return func() int {
		r := h.hs.call(method, path, h.access, body())
		if r.ok() && into != nil {
			*into = r
		}
		return r.status
	}
}

// credentials is a session that the homeserver has opened, in its members.
func credentials(asked *reply) map[string]any {
	return map[string]any{"sid": asked.text("sid"), "client_secret": "secret"}
}

// codeScenes are those of somebody who asks for a code and shows it.
func (h *holder) codeScenes(path string, asked *reply) []scene {
	former := ""
	ask := h.asks("POST", clientV3+path+"/email/requestToken", func() map[string]any {
		former = h.newestCode(h.address)
		return map[string]any{"email": h.address, "client_secret": "secret", "send_attempt": 1}
	}, asked)
	show := h.asks("POST", "/_signet/v1/3pid/email/submitToken", func() map[string]any {
		return map[string]any{"sid": asked.text("sid"), "client_secret": "secret", "token": h.freshCode(former)}
	}, nil)
	return []scene{{"a code, by " + path, ask, 502}, {"the code, by " + path, show, 502}}
}

// freshCode waits for a code that has come since. While nobody can say whether it is right, and
// none comes, it is any.
func (h *holder) freshCode(former string) (code string) {
	h.Helper()
	if h.pair.id.ended() {
		return "12345678"
	}
	if !comes(func() bool { code = h.newestCode(h.address); return code != former }) {
		h.Fatalf("no code comes to %s", h.address)
	}
	return code
}

// logsIn is a login by a code, up to the token that lets a client in.
func (h *holder) logsIn() []scene {
	v, former, location := h.visit(), h.newestCode(h.address), ""
	send := func(field string, value func() string) func() int {
		return func() int {
			status, _, to := v.send(field, value())
			if status == http.StatusSeeOther {
				location, status = to, http.StatusOK
			}
			return status
		}
	}
	v.begin("io.element.app:/")
	return []scene{
		{"the address to log in by", send("address", func() string { return h.address }), 502},
		{"the code to log in by", send("code", func() string { return h.freshCode(former) }), 502},
		{"the way back", send("agreed", func() string { return "1" }), 502},
		{"the token", h.asks("POST", clientV3+"/login", func() map[string]any {
			_, token, _ := strings.Cut(location, "loginToken=")
			return map[string]any{"type": "m.login.token", "token": token, "initial_device_display_name": "New app"}
		}, nil), 200},
	}
}

// forgets is a new password for somebody who has lost theirs.
func (h *holder) forgets() []scene {
	var asked reply
	return append(h.codeScenes("/account/password", &asked),
		scene{"the new password", func() int {
			auth := map[string]any{"type": "m.login.email.identity", "threepid_creds": credentials(&asked)}
			return h.hs.call("POST", clientV3+"/account/password", "", map[string]any{"new_password": "another battery", "auth": auth}).status
		}, 502},
		scene{"a login by it", func() int {
			return h.hs.call("POST", clientV3+"/login", "", map[string]any{"type": "m.login.password", "password": "another battery",
				"identifier": map[string]any{"type": "m.id.thirdparty", "medium": "email", "address": h.address}}).status
		}, 200})
}

// gains is an address that is added and bound.
func (h *holder) gains() []scene {
	var asked reply
	return append(h.codeScenes("/account/3pid", &asked),
		scene{"adding", h.asks("POST", clientV3+"/account/3pid/add", func() map[string]any {
			return map[string]any{"sid": asked.text("sid"), "client_secret": "secret", "auth": h.auth()}
		}, nil), 502},
		scene{"binding", func() int {
			if h.sid == "" && (!h.request("binding") || !h.submit()) {
				return 502 // whom clients ask themselves
			}
			return h.asks("POST", clientV3+"/account/3pid/bind", func() map[string]any {
				return map[string]any{"id_server": strings.TrimPrefix(h.pair.id.url, "http://"), "id_access_token": h.token, "sid": h.sid, "client_secret": h.secret}
			}, nil)()
		}, 502})
}

// invites is an invitation of an address whose owner binds it in the moment in which the identity
// server dies.
func (h *holder) invites(guest *holder) []scene {
	var room reply
	room.body = h.do("POST", "/createRoom", map[string]any{"preset": "private_chat"}).body
	invite := h.asks("POST", clientV3+"/rooms/"+url.PathEscape(room.text("room_id"))+"/invite", func() map[string]any {
		return map[string]any{"id_server": strings.TrimPrefix(h.pair.id.url, "http://"), "id_access_token": h.token, "medium": "email", "address": guest.address}
	}, nil)
	step := func(do func(string) bool) func() int {
		return func() int {
			if !do("guest") {
				return 502
			}
			return 200
		}
	}
	return []scene{
		{"inviting", invite, 502},
		{"the guest's code", step(guest.request), 502},
		{"the guest's binding", step(func(string) bool {
			return (guest.validated || h.pair.id.ended() || guest.submit()) && guest.bind()
		}), 502},
		{"nothing more", func() int { return 200 }, 200},
	}
}

// The identity server is killed at each step of a login by a code, of a new password, of an
// address that is added and bound, and of an invitation. When it is back all goes on where it
// was; what it was to be told it is told, and nothing comes twice. Alice deletes her address in
// front of a server that does not answer, and this one is killed, too: nobody finds her.
func TestTheIdentityServerIsKilledAtEachStep(t *testing.T) {
	t.Parallel()
	onEachByCode(t, func(p *pair) {
		alice, bob, carol, dave := p.holder("alice"), p.holder("bob"), p.holder("carol"), p.holder("dave")
		alice.adds()
		alice.isFound()
		bob.adds()
		p.inAllScenes(alice.logsIn(), bob.forgets(), carol.gains(), alice.invites(dave))

		p.mailed(alice.address, "New app")
		p.mailed(bob.address, "The password of your account")
		dave.awaitsTheInvitation()
		if n := alice.invitations(); n != 1 {
			p.Errorf("alice has invited dave %d times", n)
		}
		if !bob.finds(carol) || carol.addresses() != 1 {
			p.Errorf("carol has %d addresses, and is found: %v", carol.addresses(), bob.finds(carol))
		}
		p.awayAsDeleted(alice)
		if carol.awaitsTheEndOf(alice); !bob.finds(carol) {
			p.Error("carol is found no more")
		}
		if n := p.mailsWith(alice.address, "New app"); n != 1 {
			p.Errorf("alice is told of her login %d times", n)
		}
		if n := p.mailsWith(bob.address, "The password of your account"); n != 1 {
			p.Errorf("bob is told of his new password %d times", n)
		}
	})
}

// awayAsDeleted has somebody delete their address while the identity server does not answer, and
// kills the homeserver.
func (p *pair) awayAsDeleted(h *holder) {
	p.Helper()
	if err := p.id.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		p.Fatal(err)
	}
	ended := make(chan reply)
	go func() {
		ended <- p.hs.call("POST", clientV3+"/account/3pid/delete", h.access, map[string]any{"medium": "email", "address": h.address})
	}()
	for h.addresses() > 0 {
		time.Sleep(10 * time.Millisecond) // another process has no signal to give
	}
	if exit := (*exec.ExitError)(nil); !errors.As(p.hs.end(syscall.SIGKILL), &exit) {
		p.Fatal("it was not killed")
	}
	if r := <-ended; r.text("id_server_unbind_result") == "success" {
		p.Errorf("the identity server does not answer, and %s is told: %+v", h.user, r)
	}
	if err := p.id.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		p.Fatal(err)
	}
	p.hs.start()
}

// invitations is how many invitations of addresses stand in the rooms of the holder.
func (h *holder) invitations() int {
	h.Helper()
	return strings.Count(fmt.Sprint(h.do("GET", "/sync", nil).body["rooms"]), "type:m.room.third_party_invite")
}

func (h *holder) awaitsTheInvitation() {
	h.Helper()
	invited := func() bool {
		rooms, _ := h.do("GET", "/sync", nil).body["rooms"].(map[string]any)
		return rooms["invite"] != nil
	}
	if !comes(invited) {
		h.Fatalf("%s is never invited\n%s\n%s", h.user, h.hs.output.String(), h.pair.id.output.String())
	}
}

// mailsWith is how many messages to an address have some words. One that was sent twice, since the
// server was killed before it had written down that it was sent, is one.
func (p *pair) mailsWith(address, words string) int {
	p.Helper()
	ids := map[string]bool{}
	files, err := filepath.Glob(filepath.Join(p.id.dir, "signet-data", "mailbox", "*.json"))
	if err != nil {
		p.Fatal(err)
	}
	for _, file := range files {
		stored, err := os.ReadFile(file)
		if errors.Is(err, os.ErrNotExist) {
			continue // the mailbox keeps the newest only
		}
		var m struct{ ID, To, Text string }
		if err := errors.Join(err, json.Unmarshal(stored, &m)); err != nil {
			p.Fatal(err)
		}
		if m.To == address && strings.Contains(m.Text, words) {
			ids[m.ID] = true
		}
	}
	return len(ids)
}

// onEachByCode is onEachEngine where people log in by a code.
func onEachByCode(t *testing.T, tell func(p *pair)) {
	onEach(t, func(t *testing.T, e engine) {
		tell(newPairWith(t, e, func(string) (string, string) {
			return "limits: {dry_run: true}\ncaptcha: {when: never}\n", "login: {by_code: true}\n"
		}))
	})
}
